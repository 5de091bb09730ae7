package dataplane

import (
	"fmt"
	"net"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// frontend is a forwarding rule with what it leads to.
type frontend struct {
	rule, proxy, urlMap object
	https               bool
}

// frontendFor is the frontend that a request reaches: one with its address, or
// one that knows its host by a host rule or a certificate. Of several the one
// that knows the host best answers, and the first by name of equals.
func (s snapshot) frontendFor(r request) (frontend, bool) {
	var found frontend
	best := 0
	for _, rule := range s.each("forwardingRules") {
		f, ok := s.behind(rule)
		if !ok {
			continue
		}
		fit := 2 * s.fit(f, r.host)
		switch {
		case fit == 0 || r.scheme != "" && f.scheme() != r.scheme || r.scheme == "" && s.knowsPort(r) && !f.listens(r.port):
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
func (s snapshot) behind(rule object) (frontend, bool) {
	target := apiserver.Text(rule, "target")
	proxy := s.compute(target)
	urlMap := s.compute(apiserver.Text(proxy, "urlMap"))
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
	first, last, _ := strings.Cut(apiserver.Text(f.rule, "portRange"), "-")
	return port != "" && (port == first || port == last)
}

// knowsPort reports whether any frontend of the host has the request's port;
// the data plane's own port, which clients add, is none.
func (s snapshot) knowsPort(r request) bool {
	for _, rule := range s.each("forwardingRules") {
		if f, ok := s.behind(rule); ok && f.listens(r.port) && s.fit(f, r.host) > 0 {
			return true
		}
	}
	return false
}

// fit says how well a frontend knows a host, 0 = not at all. Its address knows
// best. A host rule for every host knows none by name.
func (s snapshot) fit(f frontend, host string) int {
	if ip := net.ParseIP(host); ip != nil {
		if ip.Equal(net.ParseIP(apiserver.Text(f.rule, "IPAddress"))) {
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
	for _, entry := range apiserver.List(f.urlMap, "hostRules") {
		rule, _ := entry.(object)
		try(apiserver.List(rule, "hosts"))
	}
	for _, link := range apiserver.List(f.proxy, "sslCertificates") {
		try(apiserver.List(s.compute(fmt.Sprint(link)), "subjectAlternativeNames"))
	}
	return best
}
