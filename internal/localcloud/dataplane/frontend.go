package dataplane

import (
	"fmt"
	"net"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/kernel"
)

// frontend is a forwarding rule with what it leads to.
type frontend struct {
	rule, proxy, urlMap object
	https               bool
}

// frontendFor is the frontend that a request reaches: one with its address, or
// one that knows its host by a host rule or a certificate. Of several the one
// that knows the host best answers, and the first by name of equals.
func (w world) frontendFor(r request) (frontend, bool) {
	var found frontend
	best := 0
	for _, rule := range w.each("forwardingRules") {
		f, ok := w.behind(rule)
		if !ok {
			continue
		}
		fit := 2 * w.fit(f, r.host)
		switch {
		case fit == 0 || r.scheme != "" && f.scheme() != r.scheme || r.scheme == "" && w.knowsPort(r) && !f.listens(r.port):
			continue
		case f.https:
			fit++ // where nothing says which, https
		}
		if fit > best {
			found, best = f, fit
		}
	}
	return found, best > 0
}

// behind follows a forwarding rule to its URL map.
func (w world) behind(rule object) (frontend, bool) {
	target := kernel.Text(rule, "target")
	proxy := w.compute(target)
	urlMap := w.compute(kernel.Text(proxy, "urlMap"))
	return frontend{rule, proxy, urlMap, strings.Contains(target, "/targetHttpsProxies/")}, urlMap != nil
}

func (f frontend) scheme() string {
	if f.https {
		return "https"
	}
	return "http"
}

// listens reports whether a port is the frontend's.
func (f frontend) listens(port string) bool {
	first, last, _ := strings.Cut(kernel.Text(f.rule, "portRange"), "-")
	return port != "" && (port == first || port == last)
}

// knowsPort reports whether any frontend of the host has the request's port;
// the data plane's own port, which clients add, is none.
func (w world) knowsPort(r request) bool {
	for _, rule := range w.each("forwardingRules") {
		if f, ok := w.behind(rule); ok && f.listens(r.port) && w.fit(f, r.host) > 0 {
			return true
		}
	}
	return false
}

// fit says how well a frontend knows a host, 0 = not at all. Its address knows
// best. A host rule for every host knows none by name.
func (w world) fit(f frontend, host string) int {
	if ip := net.ParseIP(host); ip != nil {
		if ip.Equal(net.ParseIP(kernel.Text(f.rule, "IPAddress"))) {
			return exact
		}
		return 0
	}
	best := 0
	try := func(patterns []any) {
		for _, pattern := range patterns {
			if fit := fitOfHost(fmt.Sprint(pattern), host); fit > 1 {
				best = max(best, fit)
			}
		}
	}
	for _, entry := range kernel.List(f.urlMap, "hostRules") {
		rule, _ := entry.(object)
		try(kernel.List(rule, "hosts"))
	}
	for _, link := range kernel.List(f.proxy, "sslCertificates") {
		try(kernel.List(w.compute(fmt.Sprint(link)), "subjectAlternativeNames"))
	}
	return best
}
