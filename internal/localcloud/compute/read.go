package compute

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/store"
)

// defaultPage is maxResults when the client names none, and its limit.
const defaultPage = 500

func (s site) get(c *apiserver.Call) (any, error) {
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	return s.api.view(r, s.version), nil
}

func (s site) list(c *apiserver.Call) (any, error) {
	scope, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	items, err := s.items(c, scope+"/")
	if err != nil {
		return nil, err
	}
	path := "projects/" + apiserver.ProjectID + "/" + scope + "/" + s.kind.collection
	return page(c, items, listing{s.method.Response, path, s.version, scope})
}

// aggregatedList answers the resources of a kind in every scope.
func (s site) aggregatedList(c *apiserver.Call) (any, error) {
	items, err := s.items(c, "")
	if err != nil {
		return nil, err
	}
	return s.scopes.page(c, items, listing{s.method.Response, aggregatedPath(s.kind.collection), s.version, ""})
}

// item is one entry of a list: its place in the list's order, and a resource, or what a
// client of v1 sees of anything else.
type item struct {
	order    string
	api      *API
	resource *resource
	other    map[string]any
}

// object is the item as clients of v1 see it.
func (i item) object() map[string]any {
	if i.resource != nil {
		return i.api.view(i.resource, "v1")
	}
	return i.other
}

// scope is "global" or "regions/REGION".
func (i item) scope() string {
	if i.resource != nil {
		return i.resource.scope
	}
	if _, region, ok := strings.Cut(apiserver.Text(i.other, "selfLink"), "/regions/"); ok {
		region, _, _ = strings.Cut(region, "/")
		return "regions/" + region
	}
	return global
}

// append appends the item as JSON, as clients of v1 see it.
func (i item) append(text []byte) []byte {
	if i.resource != nil {
		return i.api.appendText(text, i.resource)
	}
	other, _ := json.Marshal(i.other) // texts, numbers, lists and objects
	return append(text, other...)
}

// size is about how long append's text is.
func (i item) size() int {
	if i.resource != nil {
		return len(i.resource.text()) + 256
	}
	return 1024
}

// source returns up to n items of a list, from the one after a place on.
type source func(after string, n int) []item

// items are the resources of a kind whose place begins with prefix, as lists
// show them, which may be as they were. By default they come by scope, then by
// name. That an aggregated list orders by scope first is unverified.
func (s site) items(c *apiserver.Call, prefix string) (source, error) {
	query := store.Query{List: s.kind.collection, Prefix: prefix, At: s.api.server.Listed()}
	switch order := c.Query("orderBy"); order {
	case "", "name":
		return func(after string, n int) []item {
			query.After, query.Limit = after, n
			return s.viewed(s.api.resources.Page(query), func(r *resource) string { return r.scope + "/" + r.name })
		}, nil
	case "creationTimestamp desc":
		all := s.api.resources.Page(query)
		slices.SortFunc(all, func(a, b *resource) int { return strings.Compare(newestFirst(a), newestFirst(b)) })
		return func(after string, n int) []item {
			first, found := slices.BinarySearchFunc(all, after, func(r *resource, after string) int {
				return strings.Compare(newestFirst(r), after)
			})
			if found {
				first++
			}
			return s.viewed(all[first:min(first+n, len(all))], newestFirst)
		}, nil
	default:
		return nil, invalidField("orderBy", order, "The list can be sorted by name or by creationTimestamp desc.")
	}
}

// newestFirst is a place in an order that begins with what was created last.
func newestFirst(r *resource) string {
	return fmt.Sprintf("%019d/%s", math.MaxInt64-r.created.UnixNano(), r.path())
}

func (s site) viewed(all []*resource, order func(*resource) string) []item {
	items := make([]item, len(all))
	for i, r := range all {
		items[i] = item{order: order(r), api: s.api, resource: r}
	}
	return items
}

