package posture

import (
	"slices"
	"strings"
)

// Frontend is an address at which a load balancer takes requests for a backend
// service, for some hosts and some paths of each. A forwarding rule whose URL map leads
// there by several path matchers has a frontend for each of them.
type Frontend struct {
	Resource string // the forwarding rule's name under its API; the URL map's where Unread
	Address  string // IP address, as the API gives it
	// Hosts are the hosts, or patterns of hosts, of the URL map's host rules; empty = any
	// host. Paths are the paths, or patterns of paths, of each of them; empty = any path.
	// Both are kept as the URL map has them: their product may be huge.
	Hosts, Paths []string
	HTTPS        bool
	// Pending is the status of its certificates where none serves yet, so that no request
	// passes; "" = one serves, or that is not known.
	Pending string
	// Names are the hosts that the frontend's certificates are for, where it takes any host
	// and no host rule names them; MoreNames is how many others there are.
	Names     []string
	MoreNames int
	// Mirror means that the backend service gets copies of requests, whose answers
	// nobody sees (requestMirrorPolicy).
	Mirror bool
	// IAP is what authorization policies of the forwarding rule put before it; nil = none
	// delegates to IAP. The frontends of one rule share it.
	IAP *RuleIAP
	// Unread says why what lies before a URL map could not be read; then
	// nothing is known of its addresses.
	Unread string
}

// TakesAny reports whether a frontend takes requests for any host, perhaps for
// some paths only.
func (f Frontend) TakesAny(string) bool { return f.Unread == "" && len(f.Hosts) == 0 }

// Takes reports whether a frontend takes requests for a host, in lower case,
// because it is its address or a host rule of the URL map names it. Any host is
// not a name: see TakesAny. A pattern of
// a host rule begins with * (load-balancing/docs/url-map-concepts).
func (f Frontend) Takes(host string) bool {
	if host == f.Address {
		return true
	}
	return slices.ContainsFunc(f.Hosts, func(pattern string) bool {
		if suffix, any := strings.CutPrefix(pattern, "*"); any {
			return suffix != "" && strings.HasSuffix(host, strings.ToLower(suffix))
		}
		return strings.EqualFold(pattern, host)
	})
}

// Addresses are the frontend's URLs, at most so many, and total is how many there are:
// one for each host and path. The IP address stands for any host. Where not all fit, the
// sample shows many hosts rather than many paths of one.
func (f Frontend) Addresses(most int) (sample []string, total int) {
	scheme, hosts, paths := "http://", f.Hosts, f.Paths
	if f.HTTPS {
		scheme = "https://"
	}
	if len(hosts) == 0 {
		hosts = []string{f.Address}
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	ofEach := (max(0, most) + len(hosts) - 1) / len(hosts)
	for _, host := range hosts[:min(len(hosts), max(0, most))] {
		for _, path := range paths[:min(len(paths), ofEach)] {
			if len(sample) < most {
				sample = append(sample, scheme+host+path)
			}
		}
	}
	return sample, len(hosts) * len(paths)
}
