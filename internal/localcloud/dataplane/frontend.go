package dataplane

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
)

// frontend is a forwarding rule with what it leads to.
type frontend struct {
	rule, proxy, urlMap object
	router              *router
	https               bool
}

// frontendFor is the frontend that a request reaches: one with its address, or
// one that knows its host by a host rule or a certificate. Of several the one
// that knows the host best answers, and the first by name of equals.
func (s snapshot) frontendFor(r request) (frontend, bool) {
	levels := s.frontendsOf(cmp.Or(r.frontend, r.host))
	// The data plane's own port, which clients add, is not a frontend's.
	byPort := r.scheme == "" && slices.ContainsFunc(slices.Concat(levels...), func(f frontend) bool {
		return f.listens(r.port)
	})
	for _, level := range levels {
		var found *frontend
		for i := range level {
			f := &level[i]
			if r.scheme != "" && f.scheme() != r.scheme || byPort && !f.listens(r.port) {
				continue
			}
			if found == nil || f.https && !found.https { // where nothing says which, https
				found = f
			}
		}
		if found != nil {
			return *found, true
		}
	}
	return frontend{}, false
}

// frontendsOf are the frontends that know a host, those first that know it best,
// each group by name. An address is known by its forwarding rules alone. A host
// rule for every host knows none by name.
func (s snapshot) frontendsOf(host string) (levels [][]frontend) {
	if _, err := netip.ParseAddr(host); err == nil {
		return [][]frontend{s.behind(s.Compute.WithAddress(host, s.propagated))}
	}
	for pattern := range patternsOf(host) {
		if pattern == "*" {
			break
		}
		var rules []compute.Resource
		for _, naming := range s.Compute.NamingHost(pattern, s.propagated) {
			for _, proxy := range s.Compute.Users(naming.Path(), s.propagated) {
				rules = append(rules, s.Compute.Users(proxy.Path(), s.propagated)...)
			}
		}
		if len(rules) > 0 {
			levels = append(levels, s.behind(rules))
		}
	}
	return levels
}

// behind follows forwarding rules to their URL maps, in the order of their names.
func (s snapshot) behind(rules []compute.Resource) []frontend {
	slices.SortFunc(rules, func(a, b compute.Resource) int { return strings.Compare(a.Path(), b.Path()) })
	var all []frontend
	for _, each := range rules {
		rule := each.Object()
		target := apiserver.Text(rule, "target")
		proxy := s.compute(target)
		urlMap, ok := s.Compute.Lookup(apiserver.Text(proxy, "urlMap"), s.propagated)
		if !ok {
			continue
		}
		https := strings.Contains(target, "/targetHttpsProxies/")
		if https && !s.serves(proxy) {
			continue
		}
		indexed := urlMap.Derived(func(object map[string]any) any { return newRouter(object) }).(*router)
		all = append(all, frontend{rule, proxy, indexed.urlMap, indexed, https})
	}
	return all
}

// serves reports whether a proxy has a certificate that serves, or others than managed
// ones: without one a handshake fails, and no request comes.
func (s snapshot) serves(proxy object) bool {
	links := apiserver.List(proxy, "sslCertificates")
	return len(links) == 0 || slices.ContainsFunc(links, func(link any) bool {
		managed := apiserver.Object(s.compute(link.(string)), "managed")
		return managed == nil || managed["status"] == "ACTIVE"
	})
}

func (f frontend) scheme() string {
	if f.https {
		return "https"
	}
	return "http"
}

// listens reports whether a port is the frontend's.
func (f frontend) listens(port string) bool {
	first, last, _ := strings.Cut(apiserver.Text(f.rule, "portRange"), "-")
	return port != "" && (port == first || port == last)
}
