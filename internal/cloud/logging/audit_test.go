package logging_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/logging"
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
	writes, err := p.client.Writes(p.t.Context(), playground.Project)
	if err != nil {
		p.t.Fatal(err)
	}
	var methods []string
	for _, w := range writes {
		methods = append(methods, w.Method[strings.LastIndex(w.Method[:strings.LastIndex(w.Method, ".")], ".")+1:])
	}
	return methods
}

func TestAnAnswerOfTheAuditLogLastsAMinute(t *testing.T) {
	p := start(t)
	p.Cloud.Settle()
	made := []string{
		"Services.CreateService", "Services.SetIamPolicy", "regionNetworkEndpointGroups.insert", "backendServices.insert",
		"urlMaps.insert", "targetHttpsProxies.insert", "globalForwardingRules.insert",
	}
	if diff := cmp.Diff(made, p.writes()); diff != "" {
		t.Fatalf("what was written (-want +got):\n%s", diff)
	}
	p.switchIAP(true)
	if diff := cmp.Diff(made, p.writes()); diff != "" {
		t.Errorf("within the minute (-want +got):\n%s", diff)
	}
	p.client.Forget(playground.Project)
	if diff := cmp.Diff(append(made, "backendServices.patch"), p.writes()); diff != "" {
		t.Errorf("after a write of our own (-want +got):\n%s", diff)
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
	_, err := p.client.Writes(t.Context(), playground.Project)
	if fault.ActionOf(err) != fault.Block || fault.Of(err).Permission != "logging.logEntries.list" {
		t.Errorf("error %v, want one that names the permission", err)
	}
	faults(`[]`)
	if _, err := p.client.Writes(t.Context(), playground.Project); err != nil {
		t.Error(err)
	}
}

func TestPagesOfTheAuditLogAreReadUpToABound(t *testing.T) {
	pages := 0
	server := serve(t, func(request map[string]any) any {
		pages++
		answer := map[string]any{"entries": []any{written(strconv.Itoa(pages))}}
		if pages < 3 || request["filter"] == "" {
			answer["nextPageToken"] = "more"
		}
		return answer
	})
	client, err := logging.New(t.Context(), connect.Config{Endpoint: server}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	writes, err := client.Writes(t.Context(), "a-project")
	if err != nil || len(writes) != 3 || pages != 3 {
		t.Errorf("%d writes of %d pages, %v; want 3 of 3", len(writes), pages, err)
	}
	pages = -100
	client.Forget("a-project")
	if writes, err = client.Writes(t.Context(), "a-project"); err != nil || len(writes) != 10 {
		t.Errorf("of a log without an end: %d writes, %v; want those of 10 pages", len(writes), err)
	}
}

// written is the entry of a write of a backend service.
func written(id string) map[string]any {
	return map[string]any{
		"insertId": id, "timestamp": "2026-11-23T09:00:00Z",
		"logName":  "projects/a-project/logs/cloudaudit.googleapis.com%2Factivity",
		"resource": map[string]any{"type": "gce_backend_service", "labels": map[string]any{"project_id": "a-project"}},
		"protoPayload": map[string]any{
			"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "compute.googleapis.com",
			"methodName":   "v1.compute.backendServices.patch",
			"resourceName": "projects/a-project/global/backendServices/b",
		},
	}
}
