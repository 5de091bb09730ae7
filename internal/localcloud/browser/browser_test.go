package browser_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/browser"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

var hello = playground.Scenario[0]

// visitor is a browser: it keeps cookies, follows redirects, and takes every name below
// localhost for this machine.
type visitor struct {
	t    *testing.T
	port string
	http.Client
}

// page is what a visitor was shown, and where.
type page struct {
	status int
	at     *url.URL
	text   string
}

// visit is a local cloud with hello behind IAP, for alice, and somebody at its frontend.
func visit(t *testing.T) *visitor {
	e := cloudtest.Start(t, playground.Options{})
	e.Build(hello)
	owner := e.Owner()
	for _, call := range []struct {
		method, path string
		body         map[string]any
	}{
		{http.MethodPost, "/v1beta1/projects/demo-project/services/iap.googleapis.com:generateServiceIdentity", nil},
		{http.MethodPatch, "/compute/v1/projects/demo-project/global/backendServices/hello-backend",
			map[string]any{"iap": map[string]any{"enabled": true}}},
		{http.MethodPost, "/v1/projects/123456789012/iap_web/compute/services/hello-backend:setIamPolicy",
			map[string]any{"policy": map[string]any{"bindings": []any{map[string]any{
				"role": "roles/iap.httpsResourceAccessor", "members": []any{"user:alice@example.com"}}}}}},
	} {
		e.CallAs(owner, call.method, call.path, call.body)
	}
	at, err := url.Parse(e.DataURL())
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, at.Port(), http.Client{Jar: jar, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at.Host)
		}}}}
}

// address is where the visitor finds a path of the frontend.
func (v *visitor) address(path string) string {
	return "http://" + net.JoinHostPort(browser.HostOf(hello.Host), v.port) + path
}

func (v *visitor) do(method, address string, form url.Values, header ...string) page {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html,*/*;q=0.8")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := v.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return page{response.StatusCode, response.Request.URL, string(text)}
}

func (v *visitor) signIn(account, to string, header ...string) page {
	v.t.Helper()
	return v.do(http.MethodPost, v.address(browser.SignInPath), url.Values{"account": {account}, "continue": {to}}, header...)
}

func TestAVisitorSignsInAndWalksThroughTheDoor(t *testing.T) {
	v := visit(t)
	shown := v.do(http.MethodGet, v.address("/cart?item=1"), nil)
	if shown.at.Path != browser.SignInPath || shown.status != http.StatusOK || !strings.Contains(shown.text, "alice@example.com") {
		t.Fatalf("a stranger is at %s with %d, want the sign-in page:\n%s", shown.at, shown.status, shown.text)
	}
	inside := v.signIn("alice@example.com", shown.at.Query().Get("continue"))
	if inside.status != http.StatusOK || inside.at.RequestURI() != "/cart?item=1" ||
		!strings.Contains(inside.text, "accounts.google.com:alice@example.com") || strings.Contains(inside.text, "local-user") {
		t.Errorf("alice is at %s with %d:\n%s", inside.at, inside.status, inside.text)
	}
	if out := v.do(http.MethodGet, v.address(browser.SignOutPath), nil); out.at.Path != browser.SignInPath {
		t.Errorf("after signing out, alice is at %s, want the sign-in page", out.at)
	}
	if refused := v.signIn("bob@example.com", "/cart"); refused.status != http.StatusForbidden ||
		refused.at.Path != "/cart" || !strings.Contains(refused.text, browser.SignOutPath) {
		t.Errorf("bob is at %s with %d, want 403 and a way to sign out:\n%s", refused.at, refused.status, refused.text)
	}
}

// Programs, and browsers at Google's own hosts, are answered as Google answers.
func TestOtherHostsAreAnsweredAsBefore(t *testing.T) {
	v := visit(t)
	v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/", browser.SignInPath} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+hello.Host+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Cookie", "local-user=user%3Aalice%40example.com")
		response, err := v.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if to := response.Header.Get("Location"); response.StatusCode != http.StatusFound ||
			!strings.HasPrefix(to, "https://accounts.google.com/") {
			t.Errorf("%s: %d to %q, want a redirect to Google", path, response.StatusCode, to)
		}
	}
	for _, each := range []struct {
		header []string
		want   int
	}{
		{[]string{"Accept", "application/json"}, http.StatusUnauthorized},
		{[]string{"X-Local-User", "user:alice@example.com"}, http.StatusOK},
		{[]string{"Accept", "*/*", "X-Local-User", "user:bob@example.com"}, http.StatusForbidden},
	} {
		if shown := v.do(http.MethodGet, v.address("/"), nil, each.header...); shown.status != each.want {
			t.Errorf("%v: %d, want %d", each.header, shown.status, each.want)
		}
	}
}

func TestTheSignInPageTakesNothingFromOtherSites(t *testing.T) {
	v := visit(t)
	for _, header := range [][]string{
		{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://localhost:3000"},
	} {
		if shown := v.signIn("alice@example.com", "/", header...); shown.status != http.StatusForbidden {
			t.Errorf("%v: %d, want 403", header, shown.status)
		}
	}
	if shown := v.do(http.MethodGet, v.address("/"), nil); shown.at.Path != browser.SignInPath {
		t.Errorf("somebody is signed in, at %s", shown.at)
	}
}

func TestTheSignInPageEscapesAndChecksWhatIsSent(t *testing.T) {
	v := visit(t)
	for _, account := range []string{`<script>alert(1)</script>`, "", "alice", "group:all@example.com", "a@b\r\nSet-Cookie: x=y",
		strings.Repeat("a", 1<<15) + "@example.com"} {
		shown := v.signIn(account, "/")
		if shown.status != http.StatusBadRequest || strings.Contains(shown.text, "<script") {
			t.Errorf("%.40q: %d, want 400:\n%.300s", account, shown.status, shown.text)
		}
	}
	for to, want := range map[string]string{
		"https://evil.example/": "/", "//evil.example/": "/", `/\evil.example/`: "/", "javascript:alert(1)": "/",
		"": "/", "/a?b=c#d": "/a?b=c", `/"><script>`: "/%22%3E%3Cscript%3E",
	} {
		if shown := v.signIn("alice@example.com", to); shown.at.RequestURI() != want || shown.at.Hostname() != "hello.example.com.localhost" {
			t.Errorf("%q leads to %s, want %s", to, shown.at, want)
		}
	}
}
