package dataplane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// destination is where a URL map sends a request: to a backend service, or to
// another URL. The zero value is nowhere.
type destination struct {
	backend  string // link
	redirect object
}

// route finds the destination of a request: the path matcher of the most
// specific host rule, in it the longest path rule, else its default
// (load-balancing/docs/url-map-concepts).
func route(urlMap object, host, path string) destination {
	matcher := matcherOf(urlMap, host)
	if matcher == nil {
		return target(urlMap, "defaultService", "defaultRouteAction", "defaultUrlRedirect")
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
	return destination{backend: chosen}
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
func matcherOf(urlMap object, host string) object {
	name, best := "", 0
	for _, entry := range apiserver.List(urlMap, "hostRules") {
		rule, _ := entry.(object)
		for _, pattern := range apiserver.List(rule, "hosts") {
			pattern, _ := pattern.(string)
			if fit := fitOfHost(pattern, host); fit > best {
				name, best = apiserver.Text(rule, "pathMatcher"), fit
			}
		}
	}
	for _, entry := range apiserver.List(urlMap, "pathMatchers") {
		if matcher, _ := entry.(object); best > 0 && apiserver.Text(matcher, "name") == name {
			return matcher
		}
	}
	return nil
}

// exact is how well a host name fits that is written out.
const exact = 1 << 16

// fitOfHost is how well a pattern fits a host: 0 not at all, then the lone
// star, then ever longer wildcards, then the host itself.
func fitOfHost(pattern, host string) int {
	pattern, _, _ = strings.Cut(strings.ToLower(pattern), ":")
	suffix, wild := strings.CutPrefix(pattern, "*")
	switch {
	case pattern == "":
		return 0
	case pattern == host:
		return exact
	case wild && strings.HasSuffix(host, suffix):
		return 1 + len(suffix)
	}
	return 0
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
