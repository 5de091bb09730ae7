package loadbalancer

import (
	"slices"

	compute "google.golang.org/api/compute/v1"
)

// A URL map mentions backend services in many places. These functions list all
// of them, so that no other file has to know the places.

func backendsOfMap(urlMap *compute.UrlMap) []string {
	found := defaultsOfMap(urlMap)
	for _, matcher := range urlMap.PathMatchers {
		found = append(found, backendsOfMatcher(matcher)...)
	}
	return found
}

func defaultsOfMap(urlMap *compute.UrlMap) []string {
	return append([]string{urlMap.DefaultService}, backendsOfAction(urlMap.DefaultRouteAction)...)
}

func backendsOfMatcher(matcher *compute.PathMatcher) []string {
	found := append([]string{matcher.DefaultService}, backendsOfAction(matcher.DefaultRouteAction)...)
	for _, rule := range matcher.PathRules {
		found = append(append(found, rule.Service), backendsOfAction(rule.RouteAction)...)
	}
	for _, rule := range matcher.RouteRules {
		found = append(append(found, rule.Service), backendsOfAction(rule.RouteAction)...)
	}
	return found
}

func backendsOfAction(action *compute.HttpRouteAction) []string {
	if action == nil {
		return nil
	}
	var found []string
	for _, weighted := range action.WeightedBackendServices {
		found = append(found, weighted.BackendService)
	}
	return found
}

// hostsFor says whether a URL map can send requests to a backend service, and
// for which hosts, each with the path where only some of its paths lead there;
// no hosts means any.
func hostsFor(urlMap *compute.UrlMap, backend link) (hosts []string, uses bool) {
	if mentions(defaultsOfMap(urlMap), backend) {
		return nil, true
	}
	for _, matcher := range urlMap.PathMatchers {
		paths := pathsFor(matcher, backend)
		for _, rule := range urlMap.HostRules {
			if rule.PathMatcher == matcher.Name {
				hosts = append(hosts, product(rule.Hosts, paths)...)
			}
		}
		uses = uses || len(paths) > 0
	}
	if slices.Contains(hosts, "*") {
		hosts = nil
	}
	return hosts, uses
}

func product(hosts, paths []string) []string {
	var both []string
	for _, host := range hosts {
		for _, path := range paths {
			both = append(both, host+path)
		}
	}
	return both
}

// pathsFor are the paths that a path matcher sends to a backend service; ""
// stands for all of them. Rules that ask for more than a path count for all.
func pathsFor(matcher *compute.PathMatcher, backend link) []string {
	if mentions(append(backendsOfAction(matcher.DefaultRouteAction), matcher.DefaultService), backend) {
		return []string{""}
	}
	var paths []string
	for _, rule := range matcher.PathRules {
		if mentions(append(backendsOfAction(rule.RouteAction), rule.Service), backend) {
			paths = append(paths, rule.Paths...)
		}
	}
	for _, rule := range matcher.RouteRules {
		if mentions(append(backendsOfAction(rule.RouteAction), rule.Service), backend) {
			paths = append(paths, pathsOfRule(rule)...)
		}
	}
	if slices.Contains(paths, "") {
		return []string{""}
	}
	return paths
}

func pathsOfRule(rule *compute.HttpRouteRule) []string {
	var paths []string
	for _, match := range rule.MatchRules {
		switch {
		case match.FullPathMatch != "":
			paths = append(paths, match.FullPathMatch)
		case match.PrefixMatch != "" && match.PrefixMatch != "/":
			paths = append(paths, match.PrefixMatch+"*")
		default:
			paths = append(paths, "")
		}
	}
	if len(paths) == 0 {
		return []string{""}
	}
	return paths
}

func mentions(references []string, backend link) bool {
	return slices.ContainsFunc(references, func(reference string) bool {
		l, ok := parseLink(reference)
		return ok && l == backend
	})
}
