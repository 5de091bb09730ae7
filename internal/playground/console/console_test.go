package console_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/console"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// served is a local cloud with a console.
func served(t *testing.T, options console.Options) *cloudtest.Env {
	t.Helper()
	page := console.New(options)
	e := cloudtest.Start(t, playground.Options{Console: page, OnCall: page.OnCall})
	if status, _ := ask(t, e, http.MethodGet, "/console", "", nil); status != http.StatusServiceUnavailable {
		t.Errorf("before there is anything to show: %d, want 503", status)
	}
	if err := page.Watch(t.Context(), e.Playground); err != nil {
		t.Fatal(err)
	}
	return e
}

var html = map[string]string{"Accept": "text/html"}

func ask(t *testing.T, e *cloudtest.Env, method, path, body string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if policy := response.Header.Get("Content-Security-Policy"); strings.HasPrefix(path, "/console") &&
		(!strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe")) &&
		response.StatusCode != http.StatusForbidden {
		t.Errorf("%s %s: Content-Security-Policy %q", method, path, policy)
	}
	return response.StatusCode, string(read)
}

func TestABrowserGetsThePageAndAClientAnError(t *testing.T) {
	e := served(t, console.Options{Guarded: true})
	for _, tc := range []struct {
		path   string
		header map[string]string
		page   bool
	}{
		{"/", html, true}, {"/console", nil, true}, {"/console/", html, true},
		{"/", nil, false}, {"/", map[string]string{"Accept": "application/json"}, false},
		{"/", map[string]string{"Accept": "text/html", "Host": "run.googleapis.com"}, false},
		{"/", map[string]string{"Accept": "text/html", "Host": "evil.example"}, false},
		{"/console", map[string]string{"Host": "evil.example"}, false},
		{"/console/nothing", html, false}, {"/console/files/page.html", html, false},
		{"/console/files/..%2fconsole.go", nil, false},
	} {
		status, text := ask(t, e, http.MethodGet, tc.path, "", tc.header)
		if got := status == http.StatusOK && strings.HasPrefix(text, "<!doctype html>"); got != tc.page {
			t.Errorf("%s %v: %d, a page: %v, want %v\n%.200s", tc.path, tc.header, status, got, tc.page, text)
		}
	}
	for _, file := range []string{"drawing.css", "files/console.css", "files/console.js", "files/icon.svg"} {
		if status, text := ask(t, e, http.MethodGet, "/console/"+file, "", nil); status != http.StatusOK || text == "" {
			t.Errorf("%s: %d", file, status)
		}
	}
}

// inline is what the page's Content-Security-Policy refuses.
var inline = regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son[a-z]+=|javascript:`)

func TestNothingOnThePageIsInline(t *testing.T) {
	e := served(t, console.Options{Guarded: true, Env: "eval"})
	e.Build(playground.Scenario...)
	_, text := ask(t, e, http.MethodGet, "/", "", html)
	if found := inline.FindString(text); found != "" {
		t.Errorf("the page holds %q", found)
	}
	text = strings.ReplaceAll(regexp.MustCompile(`</?span>`).ReplaceAllString(text, ""), "\n", " ")
	for _, want := range []string{"2 of 2 services are open", "gcloud run services add-iam-policy-binding hello",
		"iapguard hold projects/demo-project", `class="dg-open"`, "http://hello.example.com.localhost:"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestOnlyThePageItselfCanPressAButton(t *testing.T) {
	e := served(t, console.Options{Guarded: true})
	jsonBody := func(more ...string) map[string]string {
		header := map[string]string{"Content-Type": "application/json"}
		for i := 0; i+1 < len(more); i += 2 {
			header[more[i]] = more[i+1]
		}
		return header
	}
	const deploy = `{"action":"deploy"}`
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	page := jsonBody("Origin", e.URL(), "Sec-Fetch-Site", "same-origin")
	long := `{"action":"` + strings.Repeat("a", 1<<15) + `"}`
	for _, tc := range []struct {
		name, body string
		header     map[string]string
		status     int
	}{
		{"another site", deploy, jsonBody("Origin", "http://evil.example"), http.StatusForbidden},
		{"another port", deploy, jsonBody("Origin", "http://localhost:3000"), http.StatusForbidden},
		{"a service", deploy, jsonBody("Origin", "http://hello.example.com.localhost:9091"), http.StatusForbidden},
		{"a file", deploy, jsonBody("Origin", "null"), http.StatusForbidden},
		{"another site without Origin", deploy, jsonBody("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		{"a name for this machine", deploy, jsonBody("Host", "evil.example"), http.StatusForbidden},
		{"a form", "action=deploy", form, http.StatusUnsupportedMediaType},
		{"no JSON", "\x00<", jsonBody(), http.StatusBadRequest},
		{"too much", long, jsonBody(), http.StatusBadRequest},
		{"no such button", `{"action":"rm -rf"}`, jsonBody(), http.StatusNotFound},
		{"no such service", `{"action":"public","service":"projects/p/../x"}`, jsonBody(), http.StatusNotFound},
		{"nothing", `{}`, jsonBody(), http.StatusNotFound},
		{"the page", deploy, page, http.StatusNoContent},
		{"curl", `{"action":"balance"}`, jsonBody(), http.StatusNoContent},
		{"a button that is off", `{"action":"balance"}`, jsonBody(), http.StatusConflict},
	} {
		if status, text := ask(t, e, http.MethodPost, "/console/do", tc.body, tc.header); status != tc.status {
			t.Errorf("%s: %d, want %d: %.300s", tc.name, status, tc.status, text)
		}
	}
	if status, _ := ask(t, e, http.MethodGet, "/console/do", "", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("a link: %d, want 405", status)
	}
	const elsewhere = `{"service":"x","address":"http://evil.example/","who":"root"}`
	if status, _ := ask(t, e, http.MethodPost, "/console/knock", elsewhere, jsonBody()); status != http.StatusNotFound {
		t.Errorf("a door that is not there: %d, want 404", status)
	}
	if got := e.Ask("shop.example.com", ""); got != http.StatusOK {
		t.Errorf("what was deployed answers a stranger with %d", got)
	}
}

// The API takes any text as a host.
func TestHostileHostsAreShownAsText(t *testing.T) {
	e := served(t, console.Options{})
	const script = `"><script>alert(1)</script>`
	e.Build(playground.Scenario[0])
	e.Call(http.MethodPatch, "/compute/v1/projects/demo-project/global/urlMaps/hello-map", map[string]any{
		"hostRules":    []any{map[string]any{"hosts": []any{script}, "pathMatcher": "all"}},
		"pathMatchers": []any{map[string]any{"name": "all", "defaultService": "global/backendServices/hello-backend"}}})
	_, text := ask(t, e, http.MethodGet, "/", "", html)
	if strings.Contains(text, "<script>alert") || !strings.Contains(text, "&lt;script&gt;alert(1)") {
		t.Errorf("the host of the URL map is not shown as text:\n%s", text)
	}
}