// listing is the head of a list: its message, the path of the collection and the
// version of its links.
type listing struct {
	message, path, version string
	scope                  string // of a list of one scope
}

func (l listing) answer(next string) map[string]any {
	answer := map[string]any{"kind": "compute#" + strings.ToLower(l.message[:1]) + l.message[1:], "id": l.path}
	if document().Message(l.message).Fields["selfLink"] != nil {
		answer["selfLink"] = link(l.path)
	}
	if next != "" {
		answer["nextPageToken"] = next
	}
	return answer
}

// page answers one page of a list.
func page(c *apiserver.Call, from source, head listing) (any, error) {
	shown, next, err := cut(c, from)
	if err != nil {
		return nil, err
	}
	answer := head.answer(next)
	if head.scope != "" && unreachable(c, head.scope) {
		answer["warning"] = notReached(head.scope)["warning"]
	}
	if len(shown) == 0 {
		return inVersion(answer, head.version), nil
	}
	if asText(c, head.version) {
		return withItems(answer, shown, func(text []byte) []byte { return appendList(text, shown) }), nil
	}
	answer["items"] = objects(shown)
	return inVersion(answer, head.version), nil
}

func objects(items []item) []any {
	all := make([]any, len(items))
	for i, each := range items {
		all[i] = each.object()
	}
	return all
}

// asText reports whether the JSON that is kept of resources is what a client asks for:
// all of them, as v1 shows them.
func asText(c *apiserver.Call, version string) bool {
	return version == "v1" && c.Query("fields") == "" && c.Query("$fields") == ""
}

// withItems is an answer as JSON, with items that add appends in their own form.
func withItems(answer map[string]any, items []item, add func([]byte) []byte) apiserver.Encoded {
	head, _ := json.Marshal(answer) // of texts
	size := len(head) + 1<<14       // what names the scopes
	for _, each := range items {
		size += each.size()
	}
	text := append(apiserver.Buffer(size), head[:len(head)-1]...)
	text = append(text, `,"items":`...)
	return append(add(text), '}')
}

// appendList appends items as a JSON list.
func appendList(text []byte, items []item) []byte {
	text = append(text, '[')
	for i, each := range items {
		if i > 0 {
			text = append(text, ',')
		}
		text = each.append(text)
	}
	return append(text, ']')
}

// cut returns the items of the page that a call asks for, and the token of the
// next page, "" where there is none. It ends when the client has gone.
func cut(c *apiserver.Call, items source) (shown []item, next string, err error) {
	keep, err := parseFilter(c.Query("filter"))
	if err != nil {
		return nil, "", err
	}
	size, after, err := paging(c)
	if err != nil {
		return nil, "", err
	}
	last := after
	for {
		if err := context.Cause(c.Request.Context()); err != nil {
			return nil, "", apiserver.Cancelled(err)
		}
		batch := items(after, size+1)
		if keep == nil {
			shown = slices.Grow(shown, len(batch))
		}
		for _, each := range batch {
			switch after = each.order; {
			case unreachable(c, each.scope()):
			case keep != nil && !keep(each):
			case len(shown) == size:
				return shown, base64.StdEncoding.EncodeToString([]byte(last)), nil
			default:
				shown, last = append(shown, each), each.order
			}
		}
		if len(batch) <= size {
			return shown, "", nil
		}
	}
}

// paging reads maxResults and pageToken, which is the place of the last item
// shown.
func paging(c *apiserver.Call) (size int, after string, err error) {
	size = defaultPage
	if text := c.Query("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > defaultPage {
			return 0, "", invalidField("maxResults", text, "The value must be between 0 and 500.")
		}
		if n > 0 {
			size = n
		}
	}
	token, err := base64.StdEncoding.DecodeString(c.Query("pageToken"))
	if err != nil {
		return 0, "", invalidField("pageToken", c.Query("pageToken"), "The token is not one that was handed out.")
	}
	return size, string(token), nil
}

func aggregatedPath(collection string) string {
	return "projects/" + apiserver.ProjectID + "/aggregated/" + collection
}

