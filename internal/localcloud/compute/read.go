package compute

import (
	"encoding/base64"
	"sort"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/kernel"
)

// defaultPage is maxResults when the client names none, and its limit.
const defaultPage = 500

func (s site) get(c *kernel.Call) (any, error) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	return a.view(r, s.version), nil
}

func (s site) list(c *kernel.Call) (any, error) {
	scope, err := s.scope(c)
	if err != nil {
		return nil, err
	}
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	var items []map[string]any
	for _, r := range a.sorted(func(r *resource) bool { return r.kind == s.kind && r.scope == scope }) {
		items = append(items, a.view(r, "v1"))
	}
	path := "projects/" + kernel.ProjectID + "/" + scope + "/" + s.kind.collection
	return page(c, items, listing{"compute#" + s.kind.singular + "List", path, s.version})
}

// listing is the head of a list: its kind, the path of the collection and the
// version of its links.
type listing struct {
	kind, path, version string
}

// page answers one page of items, filtered and ordered by name.
func page(c *kernel.Call, items []map[string]any, head listing) (any, error) {
	keep, err := parseFilter(c.Query("filter"))
	if err != nil {
		return nil, err
	}
	size, after, err := paging(c)
	if err != nil {
		return nil, err
	}
	sort.Slice(items, func(i, j int) bool { return kernel.Text(items[i], "name") < kernel.Text(items[j], "name") })
	answer := map[string]any{"kind": head.kind, "id": head.path, "selfLink": link(head.path)}
	var shown []any
	for _, item := range items {
		if kernel.Text(item, "name") <= after || !keep(item) {
			continue
		}
		if len(shown) == size {
			last := kernel.Text(shown[size-1].(map[string]any), "name")
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
func paging(c *kernel.Call) (size int, after string, err error) {
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

// aggregatedList answers a map of every scope, each with its resources or with
// the warning that it has none. It is one page: a project of this cloud never
// holds enough for two.
func (s site) aggregatedList(c *kernel.Call) (any, error) {
	keep, err := parseFilter(c.Query("filter"))
	if err != nil {
		return nil, err
	}
	scopes := map[string]any{}
	if s.kind.global != "" {
		scopes[global] = emptyScope(global)
	}
	if s.kind.regional != "" {
		for _, region := range regions {
			scopes["regions/"+region] = emptyScope("regions/" + region)
		}
	}
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.sorted(func(r *resource) bool { return r.kind == s.kind }) {
		item := a.view(r, "v1")
		if !keep(item) {
			continue
		}
		scope := scopes[r.scope].(map[string]any)
		delete(scope, "warning")
		scope[s.kind.collection] = append(kernel.List(scope, s.kind.collection), item)
	}
	path := "projects/" + kernel.ProjectID + "/aggregated/" + s.kind.collection
	answer := map[string]any{
		"kind": "compute#" + s.kind.singular + "AggregatedList", "id": path, "selfLink": link(path), "items": scopes,
	}
	return inVersion(answer, s.version), nil
}

func emptyScope(scope string) map[string]any {
	return map[string]any{"warning": map[string]any{
		"code": "NO_RESULTS_ON_PAGE", "message": "There are no results for scope '" + scope + "' on this page.",
		"data": []any{map[string]any{"key": "scope", "value": scope}},
	}}
}
