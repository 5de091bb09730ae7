package loadbalancer

import (
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

// masks are the URL masks that name one service.
type masks struct {
	of []selection // before the backend service in question; nil = every request may come
	// hosts are the selections with a host before all backend services, in whatever region
	// of the service, for requests to one address come to each of them.
	hosts map[link][]selection
}

// masksFor are the masks that name a service, seen from one backend service.
func (inv *Inventory) masksFor(from *compute.BackendService, target posture.Target) masks {
	found := masks{of: inv.selections(from, target), hosts: map[link][]selection{}}
	sameName := func(member posture.Target) bool {
		return member.Project == target.Project && member.Service == target.Service
	}
	for _, one := range inv.uses.named[regionless{target.Project, target.Service}] {
		for _, member := range inv.membersThat(one.backend, sameName) {
			for _, s := range inv.selections(one.backend, member) {
				if s.host != "" {
					found.hosts[one.link] = append(found.hosts[one.link], s)
				}
			}
		}
	}
	return found
}

// naming adds to routes for patterns of hosts the hosts that masks select in the same URL
// map. Without them a door at such a host would hide that other paths of the host lead to
// the service by another backend service, which the pattern alone names.
func (m masks) naming(urlMap *compute.UrlMap, routes []route) []route {
	var selected []string
	for l, each := range m.hosts {
		for _, s := range each {
			if slices.ContainsFunc(routesTo(urlMap, l), func(r route) bool { _, ok := s.of(r); return ok && !r.mirror }) {
				selected = append(selected, s.host)
			}
		}
	}
	selected = slices.DeleteFunc(selected, func(host string) bool {
		return slices.ContainsFunc(urlMap.HostRules, func(r *compute.HostRule) bool { return slices.Contains(r.Hosts, host) })
	})
	slices.Sort(selected)
	selected = slices.Compact(selected)
	var named []route
	for _, one := range routes {
		fit := slices.DeleteFunc(slices.Clone(selected), func(host string) bool { return !one.takes(host) })
		switch {
		case len(fit) == 0:
		case len(one.hosts) == 0:
			named = append(named, route{hosts: fit, paths: one.paths, mirror: one.mirror})
		default:
			one.hosts = append(slices.Clone(one.hosts), fit...)
		}
		named = append(named, one)
	}
	return named
}

// takes reports whether a pattern of the route, and none of its names, is for a host.
func (r route) takes(host string) bool {
	if slices.Contains(r.hosts, host) {
		return false
	}
	return len(r.hosts) == 0 || slices.ContainsFunc(r.hosts, func(pattern string) bool {
		suffix, wild := strings.CutPrefix(strings.ToLower(pattern), "*")
		return wild && strings.HasSuffix(host, suffix)
	})
}
