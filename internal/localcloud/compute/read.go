package compute

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

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
	return page(c, items, listing{s.method.Response, path, s.version})
}

// aggregatedList answers the resources of a kind in every scope.
func (s site) aggregatedList(c *apiserver.Call) (any, error) {
	items, err := s.items(c, "")
	if err != nil {
		return nil, err
	}
	return s.scopes.page(c, items, listing{s.method.Response, aggregatedPath(s.kind.collection), s.version})
}

// item is one entry of a list: its place in the list's order, and how clients of
// v1 see it.
type item struct {
	order  string
	object map[string]any
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
		items[i] = item{order(r), s.api.view(r, "v1")}
	}
	return items
}

// listing is the head of a list: its message, the path of the collection and the
// version of its links.
type listing struct {
	message, path, version string
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

// page answers one page of items.
func page(c *apiserver.Call, items source, head listing) (any, error) {
	shown, next, err := cut(c, items)
	if err != nil {
		return nil, err
	}
	answer := head.answer(next)
	if len(shown) > 0 {
		answer["items"] = shown
	}
	return inVersion(answer, head.version), nil
}

// cut returns the items of the page that a call asks for, and the token of the
// next page, "" where there is none. It ends when the client has gone.
func cut(c *apiserver.Call, items source) (shown []any, next string, err error) {
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
		for _, each := range batch {
			switch after = each.order; {
			case !keep(each.object):
			case len(shown) == size:
				return shown, base64.StdEncoding.EncodeToString([]byte(last)), nil
			default:
				shown, last = append(shown, each.object), each.order
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
// with its items on the page or with the warning that it has none there. No
// scope is ever unreachable, so returnPartialSuccess changes nothing.
func (g aggregation) page(c *apiserver.Call, items source, head listing) (any, error) {
	shown, next, err := cut(c, items)
	if err != nil {
		return nil, err
	}
	found := map[string][]any{}
	for _, each := range shown {
		scope := scopeOf(each.(map[string]any))
		found[scope] = append(found[scope], each)
	}
	scopes := map[string]any{}
	if g.global {
		scopes[global] = g.scope(global, found[global])
	}
	for _, scope := range regionScopes {
		if g.regional {
			scopes[scope] = g.scope(scope, found[scope])
		}
	}
	answer := head.answer(next)
	answer["items"] = scopes
	return inVersion(answer, head.version), nil
}

func (g aggregation) scope(scope string, items []any) map[string]any {
	if len(items) > 0 {
		return map[string]any{g.collection: items}
	}
	return map[string]any{"warning": map[string]any{
		"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for scope '" + scope + "' on this page.",
		"data": []any{map[string]any{"key": "scope", "value": scope}},
	}}
}

// scopeOf is "global" or "regions/REGION", as the item's own link says.
func scopeOf(item map[string]any) string {
	if _, region, ok := strings.Cut(apiserver.Text(item, "selfLink"), "/regions/"); ok {
		region, _, _ = strings.Cut(region, "/")
		return "regions/" + region
	}
	return global
}
