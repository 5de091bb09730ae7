package logging_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/logging"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/playground"
)

const backend = "/compute/v1/projects/demo-project/global/backendServices/hello-backend"

// project is a local cloud with the scenario's first service, and a client
// whose clock the test moves.
type project struct {
	*playground.Playground
	t      *testing.T
	client *logging.Client
	own    []string // our accounts
	now    time.Time
}

func start(t *testing.T) *project {
	t.Helper()
	p := &project{t: t, now: time.Now()}
	s, err := playground.Start(t.Context(), playground.Options{Discovery: discovery.Judge(t)})
	if err != nil {
		t.Fatal(err)
	}
	p.Playground = s
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	developer := playground.Client{URL: s.URL(), Caller: playground.Developer, UserAgent: "Terraform/1.13"}
	if err := errors.Join(playground.Scenario[0].Deploy(t.Context(), developer),
		playground.Scenario[0].Balance(t.Context(), developer)); err != nil {
		t.Fatal(err)
	}
	if p.client, err = logging.New(t.Context(),
		connect.Config{Endpoint: s.URL(), Self: playground.FunctionAccount, UserAgent: "iapguard/test"},
		func() time.Time { return p.now }); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *project) switchIAP(on bool) {
	p.t.Helper()
	developer := playground.Client{URL: p.URL(), Caller: playground.Developer}
	if _, err := developer.Call(p.t.Context(), http.MethodPatch, backend,
		map[string]any{"iap": map[string]any{"enabled": on}}); err != nil {
		p.t.Fatal(err)
	}
	p.Cloud.Settle()
}

// writes are the methods of the writes in the log, oldest first.
func (p *project) writes() []string {
	p.t.Helper()
	writes, err := p.client.LastWrites(p.t.Context(), playground.Project, []string{"hello", "hello-backend"}, p.own)
	if err != nil {
		p.t.Fatal(err)
	}
	var methods []string
	for _, w := range writes {
		methods = append(methods, w.Method[strings.LastIndex(w.Method[:strings.LastIndex(w.Method, ".")], ".")+1:])
	}
	return methods
}

func TestTheLastWritesAreThoseToTheNamedResources(t *testing.T) {
	p := start(t)
	p.Cloud.Settle()
	made := []string{"Services.CreateService", "Services.SetIamPolicy", "backendServices.insert"}
	if diff := cmp.Diff(made, p.writes()); diff != "" {
		t.Fatalf("what was written (-want +got):\n%s", diff)
	}
	p.switchIAP(true)
	if diff := cmp.Diff(made, p.writes()); diff != "" {
		t.Errorf("within the minute (-want +got):\n%s", diff)
	}
	p.client.Wrote(playground.Project, "another")
	if diff := cmp.Diff(made, p.writes()); diff != "" {
		t.Errorf("after our write to another resource (-want +got):\n%s", diff)
	}
	p.client.Wrote(playground.Project, "hello-backend")
	if diff := cmp.Diff(append(made, "backendServices.patch"), p.writes()); diff != "" {
		t.Errorf("after our write (-want +got):\n%s", diff)
	}
	p.switchIAP(false)
	p.now = p.now.Add(time.Minute)
	if diff := cmp.Diff(append(made, "backendServices.patch", "backendServices.patch"), p.writes()); diff != "" {
		t.Errorf("after a minute (-want +got):\n%s", diff)
	}
	p.now = p.now.Add(logging.Window)
	if got := p.writes(); got != nil {
		t.Errorf("after a day: %q, want nothing", got)
	}
}

// Somebody who writes without an end hides neither our writes nor makes a look dearer.
func TestOthersDoNotHideOurOwnWrites(t *testing.T) {
	p := start(t)
	ours := playground.Client{URL: p.URL(), Caller: "serviceAccount:" + playground.FunctionAccount}
	if _, err := ours.Call(p.t.Context(), http.MethodPatch, backend, map[string]any{"description": "ours"}); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		p.switchIAP(i%2 == 0)
	}
	p.own = []string{playground.FunctionAccount}
	writes, err := p.client.LastWrites(t.Context(), playground.Project, []string{"hello", "hello-backend"}, p.own)
	own := slices.ContainsFunc(writes, func(w event.Write) bool { return w.Principal == p.own[0] })
	if err != nil || !own || len(writes) != 11 {
		t.Errorf("%d writes, one of ours %t, %v; want 10 of others, each with two entries, and ours", len(writes), own, err)
	}
}