// aggregation is a collection and the scopes that it exists in.
type aggregation struct {
	collection       string
	global, regional bool
}

// page answers one page of the items of all scopes: a map of every scope, each
// with its items on the page or with the warning that it has none there. A
// scope is unreachable only where a fault says so; then partial success is what every
// client gets, whatever it opted for.
func (g aggregation) page(c *apiserver.Call, items source, head listing) (any, error) {
	shown, next, err := cut(c, items)
	if err != nil {
		return nil, err
	}
	found := byScope(shown)
	answer := head.answer(next)
	without := map[string]any{}
	for _, scope := range g.scopes() {
		if unreachable(c, scope) {
			without[scope] = notReached(scope)
			missing, _ := answer["unreachables"].([]any)
			answer["unreachables"] = append(missing, scope)
		}
	}
	if asText(c, head.version) {
		return withItems(answer, shown, func(text []byte) []byte { return g.appendScopes(text, found, without) }), nil
	}
	scopes := map[string]any{}
	for _, scope := range g.scopes() {
		switch {
		case len(found[scope]) > 0:
			scopes[scope] = map[string]any{g.collection: objects(found[scope])}
		case without[scope] != nil:
			scopes[scope] = without[scope]
		default:
			scopes[scope] = noResults(scope)
		}
	}
	answer["items"] = scopes
	return inVersion(answer, head.version), nil
}

// byScope are the items of each scope, in their order.
func byScope(items []item) map[string][]item {
	found := map[string][]item{}
	for len(items) > 0 {
		scope, n := items[0].scope(), 1
		for n < len(items) && items[n].scope() == scope {
			n++
		}
		if run := items[:n:n]; found[scope] == nil {
			found[scope] = run
		} else {
			found[scope] = append(found[scope], run...)
		}
		items = items[n:]
	}
	return found
}

// scopes are the scopes that the collection exists in.
func (g aggregation) scopes() []string {
	var all []string
	if g.global {
		all = append(all, global)
	}
	if g.regional {
		all = append(all, regionScopes...)
	}
	return all
}

// appendScopes appends the items of all scopes as a JSON object; without is what scopes
// show that have none on the page, if it is not noResults.
func (g aggregation) appendScopes(text []byte, found map[string][]item, without map[string]any) []byte {
	for i, scope := range g.scopes() {
		text = append(text, "{,"[min(i, 1)])
		text = append(strconv.AppendQuote(text, scope), ':')
		if items := found[scope]; len(items) > 0 {
			text = append(strconv.AppendQuote(append(text, '{'), g.collection), ':')
			text = append(appendList(text, items), '}')
			continue
		}
		none := noResultsText()[scope]
		if without[scope] != nil {
			none, _ = json.Marshal(without[scope]) // of texts
		}
		text = append(text, none...)
	}
	return append(text, '}')
}

// unreachable reports whether a call's list has to do without a scope.
func unreachable(c *apiserver.Call, scope string) bool {
	return c.Unreachable(strings.TrimPrefix(scope, "regions/"))
}

// notReached is a scope that a list could not reach; the code is of the discovery
// document, the text is ours.
func notReached(scope string) map[string]any {
	return map[string]any{"warning": map[string]any{
		"code": "UNREACHABLE", "message": "The scope '" + scope + "' could not be reached.",
		"data": []any{map[string]any{"key": "scope", "value": scope}},
	}}
}

// noResults is a scope without items on a page.
func noResults(scope string) map[string]any {
	return map[string]any{"warning": map[string]any{
		"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for scope '" + scope + "' on this page.",
		"data": []any{map[string]any{"key": "scope", "value": scope}},
	}}
}

// noResultsText is noResults of every scope as JSON.
var noResultsText = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	for _, scope := range append([]string{global}, regionScopes...) {
		all[scope], _ = json.Marshal(noResults(scope)) // of texts
	}
	return all
})
