package caller

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
)

// route is how a caller comes to the service: by an address of its own, or
// through load balancers.
type route struct {
	kind     door.Kind
	backends []posture.Backend // of a load balancer: those to which its host can lead
	// guessed means that the load balancers take any host, and nobody here knows
	// whether this one resolves to them.
	guessed bool
	// proven means that the caller calls this service and no other: at an address
	// of the service's own, or with a token that is made out to it. Behind a load
	// balancer other rules, weights or neighbours may take the request.
	proven bool
}

func (w route) own() bool { return len(w.backends) == 0 }

// shuts reports whether nobody gets in by a way even now.
func shuts(p posture.Posture, w route) bool {
	return p.Service.Ingress == posture.IngressNone || w.kind == door.DefaultURL && p.Service.DefaultURLDisabled
}

// kindsOf are the kinds of the doors at the service's own hosts, in small letters.
func kindsOf(p posture.Posture) map[string]door.Kind {
	kinds := map[string]door.Kind{}
	for _, one := range slices.Backward(slices.Concat(door.OwnDoors(p), door.DomainDoors(p))) {
		kinds[strings.ToLower(posture.HostOf(one.Address))] = one.Kind
	}
	kinds[strings.ToLower(posture.HostOf(p.DeterministicURL()))] = door.DefaultURL
	return kinds
}

// routeOf finds the door that a caller uses, by the kinds of the service's own. A pattern of a URL map stands for
// every host that it matches. A load balancer that takes any host may be meant by
// anybody, so a caller counts there only with a token that is made out to the
// service: the others of the project are not this service's callers.
func routeOf(p posture.Posture, own map[string]door.Kind, caller Caller) (route, bool) {
	host := posture.HostOf(caller.Address)
	if host == "" {
		return route{}, false
	}
	if kind, ok := own[strings.ToLower(host)]; ok {
		return route{kind: kind, proven: true}, true
	}
	meant := caller.Audience != "" && answersTo(p, posture.HostOf(caller.Audience))
	found := route{kind: door.LoadBalancer, backends: backendsAt(p, posture.Frontend.Takes, host), proven: meant}
	visitor := caller.Kind == Visitor // of this service, as its log shows
	if found.own() && (meant || visitor) && !googles(host) {
		found.backends, found.guessed = backendsAt(p, posture.Frontend.TakesAny, host), !visitor
	}
	return found, !found.own()
}

func backendsAt(p posture.Posture, takes func(posture.Frontend, string) bool, host string) []posture.Backend {
	var found []posture.Backend
	for _, backend := range p.Backends {
		if slices.ContainsFunc(backend.Frontends, func(f posture.Frontend) bool { return takes(f, host) }) {
			found = append(found, backend)
		}
	}
	return found
}

// googles reports whether a host is one of Google's, which no load balancer of
// a project has.
func googles(host string) bool {
	for _, domain := range []string{".run.app", ".googleapis.com", ".cloudfunctions.net", ".appspot.com", ".google.com"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}
