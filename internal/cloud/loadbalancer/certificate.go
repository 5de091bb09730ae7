package loadbalancer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// mostNames bounds the names that a frontend shows.
const mostNames = 10

// readCertificates reads what the certificates of proxies are for, and whether they serve.
// Why it cannot be read is kept, and nothing else fails. Certificates of a certificate map
// are not among them.
func (r *routing) readCertificates(ctx context.Context, api *compute.Service, project string) {
	list := api.SslCertificates.AggregatedList(project).Fields(listed("sslCertificates",
		"selfLink,subjectAlternativeNames,managed(domains,status)")...)
	err := connect.AllPages(ctx, list.Pages, func(page *compute.SslCertificateAggregatedList) error {
		if err := listOf(project, "sslCertificates", page.Id); err != nil {
			return err
		}
		var lacking places
		lacking.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			if w := scope.Warning; w != nil {
				lacking.warned(name, w.Code, w.Message)
			}
			for _, one := range scope.SslCertificates {
				if l, ok := parseLink(one.SelfLink); ok {
					r.certificates[l] = namesOf(one)
					if m := one.Managed; m != nil && slices.Contains(notServing, m.Status) {
						r.pending[l] = m.Status
					}
				}
			}
		}
		r.uncertified = cmp.Or(r.uncertified, lacking.any("certificates"))
		return nil
	})
	if err != nil {
		r.uncertified = connect.Needing("compute.sslCertificates.list", err)
	}
}

// notServing are the statuses of a managed certificate that was not issued: a handshake
// fails. One whose renewal failed serves until it expires.
// Source: load-balancing/docs/ssl-certificates/troubleshooting.
var notServing = []string{"PROVISIONING", "PROVISIONING_FAILED", "PROVISIONING_FAILED_PERMANENTLY"}

// waitsFor is the status of a proxy's certificates where none of them serves yet, and "" where
// one does or that is not known.
func (r *routing) waitsFor(of proxy) (status string) {
	if of.elsewhere {
		return ""
	}
	for _, certificate := range of.certificates {
		if status = r.pending[certificate]; status == "" {
			return ""
		}
	}
	return status
}

// longestHost is how long the name of a host is at most (RFC 1035, 2.3.4). Who uploads a
// certificate writes its names.
const longestHost = 253

// namesOf are the hosts that a certificate is for, in lower case.
func namesOf(certificate *compute.SslCertificate) []string {
	names := certificate.SubjectAlternativeNames
	if managed := certificate.Managed; len(names) == 0 && managed != nil {
		names = managed.Domains
	}
	lower := make([]string, 0, len(names))
	for _, name := range names {
		if len(name) <= longestHost {
			lower = append(lower, strings.ToLower(name))
		}
	}
	return lower
}

// names are the hosts that a proxy's certificates are for and no host rule of its URL map
// names, sorted and bounded, and how many more there are: those at which the default of
// the URL map is meant to be asked.
func (r *routing) names(of proxy, urlMap *compute.UrlMap) (sample []string, more int) {
	var ruled, all []string
	for _, rule := range urlMap.HostRules {
		ruled = append(ruled, rule.Hosts...)
	}
	for _, certificate := range of.certificates {
		for _, name := range r.certificates[certificate] {
			if !slices.ContainsFunc(ruled, func(host string) bool { return strings.EqualFold(host, name) }) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), mostNames)], max(0, len(all)-mostNames)
}

// Unnamed is why frontends of a project may lack names, nil = the certificates were read.
func (inv *Inventory) Unnamed(project string) error {
	if own := inv.routing[project]; own != nil && own.uncertified != nil {
		return fmt.Errorf("reading the certificates of %q: %w", project, own.uncertified)
	}
	return nil
}
