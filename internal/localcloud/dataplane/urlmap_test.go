package dataplane

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
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
		to := newRouter(urlMap).route(tc.host, tc.path)
		got := to.backend
		if to.redirect != nil {
			got = "redirect to " + to.redirect["hostRedirect"].(string)
		}
		if got != tc.want {
			t.Errorf("%s%s goes to %q, want %q", tc.host, tc.path, got, tc.want)
		}
	}
	simple := parse(t, `{"defaultService": "only", "hostRules": [{"hosts": ["a.example.com"], "pathMatcher": "a"}], "pathMatchers": [{"name": "a", "defaultService": "a"}]}`)
	if got := newRouter(simple).route("203.0.113.1", "/").backend; got != "only" {
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

// balancers are two load balancers that share a certificate's wildcard, one of
// them with an HTTP frontend beside it.
var balancers = []struct{ collection, body string }{
	{"backendServices", `{"name": "be"}`},
	{"sslCertificates", `{"name": "wild", "type": "MANAGED", "managed": {"domains": ["*.example.com"]}}`},
	{"urlMaps", `{"name": "a", "defaultService": "global/backendServices/be",
	  "hostRules": [{"hosts": ["a.example.com"], "pathMatcher": "x"}, {"hosts": ["*"], "pathMatcher": "x"}],
	  "pathMatchers": [{"name": "x", "defaultService": "global/backendServices/be"}]}`},
	{"urlMaps", `{"name": "b", "defaultService": "global/backendServices/be",
	  "hostRules": [{"hosts": ["b.example.com"], "pathMatcher": "x"}],
	  "pathMatchers": [{"name": "x", "defaultService": "global/backendServices/be"}]}`},
	{"targetHttpsProxies", `{"name": "a", "urlMap": "global/urlMaps/a", "sslCertificates": ["global/sslCertificates/wild"]}`},
	{"targetHttpProxies", `{"name": "a", "urlMap": "global/urlMaps/a"}`},
	{"targetHttpsProxies", `{"name": "b", "urlMap": "global/urlMaps/b", "sslCertificates": ["global/sslCertificates/wild"]}`},
	{"forwardingRules", `{"name": "b-https", "IPAddress": "203.0.113.2", "portRange": "443", "target": "global/targetHttpsProxies/b"}`},
	{"forwardingRules", `{"name": "a-https", "IPAddress": "203.0.113.1", "portRange": "443", "target": "global/targetHttpsProxies/a"}`},
	{"forwardingRules", `{"name": "a-http", "IPAddress": "203.0.113.1", "portRange": "80", "target": "global/targetHttpProxies/a"}`},
	{"forwardingRules", `{"name": "six", "IPAddress": "2001:db8:0:1::", "portRange": "80", "target": "global/targetHttpProxies/a"}`},
}

// served are these load balancers as Compute Engine has them.
func served(t *testing.T) *compute.API {
	t.Helper()
	server := apiserver.New(apiserver.Options{Clock: time.Now, Observe: discovery.Judge(t).Observe})
	t.Cleanup(server.Close)
	api := compute.New(server)
	server.Serve(api.API())
	for _, each := range balancers {
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost,
			"/compute/v1/projects/demo-project/global/"+each.collection, strings.NewReader(each.body)))
		if recorder.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", each.body, recorder.Code, recorder.Body)
		}
	}
	return api
}

func TestAHostFindsTheFrontendThatKnowsItBest(t *testing.T) {
	s := snapshot{Options: Options{Compute: served(t)}}
	for _, tc := range []struct{ host, port, scheme, want string }{
		{"203.0.113.1", "", "", "a-https"},
		{"203.0.113.1", "", "http", "a-http"},
		{"203.0.113.1", "80", "", "a-http"},
		{"203.0.113.1", "443", "", "a-https"},
		{"203.0.113.1", "9091", "", "a-https"},
		{"203.0.113.1", "80", "https", "a-https"},
		{"203.0.113.2", "", "", "b-https"},
		{"2001:db8:0000:1::", "", "", "six"},
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
		r, s := request{header: tc.header}, snapshot{Options: Options{Tokens: oidc.New(time.Now)}}
		if diff := cmp.Diff([]token{tc.iap, tc.cloud}, []token{s.session(r), s.caller(r)},
			cmp.AllowUnexported(token{})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.header, diff)
		}
	}
}
