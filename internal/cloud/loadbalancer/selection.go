package loadbalancer

import (
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

// selection is what a URL must be like for a URL mask to name one service. The zero
// value is any URL. Source: load-balancing/docs/negs/serverless-neg-concepts#url_masks.
// That further segments after the mask's path do not matter is *unverified*.
type selection struct {
	host string // in lower case, "" = any
	path string // in lower case, "" = any
	// open says that the path is only the beginning of one: a placeholder follows.
	open bool
}

// selectionOf is what a mask asks for to name a service. A host with another placeholder
// is any host.
func selectionOf(mask, service string) selection {
	host, path, deep := strings.Cut(strings.ToLower(strings.ReplaceAll(mask, "<service>", service)), "/")
	var s selection
	if !strings.Contains(host, "<") {
		s.host = host
	}
	if deep {
		s.path, _, s.open = strings.Cut("/"+path, "<")
		if !s.open {
			s.path = strings.TrimSuffix(s.path, "/")
		}
	}
	return s
}

// selections are what requests to a backend service must be like to come to a service
// whose NEGs there all have masks; nil = every request may.
func (inv *Inventory) selections(from *compute.BackendService, target posture.Target) []selection {
	var all []selection
	for _, group := range from.Backends {
		l, ok := parseLink(group.Group)
		if !ok || !slices.Contains(inv.services[l], target) {
			continue
		}
		mask := inv.masks[l]
		if mask == "" {
			return nil
		}
		all = append(all, selectionOf(mask, target.Service))
	}
	return all
}

// selected are the parts of routes that some of the selections take; nil = all of them.
func selected(routes []route, selections []selection) []route {
	if selections == nil {
		return routes
	}
	var found []route
	for _, one := range routes {
		for _, s := range selections {
			if narrowed, ok := s.of(one); ok {
				found = append(found, narrowed)
			}
		}
	}
	return found
}

// of is the part of a route that a selection takes. Copies of requests ask for another
// host, and no document says what that means to a mask, so all hosts of theirs are taken.
func (s selection) of(one route) (route, bool) {
	if one.mirror {
		s.host = ""
	}
	hosts, host := s.hosts(one.hosts)
	paths, path := s.paths(one.paths)
	one.hosts, one.paths = hosts, paths
	return one, host && path
}

func (s selection) hosts(of []string) (hosts []string, any bool) {
	switch {
	case s.host == "":
		return of, true
	case len(of) == 0:
		return []string{s.host}, true
	}
	fits := func(pattern string) bool {
		suffix, wild := strings.CutPrefix(strings.ToLower(pattern), "*")
		return wild && strings.HasSuffix(s.host, suffix) || suffix == s.host
	}
	return []string{s.host}, slices.ContainsFunc(of, fits)
}

func (s selection) paths(of []string) (paths []string, any bool) {
	whole, below := []string{s.path, s.path + "/*"}, s.path+"/"
	if s.open {
		whole, below = []string{s.path + "*"}, s.path
	}
	switch {
	case s.path == "":
		return of, true
	case len(of) == 0:
		return whole, true
	}
	for _, pattern := range of {
		text, wild := strings.CutSuffix(strings.ToLower(pattern), "*")
		switch {
		case wild && strings.HasPrefix(s.path, text): // the pattern has all that the mask takes
			return whole, true
		case wild && strings.HasPrefix(below, text):
			paths = append(paths, s.path+"/*")
		case strings.HasPrefix(text, below), !s.open && text == s.path:
			paths = append(paths, pattern)
		}
	}
	return paths, len(paths) > 0
}

// selectable says of services behind a backend service whether a request can come to them:
// they are named without a mask, or some route's hosts and paths let a mask name them. What
// is not known counts as a way there. A backend service that nothing leads to has no
// requests, and one of its services counts as much as any.
func (inv *Inventory) selectable(backend link, from *compute.BackendService) func(posture.Target) bool {
	known := inv.unrouted == "" && !slices.ContainsFunc(users(from), func(user link) bool { return inv.unread[user.project] != nil })
	var leading []route
	for _, routing := range inv.routing {
		known = known && routing.partial.of("", backend.location) == nil
		for _, urlMap := range routing.users[backend] {
			found := routesTo(urlMap, backend)
			known = known && (len(found) == 0 || !rewrites(urlMap))
			leading = append(leading, found...)
		}
	}
	return func(target posture.Target) bool {
		of := inv.selections(from, target)
		return !known || of == nil || len(leading) == 0 || len(selected(leading, of)) > 0
	}
}

// rewrites reports whether a URL map rewrites URLs, or shares requests among backend
// services. Whether masks are about the URL before or after the first is not documented;
// after the second, others answer at the same URLs.
func rewrites(urlMap *compute.UrlMap) bool {
	rewrite := func(action *compute.HttpRouteAction) bool {
		return action != nil && (action.UrlRewrite != nil || len(action.WeightedBackendServices) > 1)
	}
	return rewrite(urlMap.DefaultRouteAction) || slices.ContainsFunc(urlMap.PathMatchers, func(m *compute.PathMatcher) bool {
		return rewrite(m.DefaultRouteAction) ||
			slices.ContainsFunc(m.PathRules, func(r *compute.PathRule) bool { return rewrite(r.RouteAction) }) ||
			slices.ContainsFunc(m.RouteRules, func(r *compute.HttpRouteRule) bool { return rewrite(r.RouteAction) })
	})
}
