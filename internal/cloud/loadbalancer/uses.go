package loadbalancer

import (
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

// uses says what leads where, so that a look at one service does not go through the lists of
// its project: many services have one inventory.
type uses struct {
	leading   map[posture.Target][]used // service → backend services with a NEG of it
	named     map[regionless][]used     // the same, in whatever region the service is
	functions []used                    // backend services with a NEG of Cloud Functions
	byLink    map[link]*compute.BackendService
}

// used is a backend service with its name.
type used struct {
	link    link
	backend *compute.BackendService
}

// regionless is a service by what it has in common in all regions.
type regionless struct{ project, service string }

// usesOf goes through the backend services once.
func (inv *Inventory) usesOf() uses {
	all := uses{leading: map[posture.Target][]used{}, named: map[regionless][]used{}, byLink: map[link]*compute.BackendService{}}
	for _, backend := range inv.backends {
		l, ok := parseLink(backend.SelfLink)
		if !ok {
			continue
		}
		one := used{l, backend}
		all.byLink[l] = backend
		for _, member := range inv.members(backend) {
			all.leading[member] = append(all.leading[member], one)
			name := regionless{member.Project, member.Service}
			if known := all.named[name]; len(known) == 0 || known[len(known)-1].link != l {
				all.named[name] = append(known, one)
			}
		}
		if slices.ContainsFunc(backend.Backends, func(group *compute.Backend) bool {
			neg, _ := parseLink(group.Group)
			return inv.functions[neg] != nil
		}) {
			all.functions = append(all.functions, one)
		}
	}
	return all
}

// usersOf goes through the URL maps that a proxy uses once.
func (r *routing) usersOf() map[link][]*compute.UrlMap {
	users := map[link][]*compute.UrlMap{}
	for _, urlMap := range r.routes {
		l, ok := parseLink(urlMap.SelfLink)
		if !ok || len(r.proxies[l]) == 0 {
			continue
		}
		for _, reference := range backendsOfMap(urlMap) {
			backend, ok := parseLink(reference)
			if known := users[backend]; ok && (len(known) == 0 || known[len(known)-1] != urlMap) {
				users[backend] = append(known, urlMap)
			}
		}
	}
	return users
}

// leadingTo lists the backend services with a NEG of the service.
func (inv *Inventory) leadingTo(target posture.Target) []link {
	var found []link
	for _, one := range inv.uses.leading[target] {
		found = append(found, one.link)
	}
	slices.SortFunc(found, func(a, b link) int { return strings.Compare(a.path(), b.path()) })
	return found
}

// members are the Cloud Run services behind a backend service.
func (inv *Inventory) members(backend *compute.BackendService) []posture.Target {
	return inv.membersThat(backend, func(posture.Target) bool { return true })
}

// membersThat are those of the services behind a backend service that count.
func (inv *Inventory) membersThat(backend *compute.BackendService, counts func(posture.Target) bool) []posture.Target {
	var members []posture.Target
	seen := map[posture.Target]bool{}
	for _, group := range backend.Backends {
		l, ok := parseLink(group.Group)
		if !ok {
			continue
		}
		for _, one := range inv.services[l] {
			if counts(one) && !seen[one] {
				seen[one] = true
				members = append(members, one)
			}
		}
	}
	return members
}