func TestADeniedLogNamesThePermissionAndIsAskedAgain(t *testing.T) {
	p := start(t)
	faults := func(list string) {
		t.Helper()
		response, err := http.Post(p.URL()+"/_local/faults", "application/json", strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent {
			t.Fatalf("setting faults: %s", response.Status)
		}
	}
	faults(`[{"method":"logging.entries.list","action":"status","status":403}]`)
	_, err := p.client.LastWrites(t.Context(), playground.Project, []string{"hello"}, nil)
	if fault.ActionOf(err) != fault.Block || fault.Of(err).Permission != "logging.logEntries.list" {
		t.Errorf("error %v, want one that names the permission", err)
	}
	faults(`[]`)
	if _, err := p.client.LastWrites(t.Context(), playground.Project, []string{"hello"}, nil); err != nil {
		t.Error(err)
	}
}

// The log of one project that may not be read does not hide those of the others.
func TestWritesOfPoliciesAreReadWhereTheLogMayBe(t *testing.T) {
	p := start(t)
	owner := playground.Client{URL: p.URL()}
	if _, err := owner.Call(t.Context(), http.MethodPost,
		"/v1/projects/123456789012/iap_web/compute/services/hello-backend:setIamPolicy", map[string]any{
			"policy": map[string]any{"bindings": []any{map[string]any{
				"role": "roles/iap.httpsResourceAccessor", "members": []any{"user:alice@example.com"}}}}}); err != nil {
		t.Fatal(err)
	}
	p.Cloud.Settle()
	began := time.Now().Add(-time.Hour)
	found, unread := p.client.PolicyWrites(t.Context(), []string{"a-project", playground.Project, "b-project"},
		logging.Period{Since: began})
	if len(found) != 1 || len(unread) != 2 || fault.Of(unread["a-project"]).Permission != "logging.logEntries.list" {
		t.Fatalf("read: %v, not read: %v", found, unread)
	}
	writes := found[playground.Project]
	for name, want := range map[string][2]bool{"hello": {true, true}, "hello-backend": {false, true}, "none": {}} {
		invokers, access := writes.Invokers.Last(name), writes.Access.Last(name)
		if got := [2]bool{invokers.After(began), access.After(began)}; got != want {
			t.Errorf("%s is written at %v and %v, want %v", name, invokers, access, want)
		}
	}
	for _, tc := range []struct {
		every time.Duration // between the entries, one on each page
		read  bool
	}{{time.Hour, false}, {3 * time.Hour, true}} {
		pages := 0
		endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			pages++
			at := time.Now().Add(-tc.every * time.Duration(pages)).UTC().Format(time.RFC3339Nano)
			_, _ = fmt.Fprintf(w, `{"nextPageToken":"more","entries":[{"logName":"projects/a-project/logs/x","timestamp":%q,`+
				`"protoPayload":{"serviceName":"run.googleapis.com","resourceName":"services/hello"}}]}`, at)
		}))
		t.Cleanup(endless.Close)
		client, err := logging.New(t.Context(), connect.Config{Endpoint: endless.URL}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		found, unread := client.PolicyWrites(t.Context(), []string{"a-project", "b-project"},
			logging.Period{Since: time.Now().Add(-720 * time.Hour), AtLeast: time.Now().Add(-48 * time.Hour)})
		if read := len(found) == 2 && len(unread) == 0; read != tc.read || pages != 30 {
			t.Errorf("a write in each %v: read %v after %d pages, not read: %v", tc.every, found, pages, unread)
		}
	}
	if last := (logging.Writes{"": began}).Last("hello"); !last.Equal(began) {
		t.Errorf("a write without a name counts as of %v, want that it may be of any resource", last)
	}
}
