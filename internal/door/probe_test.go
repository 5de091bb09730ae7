package door

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAnswerShowsWhatGuardsTheDoor(t *testing.T) {
	const signIn = "https://accounts.google.com/o/oauth2/v2/auth?client_id=c&redirect_uri=https%3A%2F%2Fiap.googleapis.com%2Fv1%2Foauth%2FclientIds%2Fc%3AhandleRedirect"
	const forbidden = "<h2>Your client does not have permission to get URL <code>/</code> from this server.</h2>"
	for _, tc := range []struct {
		name   string
		scheme string
		answer Answer
		found  string
		open   bool
	}{
		{"IAP asks to sign in", "https", Answer{Status: 302, FromIAP: true, Location: signIn},
			"302 to accounts.google.com: IAP asks to sign in", false},
		{"IAP asks, without its header", "https", Answer{Status: 302, Location: signIn},
			"302 to accounts.google.com: IAP asks to sign in", false},
		{"IAP asks with identities of its own", "https",
			Answer{Status: 302, FromIAP: true, Location: "https://login.example.com/?x"},
			"302 to login.example.com: IAP asks to sign in", false},
		{"IAP sends to no readable address", "https", Answer{Status: 302, FromIAP: true, Location: "https://a\nb/"},
			"302 to a sign-in page: IAP asks to sign in", false},
		{"IAP refuses", "https", Answer{Status: 403, FromIAP: true, Body: "You don't have access"},
			"403: IAP lets no stranger in", false},
		{"IAP wants a token", "https", Answer{Status: 401, FromIAP: true, Body: "Invalid IAP credentials: empty token"},
			"401: IAP lets no stranger in", false},
		{"IAP has no client", "https",
			Answer{Status: 502, FromIAP: true, Body: "Empty Google Account OAuth client ID(s)/secret(s)."},
			`502: IAP lets nobody in, and fails: "Empty Google Account OAuth client ID(s)/secret(s)."`, false},
		{"both IAPs", "https", Answer{Status: 500, FromIAP: true}, `500: IAP lets nobody in, and fails: ""`, false},
		{"Cloud Run refuses", "https", Answer{Status: 403, Body: forbidden}, "403: Cloud Run asks who invokes it", false},
		{"the ingress keeps it", "https",
			Answer{Status: 404, Body: "<h2>The requested URL was not found on this server.</h2>"},
			"404: nothing can be reached there (ingress, or switched off)", false},
		{"a 404 of whomever", "https", Answer{Status: 404, Body: "default backend - 404"},
			"404: its sender is not known", false},
		{"no backend answers", "https", Answer{Status: 503, Body: "no healthy\n upstream\x00"},
			`503: its sender is not known: "no healthy upstream\x00"`, false},
		{"sends on to https", "http", Answer{Status: 301, Location: "https://shop.example.com/"},
			"301: it sends on to https", false},
		{"nobody answers", "https", Answer{Problem: "none within 5s"}, "no answer: none within 5s", false},

		{"the application answers", "https", Answer{Status: 200, Body: "hello"}, "200 from the application: OPEN", true},
		{"the application answers with a page like Cloud Run's", "https", Answer{Status: 200, Body: forbidden},
			"200 from the application: OPEN", true},
		{"the application refuses by itself", "https", Answer{Status: 403, Body: "The application answers with 403."},
			"403 from the application: OPEN", true},
		{"the application has a login", "https", Answer{Status: 302, Location: "/login"},
			"302 from the application: OPEN", true},
		{"the application signs in with Google", "https",
			Answer{Status: 302,
				Location: "https://accounts.google.com/o/oauth2/v2/auth?redirect_uri=https%3A%2F%2Fshop.example.com%2F"},
			"302 from the application: OPEN", true},
		{"the application lies about IAP in its redirect", "https",
			Answer{Status: 302, Location: "https://a.example.com/?redirect_uri=https%3A%2F%2Fiap.googleapis.com.example.com%2F"},
			"302 from the application: OPEN", true},
		{"https that sends on to https", "https", Answer{Status: 301, Location: "https://www.example.com/"},
			"301 from the application: OPEN", true},
	} {
		tc.answer.To.Scheme = tc.scheme
		got := tc.answer.Read()
		if diff := cmp.Diff(Reading{tc.found, tc.open}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestForeignTextIsShortAndOnOneLine(t *testing.T) {
	got := Answer{Status: 500, Body: strings.Repeat("ü\r\n\x1b[31m", 100) + "\xff"}.Read().Found
	if len(got) > 200 || strings.ContainsAny(got, "\r\n\x1b") {
		t.Errorf("found %d bytes: %q", len(got), got)
	}
}

func TestOnlyAFewDoorsAreAskedAndOnlyOurOwn(t *testing.T) {
	shop := func(hosts ...string) posture.Frontend {
		return posture.Frontend{Resource: "f", Address: "203.0.113.7", HTTPS: true, Hosts: hosts}
	}
	front := func(host, path string) ProbeRequest {
		return ProbeRequest{Door: "https://" + host + path, Scheme: "https", Host: host, Path: path, IP: "203.0.113.7"}
	}
	const runApp = "hello-abc-uc.a.run.app"
	own := ProbeRequest{Door: "https://" + runApp, Scheme: "https", Host: runApp, Path: "/"}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []ProbeRequest
	}{
		{"an address, and run.app", func(*posture.Posture) {},
			[]ProbeRequest{{Door: "https://203.0.113.7", Scheme: "https", Host: "203.0.113.7", Path: "/",
				IP: "203.0.113.7"}, own}},
		{"a host with a path",
			func(p *posture.Posture) {
				p.Backends[0].Frontends = []posture.Frontend{shop("a.example.com")}
				p.Backends[0].Frontends[0].Paths = []string{"/api/*"}
			},
			[]ProbeRequest{{Door: "https://a.example.com/api/*", Scheme: "https", Host: "a.example.com", Path: "/api/",
				IP: "203.0.113.7"}, own}},
		{"two of many hosts", func(p *posture.Posture) {
			p.Backends[0].Frontends = []posture.Frontend{shop("a.example.com", "b.example.com", "c.example.com")}
			p.Backends[0].Frontends[0].Paths = []string{"/x"}
		},
			[]ProbeRequest{front("a.example.com", "/x"), front("b.example.com", "/x"), own}},
		{"no pattern, and nothing that is no host", func(p *posture.Posture) {
			p.Backends[0].Frontends = []posture.Frontend{shop("*.example.com", "a b", "localhost", "evil.example.com:22",
				"a@b.example.com")}
			p.Backends = append(p.Backends, p.Backends[0])
			p.Backends[1].Frontends = []posture.Frontend{shop("a.example.com")}
			p.Backends[1].Frontends[0].Paths = []string{"/x?y", "/\r\nX: y"}
		}, []ProbeRequest{own}},
		{"no host longer than a host can be", func(p *posture.Posture) {
			p.Backends[0].Frontends = []posture.Frontend{shop(strings.Repeat("a.", 200) + "com")}
		}, []ProbeRequest{own}},
		{"no internal load balancer", func(p *posture.Posture) { p.Backends[0].Scheme = "INTERNAL_MANAGED" },
			[]ProbeRequest{own}},
		{"nothing is known of any", func(p *posture.Posture) {
			p.Backends[0].Frontends = []posture.Frontend{{Resource: "m", Unread: "denied"}}
		}, []ProbeRequest{own}},
		{"without TLS", func(p *posture.Posture) { p.Backends[0].Frontends[0].HTTPS = false },
			[]ProbeRequest{{Door: "http://203.0.113.7", Scheme: "http", Host: "203.0.113.7", Path: "/",
				IP: "203.0.113.7"}, own}},
		{"an IPv6 address", func(p *posture.Posture) { p.Backends[0].Frontends[0].Address = "2600:1901::1" },
			[]ProbeRequest{{Door: "https://2600:1901::1", Scheme: "https", Host: "[2600:1901::1]", Path: "/",
				IP: "2600:1901::1"}, own}},
		{"a mapped domain and a tag", func(p *posture.Posture) {
			p.Backends, p.Domains = nil, []posture.Domain{{Host: "shop.example.org"}}
			p.Service.TagURLs = []string{"https://blue---" + runApp}
		}, []ProbeRequest{own, {Door: "https://shop.example.org", Scheme: "https", Host: "shop.example.org", Path: "/"},
			{Door: "https://blue---" + runApp, Scheme: "https", Host: "blue---" + runApp, Path: "/"}}},
		{"no address of a service that is not Cloud Run's",
			func(p *posture.Posture) { p.Service.URLs = []string{"https://metadata.google.internal"} },
			[]ProbeRequest{{Door: "https://203.0.113.7", Scheme: "https", Host: "203.0.113.7", Path: "/", IP: "203.0.113.7"}}},
	} {
		p := posturetest.Protected()
		tc.change(&p)
		if diff := cmp.Diff(tc.want, ProbeRequests(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
