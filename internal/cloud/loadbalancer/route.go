package loadbalancer

import (
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"
)

// A URL map mentions backend services in many places. These functions list all
// of them, so that no other file has to know the places.

// destination is what a URL map names at one place: the backend services that answer
// the requests, and those that get copies of them (requestMirrorPolicy).
type destination struct{ served, mirrored []string }

func destinationOf(service string, action *compute.HttpRouteAction) destination {
	to := destination{served: []string{service}}
	if action == nil {
		return to
	}
	for _, weighted := range action.WeightedBackendServices {
		to.served = append(to.served, weighted.BackendService)
	}
	if action.RequestMirrorPolicy != nil {
		to.mirrored = []string{action.RequestMirrorPolicy.BackendService}
	}
	return to
}

// rule is one rule of a path matcher. Without paths it holds for all of them.
type rule struct {
	to    destination
	paths []string
}

// rulesOf are the rules of a path matcher, its default among them.
func rulesOf(matcher *compute.PathMatcher) []rule {
	rules := []rule{{to: destinationOf(matcher.DefaultService, matcher.DefaultRouteAction)}}
	for _, each := range matcher.PathRules {
		if len(each.Paths) > 0 { // without a path it matches nothing
			rules = append(rules, rule{destinationOf(each.Service, each.RouteAction), each.Paths})
		}
	}
	for _, each := range matcher.RouteRules {
		rules = append(rules, rule{destinationOf(each.Service, each.RouteAction), pathsOfRule(each)})
	}
	return rules
}

// pathsOfRule are the paths of a route rule, none for all of them. A rule that asks for
// more than a path counts for all.
func pathsOfRule(rule *compute.HttpRouteRule) []string {
	var paths []string
	for _, match := range rule.MatchRules {
		switch {
		case match.FullPathMatch != "":
			paths = append(paths, match.FullPathMatch)
		case match.PrefixMatch != "" && match.PrefixMatch != "/":
			paths = append(paths, match.PrefixMatch+"*")
		default:
			return nil
		}
	}
	return paths
}

func backendsOfMap(urlMap *compute.UrlMap) []string {
	all := []destination{destinationOf(urlMap.DefaultService, urlMap.DefaultRouteAction)}
	for _, matcher := range urlMap.PathMatchers {
		for _, each := range rulesOf(matcher) {
			all = append(all, each.to)
		}
	}
	var found []string
	for _, to := range all {
		found = append(append(found, to.served...), to.mirrored...)
	}
	return found
}

// route is a part of a URL map that leads to one backend service: some hosts, each with
// the same paths. No hosts are any host, and no paths all of them.
type route struct {
	hosts, paths []string
	mirror       bool
}

// routesTo are the routes of a URL map to a backend service. The map's default serves the
// hosts that no host rule names, so it stands for any host, beside those of the rules,
// unless one of the rules is for any host.
// The work and the result grow with the hosts plus the paths, never with their product.
func routesTo(urlMap *compute.UrlMap, backend link) []route {
	var all routes
	byDefault := destinationOf(urlMap.DefaultService, urlMap.DefaultRouteAction)
	if slices.ContainsFunc(urlMap.HostRules, func(r *compute.HostRule) bool { return slices.Contains(r.Hosts, anyHost) }) {
		byDefault = destination{}
	}
	if mentions(byDefault.served, backend) {
		all.add(route{}, []string{anyHost})
	}
	if mentions(byDefault.mirrored, backend) {
		all.add(route{mirror: true}, []string{anyHost})
	}
	hosts := map[string][]string{} // path matcher → hosts that lead to it
	for _, rule := range urlMap.HostRules {
		hosts[rule.PathMatcher] = append(hosts[rule.PathMatcher], rule.Hosts...)
	}
	for _, matcher := range urlMap.PathMatchers {
		for _, one := range routesOf(matcher, backend) {
			all.add(one, hosts[matcher.Name])
		}
	}
	return all.found
}

// routesOf are the routes of a path matcher to a backend service, without hosts.
func routesOf(matcher *compute.PathMatcher, backend link) []route {
	served, mirrored := paths{}, paths{}
	for _, each := range rulesOf(matcher) {
		if mentions(each.to.served, backend) {
			served.add(each.paths)
		}
		if mentions(each.to.mirrored, backend) {
			mirrored.add(each.paths)
		}
	}
	var found []route
	if served.any {
		found = append(found, route{paths: served.list()})
	}
	if mirrored.any {
		found = append(found, route{paths: mirrored.list(), mirror: true})
	}
	return found
}

// paths collects paths. The zero value has none.
type paths struct {
	any, all bool
	some     []string
}

func (p *paths) add(more []string) {
	p.any, p.all = true, p.all || len(more) == 0 || slices.Contains(more, "/*")
	p.some = append(p.some, more...)
}

// list are the paths, none for all of them.
func (p *paths) list() []string {
	if p.all {
		return nil
	}
	return p.some
}

// anyHost is a host rule's pattern for all hosts.
const anyHost = "*"

// routes collects routes. The zero value has none.
type routes struct {
	found []route
	whole map[wholeHosts]int // where in found the routes are that hold for all paths
}

// wholeHosts is which hosts a route for all paths holds for: any, or those that it names.
type wholeHosts struct{ any, mirror bool }

// add adds a route for some hosts. Any host is a route of its own. Hosts that lead there
// for all paths share one route, however many path matchers there are.
func (r *routes) add(one route, hosts []string) {
	named := slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return host == anyHost })
	if len(named) < len(hosts) {
		r.insert(one, nil)
	}
	if len(named) > 0 {
		r.insert(one, named)
	}
}

func (r *routes) insert(one route, hosts []string) {
	key := wholeHosts{len(hosts) == 0, one.mirror}
	if at, known := r.whole[key]; known && len(one.paths) == 0 {
		r.found[at].hosts = append(r.found[at].hosts, hosts...)
		return
	}
	if len(one.paths) == 0 {
		if r.whole == nil {
			r.whole = map[wholeHosts]int{}
		}
		r.whole[key] = len(r.found)
	}
	one.hosts = hosts
	r.found = append(r.found, one)
}

func mentions(references []string, backend link) bool {
	return slices.ContainsFunc(references, func(reference string) bool {
		if !strings.HasSuffix(reference, "/"+backend.name) { // most references of a large map, without being parsed
			return false
		}
		l, ok := parseLink(reference)
		return ok && l == backend
	})
}
