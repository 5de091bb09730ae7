package loadbalancer

import (
	"cmp"
	"context"
	"slices"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

// includeUsers reads the routing of the other projects whose URL maps use one
// of the backend services: cross-project service referencing.
// Source: load-balancing/docs/l7-xlb-cross-project; usedBy in compute's
// discovery document.
func (inv *Inventory) includeUsers(ctx context.Context, backends []*compute.BackendService) error {
	var projects []string
	for _, backend := range backends {
		for _, user := range users(backend) {
			if inv.routing[user.project] == nil && !slices.Contains(projects, user.project) {
				projects = append(projects, user.project)
			}
		}
	}
	return inv.include(ctx, projects)
}

// Unread are the other projects whose load balancers lead to the backend services that were
// looked at and cannot be read, each with the reason.
func (inv *Inventory) Unread() map[string]error { return inv.unread }

// users are the URL maps that a backend service says it is used by.
func users(backend *compute.BackendService) []link {
	if backend == nil {
		return nil
	}
	var found []link
	for _, used := range backend.UsedBy {
		if l, ok := parseLink(used.Reference); ok && l.collection == "urlMaps" {
			found = append(found, l)
		}
	}
	return found
}

// frontends are the addresses from which requests that masks select come to a backend
// service, and the URL maps that could not be read.
func (inv *Inventory) frontends(
	backend link, from *compute.BackendService, m masks,
) []posture.Frontend {
	var found []posture.Frontend
	for project, routing := range inv.routing {
		found = append(found, routing.frontends(backend, m)...)
		if err := routing.partial.of("the load balancers of "+project, backend.location); err != nil {
			found = append(found, posture.Frontend{Resource: "projects/" + project + "/global/urlMaps", Unread: err.Error()})
		}
	}
	if inv.unrouted != "" {
		found = append(found, posture.Frontend{Resource: "projects/" + backend.project + "/global/urlMaps", Unread: inv.unrouted})
	}
	for _, user := range users(from) {
		if why := inv.unread[user.project]; why != nil {
			found = append(found, posture.Frontend{Resource: user.path(), Unread: why.Error()})
		}
	}
	slices.SortStableFunc(found, func(a, b posture.Frontend) int { return cmp.Compare(a.Resource, b.Resource) })
	return found
}

// Place is where forwarding rules are: a project, and a region or posture.Global.
type Place struct{ Project, Location string }

// PlaceOf is the place of a forwarding rule, ok is false for what is none.
func PlaceOf(rule string) (at Place, ok bool) {
	l, ok := parseLink(rule)
	return Place{l.project, l.location}, ok && l.collection == "forwardingRules"
}

// RulePlaces are the places of the forwarding rules that lead to a service as far as the
// inventory knows.
func (inv *Inventory) RulePlaces(target posture.Target) []Place {
	var places []Place
	for _, l := range inv.leadingTo(target) {
		for _, routing := range inv.routing {
			for _, frontend := range routing.frontends(l, masks{}) {
				if at, ok := PlaceOf(frontend.Resource); ok && !slices.Contains(places, at) {
					places = append(places, at)
				}
			}
		}
	}
	return places
}

// NamesRule reports whether a reference is to a forwarding rule. number is that of the
// rule's project, which a reference may have in the place of the id.
func NamesRule(reference, rule, number string) bool {
	l, ok := parseLink(reference)
	wanted, known := parseLink(rule)
	if l.project == number {
		l.project = wanted.project
	}
	return ok && known && l == wanted
}

func (r *routing) frontends(backend link, m masks) []posture.Frontend {
	var found []posture.Frontend
	for _, urlMap := range r.users[backend] {
		l, _ := parseLink(urlMap.SelfLink) // it has one, by which its proxies are known
		routes := routesTo(urlMap, backend)
		if !rewrites(urlMap) {
			routes = m.naming(urlMap, selected(routes, m.of))
		}
		for _, proxy := range r.proxies[l] {
			for _, frontend := range r.addresses[proxy.link] {
				frontend.HTTPS, frontend.Pending = proxy.https, r.waitsFor(proxy)
				for _, route := range routes {
					frontend.Hosts, frontend.Paths, frontend.Mirror = route.hosts, route.paths, route.mirror
					frontend.Names, frontend.MoreNames = nil, 0
					if len(route.hosts) == 0 {
						frontend.Names, frontend.MoreNames = r.names(proxy, urlMap)
					}
					found = append(found, frontend)
				}
			}
		}
	}
	return found
}
