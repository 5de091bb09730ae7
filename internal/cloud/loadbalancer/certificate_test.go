package loadbalancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"
)

func TestTheDefaultOfAURLMapIsNamedByCertificates(t *testing.T) {
	ruled := &compute.UrlMap{HostRules: []*compute.HostRule{{Hosts: []string{"Shop.example.com"}}}}
	managed := &compute.SslCertificate{Managed: &compute.SslCertificateManagedSslCertificate{Domains: []string{"b.example.com"}}}
	many := &compute.SslCertificate{}
	for c := 'a'; c < 'a'+13; c++ {
		many.SubjectAlternativeNames = append(many.SubjectAlternativeNames, string(c)+".example.com")
	}
	for _, tc := range []struct {
		name         string
		certificates []*compute.SslCertificate
		want         []string
		more         int
	}{
		{"no certificate", nil, nil, 0},
		{"managed", []*compute.SslCertificate{managed}, []string{"b.example.com"}, 0},
		{"self-managed, in capitals, in two", []*compute.SslCertificate{
			{SubjectAlternativeNames: []string{"*.example.com", "A.example.com"}},
			{SubjectAlternativeNames: []string{"a.example.com"}}}, []string{"*.example.com", "a.example.com"}, 0},
		{"what a host rule names", []*compute.SslCertificate{
			{SubjectAlternativeNames: []string{"shop.example.com", "a.example.com"}}}, []string{"a.example.com"}, 0},
		{"more than are shown", []*compute.SslCertificate{many}, many.SubjectAlternativeNames[:10], 3},
	} {
		r, of := &routing{certificates: map[link][]string{}}, proxy{https: true}
		for i, one := range tc.certificates {
			l := link{project: "p", location: "global", collection: "sslCertificates", name: string(rune('a' + i))}
			r.certificates[l], of.certificates = namesOf(one), append(of.certificates, l)
		}
		got, more := r.names(of, ruled)
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || more != tc.more {
			t.Errorf("%s: %d more, want %d (-want +got):\n%s", tc.name, more, tc.more, diff)
		}
	}
}

func TestAFrontendIsPendingWhereNoCertificateServes(t *testing.T) {
	on := func(names ...string) (links []link) {
		for _, name := range names {
			links = append(links, link{project: "p", location: "global", collection: "sslCertificates", name: name})
		}
		return links
	}
	r := &routing{pending: map[link]string{on("new")[0]: "PROVISIONING", on("bad")[0]: "PROVISIONING_FAILED"}}
	for _, tc := range []struct {
		name string
		of   proxy
		want string
	}{
		{"one that is not issued yet", proxy{certificates: on("new")}, "PROVISIONING"},
		{"two", proxy{certificates: on("new", "bad")}, "PROVISIONING_FAILED"},
		{"beside one that serves, or was not read", proxy{certificates: on("new", "other")}, ""},
		{"beside a certificate map", proxy{certificates: on("new"), elsewhere: true}, ""},
		{"none at all", proxy{}, ""},
	} {
		if got := r.waitsFor(tc.of); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
