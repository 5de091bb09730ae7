package dataplane

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

func parse(t *testing.T, text string) object {
	t.Helper()
	var parsed object
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

const bigMap = `{
  "defaultService": "default",
  "hostRules": [
    {"hosts": ["*"], "pathMatcher": "any"},
    {"hosts": ["*.example.com"], "pathMatcher": "wild"},
    {"hosts": ["shop.example.com", "Store.example.com:443"], "pathMatcher": "shop"},
    {"hosts": ["routes.example.com"], "pathMatcher": "routes"}
  ],
  "pathMatchers": [
    {"name": "any", "defaultService": "any"},
    {"name": "wild", "defaultRouteAction": {"weightedBackendServices": [
      {"backendService": "light", "weight": 10}, {"backendService": "heavy", "weight": 90}, {"backendService": "as-heavy", "weight": 90}]}},
    {"name": "shop", "defaultService": "shop", "pathRules": [
      {"paths": ["/cart/pay/*"], "service": "pay"},
      {"paths": ["/cart"], "service": "cart"},
      {"paths": ["/cart/*", "/basket/*"], "service": "carts"},
      {"paths": ["/old/*"], "urlRedirect": {"hostRedirect": "old.example.com"}}]},
    {"name": "routes", "defaultService": "rest", "routeRules": [
      {"priority": 20, "matchRules": [{"prefixMatch": "/"}], "service": "last"},
      {"priority": 10, "matchRules": [{"fullPathMatch": "/One", "ignoreCase": true}], "service": "one"},
      {"priority": 5, "matchRules": [{"prefixMatch": "/", "headerMatches": [{"headerName": "x"}]}], "service": "by-header"}]}
  ]
}`

func TestAURLMapSendsEachRequestToTheClosestRule(t *testing.T) {
	urlMap := parse(t, bigMap)
	for _, tc := range []struct{ host, path, want string }{
		{"shop.example.com", "/", "shop"},
		{"store.example.com", "/", "shop"},
		{"shop.example.com", "/cart", "cart"},
		{"shop.example.com", "/cart/", "carts"},
		{"shop.example.com", "/cart/7", "carts"},
		{"shop.example.com", "/cartoon", "shop"},
		{"shop.example.com", "/basket/7", "carts"},
		{"shop.example.com", "/cart/pay/now", "pay"},
		{"shop.example.com", "/old/7", "redirect to old.example.com"},
		{"blog.example.com", "/cart", "heavy"},
		{"example.com", "/", "any"},
		{"203.0.113.1", "/", "any"},
		{"routes.example.com", "/one", "one"},
		{"routes.example.com", "/one/two", "last"},
	} {
		to := route(urlMap, tc.host, tc.path)
		got := to.backend
		if to.redirect != nil {
			got = "redirect to " + to.redirect["hostRedirect"].(string)
		}
		if got != tc.want {
			t.Errorf("%s%s goes to %q, want %q", tc.host, tc.path, got, tc.want)
		}
	}
	simple := parse(t, `{"defaultService": "only", "hostRules": [{"hosts": ["a.example.com"], "pathMatcher": "a"}], "pathMatchers": [{"name": "a", "defaultService": "a"}]}`)
	if got := route(simple, "203.0.113.1", "/").backend; got != "only" {
		t.Errorf("a host without a rule goes to %q, want the default service", got)
	}
}

func TestRedirectsChangeWhatTheySayAndNothingElse(t *testing.T) {
	r := request{scheme: "http", host: "a.example.com", path: "/x y", query: "q=1"}
	for _, tc := range []struct {
		redirect, want string
		status         int
	}{
		{`{"httpsRedirect": true}`, "https://a.example.com/x%20y?q=1", http.StatusMovedPermanently},
		{`{"hostRedirect": "b.example.com", "redirectResponseCode": "FOUND"}`, "http://b.example.com/x%20y?q=1",
			http.StatusFound},
		{`{"pathRedirect": "/z", "stripQuery": true, "redirectResponseCode": "PERMANENT_REDIRECT"}`,
			"http://a.example.com/z", http.StatusPermanentRedirect},
	} {
		got := redirected(r, parse(t, tc.redirect))
		if location := got.header.Get("Location"); location != tc.want || got.status != tc.status {
			t.Errorf("%s: %d %s, want %d %s", tc.redirect, got.status, location, tc.status, tc.want)
		}
	}
}

func TestURLMasksNameTheServiceOfARequest(t *testing.T) {
	for _, tc := range []struct{ mask, host, path, want string }{
		{"example.com/<service>", "example.com", "/cart", "cart"},
		{"example.com/<service>", "example.com", "/cart/7", "cart"},
		{"example.com/<service>", "other.com", "/cart", ""},
		{"<service>.example.com", "cart.example.com", "/", "cart"},
		{"<service>.example.com", "a.cart.example.com", "/", ""},
		{"/<service>", "anywhere.example.com", "/cart/7", "cart"},
		{"<tag>---<service>.example.com", "blue---cart.example.com", "/", "cart"},
		{"example.com/<service>", "example.com", "/../cart", ""},
		{"nothing", "nothing", "/", ""},
	} {
		if got := unmask(tc.mask, request{host: tc.host, path: tc.path}); got != tc.want {
			t.Errorf("%s on %s%s: %q, want %q", tc.mask, tc.host, tc.path, got, tc.want)
		}
	}
}

// state is two load balancers that share a certificate's wildcard, one of them
// with an HTTP frontend beside it.
const state = `{"compute": {
  "projects/p/global/forwardingRules/a-https": {"name": "a-https", "IPAddress": "203.0.113.1", "portRange": "443-443", "target": "projects/p/global/targetHttpsProxies/a"},
  "projects/p/global/forwardingRules/a-http": {"name": "a-http", "IPAddress": "203.0.113.1", "portRange": "80-80", "target": "projects/p/global/targetHttpProxies/a"},
  "projects/p/global/forwardingRules/b-https": {"name": "b-https", "IPAddress": "203.0.113.2", "portRange": "443-443", "target": "projects/p/global/targetHttpsProxies/b"},
  "projects/p/global/forwardingRules/broken": {"name": "broken", "IPAddress": "203.0.113.3", "target": "projects/p/global/targetHttpsProxies/gone"},
  "projects/p/global/targetHttpsProxies/a": {"urlMap": "projects/p/global/urlMaps/a", "sslCertificates": ["https://www.googleapis.com/compute/v1/projects/p/global/sslCertificates/wild"]},
  "projects/p/global/targetHttpProxies/a": {"urlMap": "projects/p/global/urlMaps/a"},
  "projects/p/global/targetHttpsProxies/b": {"urlMap": "projects/p/global/urlMaps/b", "sslCertificates": ["projects/p/global/sslCertificates/wild"]},
  "projects/p/global/sslCertificates/wild": {"subjectAlternativeNames": ["*.example.com"]},
  "projects/p/global/urlMaps/a": {"hostRules": [{"hosts": ["a.example.com"]}, {"hosts": ["*"]}]},
  "projects/p/global/urlMaps/b": {"hostRules": [{"hosts": ["b.example.com"]}]}
}}`

func TestAHostFindsTheFrontendThatKnowsItBest(t *testing.T) {
	s := snapshot{propagated: parse(t, state)}
	for _, tc := range []struct{ host, port, scheme, want string }{
		{"203.0.113.1", "", "", "a-https"},
		{"203.0.113.1", "", "http", "a-http"},
		{"203.0.113.1", "80", "", "a-http"},
		{"203.0.113.1", "443", "", "a-https"},
		{"203.0.113.1", "9091", "", "a-https"},
		{"203.0.113.1", "80", "https", "a-https"},
		{"203.0.113.2", "", "", "b-https"},
		{"203.0.113.3", "", "", ""},
		{"203.0.113.4", "", "", ""},
		{"a.example.com", "", "", "a-https"},
		{"a.example.com", "", "http", "a-http"},
		{"b.example.com", "", "", "b-https"},
		{"b.example.com", "", "http", ""},
		{"c.example.com", "", "", "a-https"},
		{"example.org", "", "", ""},
		{"", "", "", ""},
	} {
		got := ""
		if f, ok := s.frontendFor(request{host: tc.host, port: tc.port, scheme: tc.scheme}); ok {
			got = f.rule["name"].(string)
		}
		if got != tc.want {
			t.Errorf("host %q port %q scheme %q: %q, want %q", tc.host, tc.port, tc.scheme, got, tc.want)
		}
	}
}

func TestTokensNameWhoTheyAreFor(t *testing.T) {
	for _, tc := range []struct {
		header     http.Header
		iap, cloud token
	}{
		{http.Header{}, token{}, token{}},
		{http.Header{"Authorization": {"Bearer user:a@example.com"}}, token{who: "user:a@example.com"},
			token{who: "user:a@example.com"}},
		{http.Header{"Authorization": {"bearer serviceAccount:a@p.iam.gserviceaccount.com"}},
			token{who: "serviceAccount:a@p.iam.gserviceaccount.com"}, token{who: "serviceAccount:a@p.iam.gserviceaccount.com"}},
		{http.Header{"Authorization": {"Bearer eyJhbGciOi"}}, token{bad: true}, token{bad: true}},
		{http.Header{"Authorization": {"Bearer group:a@example.com"}}, token{bad: true}, token{bad: true}},
		{http.Header{"Authorization": {"Bearer user:a@example.com, b@example.com"}}, token{bad: true}, token{bad: true}},
		{http.Header{"Authorization": {"Basic dXNlcg=="}}, token{}, token{}},
		{http.Header{"X-Local-User": {"user:a@example.com"}}, token{who: "user:a@example.com"}, token{}},
		{http.Header{"X-Local-User": {"a@example.com"}}, token{bad: true}, token{}},
		{http.Header{"X-Local-User": {"user:a@example.com"}, "Authorization": {"Bearer user:b@example.com"}},
			token{who: "user:a@example.com"}, token{who: "user:b@example.com"}},
		{http.Header{"X-Serverless-Authorization": {"Bearer user:a@example.com"},
			"Authorization": {"Bearer user:b@example.com"}},
			token{who: "user:b@example.com"}, token{who: "user:a@example.com"}},
	} {
		r, s := request{header: tc.header}, snapshot{verify: oidc.New(time.Now).Verify}
		if diff := cmp.Diff([]token{tc.iap, tc.cloud}, []token{s.session(r), s.caller(r)},
			cmp.AllowUnexported(token{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.header, diff)
		}
	}
}
