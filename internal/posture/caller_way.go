package posture

import (
	"net/url"
	"slices"
	"strings"
)

// way is how a caller comes to the service: by an address of its own, or
// through load balancers.
type way struct {
	kind     DoorKind
	backends []Backend // of a load balancer: those to which its host can lead
	// guessed means that the load balancers take any host, and nobody here knows
	// whether this one resolves to them.
	guessed bool
}

func (w way) own() bool { return len(w.backends) == 0 }

// shuts reports whether nobody gets in by a way even now.
func (p Posture) shuts(w way) bool {
	return p.Service.Ingress == IngressNone || w.kind == DefaultURL && p.Service.DefaultURLDisabled
}

// OpenHosts are the hosts at which the service can be reached from anywhere
// past every load balancer.
func (p Posture) OpenHosts() []string {
	var hosts []string
	for _, door := range slices.Concat(p.ownDoors(), p.domainDoors()) {
		if host := hostOf(door.Address); host != "" && door.Guard != GuardClosed && door.Guard != GuardIngress {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// wayOf finds the door that a caller uses. A pattern of a URL map stands for
// every host that it matches; a frontend without hosts may be meant by any.
func (p Posture) wayOf(caller Caller) (way, bool) {
	host := hostOf(caller.Address)
	if host == "" {
		return way{}, false
	}
	if strings.EqualFold(host, hostOf(p.deterministicURL())) {
		return way{kind: DefaultURL}, true
	}
	for _, door := range slices.Concat(p.ownDoors(), p.domainDoors()) {
		if strings.EqualFold(host, hostOf(door.Address)) {
			return way{kind: door.Kind}, true
		}
	}
	found := way{kind: LoadBalancer, backends: p.backendsAt(Frontend.Takes, host)}
	if found.own() && !googles(host) {
		found.backends, found.guessed = p.backendsAt(Frontend.TakesAny, host), true
	}
	return found, !found.own()
}

func (p Posture) backendsAt(takes func(Frontend, string) bool, host string) []Backend {
	var found []Backend
	for _, backend := range p.Backends {
		if slices.ContainsFunc(backend.Frontends, func(f Frontend) bool { return takes(f, host) }) {
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

// TakesAny is true of a frontend that takes requests for any host.
func (f Frontend) TakesAny(string) bool { return f.Unread == "" && len(f.Hosts) == 0 }

// Takes reports whether a frontend takes requests for a host, in lower case,
// because it is its address or a host rule of the URL map names it. A pattern of
// a host rule begins with * (load-balancing/docs/url-map-concepts).
func (f Frontend) Takes(host string) bool {
	if host == f.Address {
		return true
	}
	return slices.ContainsFunc(f.Hosts, func(pattern string) bool {
		pattern, _, _ = strings.Cut(pattern, "/")
		if suffix, any := strings.CutPrefix(pattern, "*"); any {
			return strings.HasSuffix(host, strings.ToLower(suffix))
		}
		return strings.EqualFold(pattern, host)
	})
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
