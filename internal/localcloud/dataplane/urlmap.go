package dataplane

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// destination is where a URL map sends a request: to a backend service, or to
// another URL. The zero value is nowhere.
type destination struct {
	backend  string // link
	mirror   string // link of the backend service that gets a copy of each request, "" for none
	redirect object
}

// router is a URL map with an index of its host rules, so that a request finds
// its own among any number of them.
type router struct {
	urlMap object
	// byHost names the path matcher of a host or of a pattern of hosts.
	byHost map[string]string
	// matchers are the path matchers, by name.
	matchers map[string]object
}

// newRouter indexes a URL map.
func newRouter(urlMap object) *router {
	r := &router{urlMap, map[string]string{}, map[string]object{}}
	for _, entry := range apiserver.List(urlMap, "hostRules") {
		rule, _ := entry.(object)
		for _, pattern := range apiserver.List(rule, "hosts") {
			text, _ := pattern.(string)
			host, _, _ := strings.Cut(strings.ToLower(text), ":")
			if _, taken := r.byHost[host]; !taken {
				r.byHost[host] = apiserver.Text(rule, "pathMatcher")
			}
		}
	}
	for _, entry := range apiserver.List(urlMap, "pathMatchers") {
		matcher, _ := entry.(object)
		if name := apiserver.Text(matcher, "name"); r.matchers[name] == nil {
			r.matchers[name] = matcher
		}
	}
	return r
}

// route finds the destination of a request: the path matcher of the most
// specific host rule, in it the longest path rule, else its default
// (load-balancing/docs/url-map-concepts).
func (r *router) route(host, path string) destination {
	matcher := r.matcherOf(host)
	if matcher == nil {
		return target(r.urlMap, "defaultService", "defaultRouteAction", "defaultUrlRedirect")
	}
	if rule := longestPath(apiserver.List(matcher, "pathRules"), path); rule != nil {
		return target(rule, "service", "routeAction", "urlRedirect")
	}
	if rule := firstRoute(apiserver.List(matcher, "routeRules"), path); rule != nil {
		return target(rule, "service", "routeAction", "urlRedirect")
	}
	return target(matcher, "defaultService", "defaultRouteAction", "defaultUrlRedirect")
}

// target reads a destination. Of weighted backend services the heaviest gets
// every request, the first of equals, so that one request always ends at one
// place; real load balancers throw dice.
func target(rule object, service, action, redirect string) destination {
	if to := apiserver.Object(rule, redirect); to != nil {
		return destination{redirect: to}
	}
	chosen, heaviest := apiserver.Text(rule, service), 0.0
	for _, entry := range apiserver.List(apiserver.Object(rule, action), "weightedBackendServices") {
		weighted, _ := entry.(object)
		if weight := number(weighted["weight"]); weight > heaviest {
			chosen, heaviest = apiserver.Text(weighted, "backendService"), weight
		}
	}
	return destination{backend: chosen, mirror: mirrorOf(apiserver.Object(rule, action))}
}

// mirrorOf is the backend service to which a route action mirrors requests. Of a share
// above none, every request is mirrored.
func mirrorOf(action object) string {
	mirror := apiserver.Object(action, "requestMirrorPolicy")
	if percent, set := mirror["mirrorPercent"]; set && number(percent) == 0 {
		return ""
	}
	return apiserver.Text(mirror, "backendService")
}

// number is a JSON number, 0 when it is none.
func number(value any) float64 {
	var n float64
	if _, err := fmt.Sscan(fmt.Sprint(value), &n); err != nil {
		return 0
	}
	return n
}

// matcherOf is the path matcher of the most specific host rule that fits.
func (r *router) matcherOf(host string) object {
	for pattern := range patternsOf(host) {
		if name, ok := r.byHost[pattern]; ok {
			return r.matchers[name]
		}
	}
	return nil
}

// patternsOf are the patterns that fit a host, the closest first: the host
// itself, then ever shorter wildcards, the lone star last.
func patternsOf(host string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if host != "" && !yield(host) {
			return
		}
		for i := range len(host) + 1 {
			if !yield("*" + host[i:]) {
				return
			}
		}
	}
}

// longestPath is the path rule with the longest path that fits: "/a/*" fits
// what begins with "/a/", any other path only itself.
func longestPath(rules []any, path string) object {
	var best object
	longest := -1
	for _, entry := range rules {
		rule, _ := entry.(object)
		for _, pattern := range apiserver.List(rule, "paths") {
			pattern, _ := pattern.(string)
			prefix, wild := strings.CutSuffix(pattern, "*")
			fits := pattern == path || wild && strings.HasPrefix(path, prefix)
			if fits && len(pattern) > longest {
				best, longest = rule, len(pattern)
			}
		}
	}
	return best
}

// firstRoute is the route rule of the lowest priority that fits a path. Rules
// that ask for headers, parameters or templates fit nothing here.
func firstRoute(rules []any, path string) object {
	ordered := slices.Clone(rules)
	slices.SortStableFunc(ordered, func(a, b any) int {
		first, _ := a.(object)
		second, _ := b.(object)
		return cmp.Compare(number(first["priority"]), number(second["priority"]))
	})
	for _, entry := range ordered {
		rule, _ := entry.(object)
		for _, match := range apiserver.List(rule, "matchRules") {
			if match, _ := match.(object); fitsPath(match, path) {
				return rule
			}
		}
	}
	return nil
}

func fitsPath(match object, path string) bool {
	prefix, full := match["prefixMatch"], match["fullPathMatch"]
	for key := range match {
		switch key {
		case "prefixMatch", "fullPathMatch", "ignoreCase":
		default:
			return false
		}
	}
	fold := func(s any) string {
		text, _ := s.(string)
		if match["ignoreCase"] == true {
			return strings.ToLower(text)
		}
		return text
	}
	switch {
	case full != nil:
		return fold(full) == fold(path)
	case prefix != nil:
		return strings.HasPrefix(fold(path), fold(prefix))
	}
	return false
}
