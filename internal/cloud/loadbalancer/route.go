package loadbalancer

import (
	"slices"

	compute "google.golang.org/api/compute/v1"
)

// A URL map mentions backend services in many places. These functions list all
// of them, so that nobody else has to know the places.

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
// for which hosts; no hosts means any.
func hostsFor(urlMap *compute.UrlMap, backend link) (hosts []string, uses bool) {
	if mentions(defaultsOfMap(urlMap), backend) {
		return nil, true
	}
	for _, matcher := range urlMap.PathMatchers {
		if !mentions(backendsOfMatcher(matcher), backend) {
			continue
		}
		uses = true
		for _, rule := range urlMap.HostRules {
			if rule.PathMatcher == matcher.Name {
				hosts = append(hosts, rule.Hosts...)
			}
		}
	}
	if slices.Contains(hosts, "*") {
		hosts = nil
	}
	return hosts, uses
}

func mentions(references []string, backend link) bool {
	return slices.ContainsFunc(references, func(reference string) bool {
		l, ok := parseLink(reference)
		return ok && l == backend
	})
}