// follow opens the stream of a page that is watched.
func follow(t *testing.T, e *cloudtest.Env) io.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL()+"/console/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response.Body
}

func TestEventsBringThePageAndThenWhatChanges(t *testing.T) {
	e := served(t, console.Options{})
	stream := follow(t, e)
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ends without %q: %v", want, lines.Err())
	}
	next("Nothing is deployed yet")
	e.Build(playground.Scenario[0])
	next("open to the internet")
}

// A page that is watched while the log floods gets what is kept, not every entry.
func TestAFloodOfEntriesStaysBounded(t *testing.T) {
	e := served(t, console.Options{})
	stream := follow(t, e)
	const flood = 10_000
	go func() {
		for n := range flood {
			name := fmt.Sprintf("projects/demo-project/locations/us-central1/services/s%d", n)
			e.Cloud.Logs().Write(logging.Entry{
				LogName:  "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
				Resource: logging.Resource{Type: "cloud_run_revision", Labels: map[string]string{"project_id": "demo-project"}},
				ProtoPayload: &logging.AuditLog{ServiceName: "run.googleapis.com", ResourceName: name,
					MethodName:         "google.cloud.run.v2.Services.CreateService",
					AuthenticationInfo: &logging.Authentication{PrincipalEmail: "dev@example.com"}},
			})
		}
	}()
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20) // far less than 10,000 entries
	last := fmt.Sprintf("services/s%d", flood-1)
	for lines.Scan() {
		if strings.Contains(lines.Text(), fmt.Sprintf("CreateService s%d", flood-1)) {
			if got := strings.Count(lines.Text(), "episode-"); got > 100 {
				t.Errorf("%d episodes come at once", got)
			}
			return
		}
	}
	t.Fatalf("the stream ends without %s: %v", last, lines.Err())
}

func TestManyServicesAreCounted(t *testing.T) {
	e := served(t, console.Options{})
	for _, name := range strings.Fields("a b c d e f g h i j k l m n") {
		e.Deploy(playground.LoadBalanced{Service: name, Region: "us-central1", Host: name + ".example.com"})
	}
	_, text := ask(t, e, http.MethodGet, "/", "", html)
	if strings.Count(text, "<article") != 12 || !strings.Contains(text, "and 2 more services") {
		t.Errorf("%d services are shown, and what is left off is not counted", strings.Count(text, "<article"))
	}
}
