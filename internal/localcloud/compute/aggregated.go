package compute

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// aggregatedList answers the resources of a kind in every scope of a project.
func (s site) aggregatedList(c *apiserver.Call) (any, error) {
	items, err := s.items(c, c.Project.ID+"/")
	if err != nil {
		return nil, err
	}
	return s.scopes.page(c, items, listing{s.method.Response, aggregatedPath(c.Project, s.kind.collection), s.version, ""})
}

func aggregatedPath(project apiserver.Project, collection string) string {
	return project.Name() + "/aggregated/" + collection
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
