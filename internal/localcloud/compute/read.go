package compute

import (
	"encoding/base64"
	"sort"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// defaultPage is maxResults when the client names none, and its limit.
const defaultPage = 500

func (s site) get(c *apiserver.Call) (any, error) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	return a.view(r, s.version), nil
}

func (s site) list(c *apiserver.Call) (any, error) {
	scope, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	var items []map[string]any
	for _, r := range a.listed(func(r *resource) bool { return r.kind == s.kind && r.scope == scope }) {
		items = append(items, a.view(r, "v1"))
	}
	path := "projects/" + apiserver.ProjectID + "/" + scope + "/" + s.kind.collection
	return page(c, items, listing{"compute#" + s.kind.singular + "List", path, s.version})
}

// listing is the head of a list: its kind, the path of the collection and the
// version of its links.
type listing struct {
	kind, path, version string
}

// page answers one page of items, filtered and ordered by name.
func page(c *apiserver.Call, items []map[string]any, head listing) (any, error) {
	keep, err := parseFilter(c.Query("filter"))
	if err != nil {
		return nil, err
	}
	size, after, err := paging(c)
	if err != nil {
		return nil, err
	}
	sort.Slice(items, func(i, j int) bool { return apiserver.Text(items[i], "name") < apiserver.Text(items[j], "name") })
	answer := map[string]any{"kind": head.kind, "id": head.path, "selfLink": link(head.path)}
	var shown []any
	for _, item := range items {
		if apiserver.Text(item, "name") <= after || !keep(item) {
			continue
		}
		if len(shown) == size {
			last := apiserver.Text(shown[size-1].(map[string]any), "name")
			answer["nextPageToken"] = base64.StdEncoding.EncodeToString([]byte(last))
			break
		}
		shown = append(shown, item)
	}
	if len(shown) > 0 {
		answer["items"] = shown
	}
	return inVersion(answer, head.version), nil
}

// paging reads maxResults and pageToken, which is the last name shown.
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

// aggregatedList answers the resources of a kind in every scope.
func (s site) aggregatedList(c *apiserver.Call) (any, error) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	var items []map[string]any
	for _, r := range a.listed(func(r *resource) bool { return r.kind == s.kind }) {
		items = append(items, a.view(r, "v1"))
	}
	where := aggregation{s.kind.collection, s.kind.global != "", s.kind.regional != ""}
	return where.answer(c, items, listing{"compute#" + s.kind.singular + "AggregatedList",
		aggregatedPath(s.kind.collection), s.version})
}

func aggregatedPath(collection string) string {
	return "projects/" + apiserver.ProjectID + "/aggregated/" + collection
}

// aggregation is a collection and the scopes that it exists in.
type aggregation struct {
	collection       string
	global, regional bool
}

// answer is a map of every scope, each with its items or with the warning that
// it has none. It is one page: a project of this cloud never holds enough for
// two.
func (g aggregation) answer(c *apiserver.Call, items []map[string]any, head listing) (any, error) {
	keep, err := parseFilter(c.Query("filter"))
	if err != nil {
		return nil, err
	}
	scopes := map[string]any{}
	if g.global {
		scopes[global] = emptyScope(global)
	}
	for _, region := range regions {
		if g.regional {
			scopes["regions/"+region] = emptyScope("regions/" + region)
		}
	}
	for _, item := range items {
		scope, ok := scopes[scopeOf(item)].(map[string]any)
		if !ok || !keep(item) {
			continue
		}
		delete(scope, "warning")
		scope[g.collection] = append(apiserver.List(scope, g.collection), item)
	}
	answer := map[string]any{"kind": head.kind, "id": head.path, "selfLink": link(head.path), "items": scopes}
	return inVersion(answer, head.version), nil
}

// scopeOf is "global" or "regions/REGION", as the item's own link says.
func scopeOf(item map[string]any) string {
	if _, region, ok := strings.Cut(apiserver.Text(item, "selfLink"), "/regions/"); ok {
		region, _, _ = strings.Cut(region, "/")
		return "regions/" + region
	}
	return global
}

func emptyScope(scope string) map[string]any {
	return map[string]any{"warning": map[string]any{
		"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for scope '" + scope + "' on this page.",
		"data": []any{map[string]any{"key": "scope", "value": scope}},
	}}
}
