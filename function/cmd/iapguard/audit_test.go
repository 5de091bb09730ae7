package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// auditRun runs a command line and gives what it printed and its exit status.
func auditRun(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	var status statusError
	switch {
	case errors.As(err, &status):
		return out.String(), int(status)
	case err != nil:
		t.Fatal(err)
	}
	return out.String(), 0
}

func parsed(t *testing.T, text string) audit {
	t.Helper()
	var found audit
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%q is not an audit: %v", text, err)
	}
	return found
}

// shops is a local cloud with hello, public behind its load balancer, and quiet, which
// nobody may invoke.
func shops(t *testing.T) *cloudtest.Env {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario[0])
	o.Call(http.MethodPost, "/v2/projects/"+playground.Project+"/locations/us-central1/services?serviceId=a-quiet",
		map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}}})
	return o
}

func TestAuditShowsTheWorstLastAndWritesNothing(t *testing.T) {
	o := shops(t)
	before := len(o.Calls().Writes())
	text, status := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "--exit-code")
	hello, quiet := strings.Index(text, "services/hello\n"), strings.Index(text, "services/a-quiet\n")
	if status != exitPending || quiet < 0 || hello < quiet ||
		!strings.HasPrefix(text, "OPEN: 1 of 2 services; 0 not known, 0 guarded, 1 private\n") {
		t.Errorf("exit status %d, want %d; hello is open and comes last:\n%s", status, exitPending, text)
	}
	if !strings.Contains(text, "\n2 services: 1 exposed, 0 unknown; doors: 3 open 2 iam\n") ||
		!strings.Contains(text, "  ! open     https://203.0.113.") {
		t.Errorf("the doors or the totals are missing:\n%s", text)
	}
	if _, status = auditRun(t, "audit", playground.Scenario[0].Name(), "--endpoint", o.URL()); status != exitDone {
		t.Errorf("without --exit-code the status is %d, want 0", status)
	}
	if after := len(o.Calls().Writes()); after != before || before == 0 {
		t.Errorf("%d writes before the audits, %d after", before, after)
	}
}

func TestAuditComparesWithAnEarlierOne(t *testing.T) {
	o := shops(t)
	file := filepath.Join(t.TempDir(), "old.json")
	first, _ := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "--format", "json", "-o", file)
	if got := parsed(t, first).Totals; got.Exposed != 1 || got.Doors[door.GuardOpen] != 3 {
		t.Fatalf("totals %+v, want three open doors of one service", got)
	}
	o.Call(http.MethodPatch, "/v2/"+playground.Scenario[0].Name()+"?updateMask=ingress",
		map[string]any{"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"})
	quiet := "projects/" + playground.Project + "/locations/us-central1/services/a-quiet"
	o.Call(http.MethodPatch, "/v2/"+quiet+"?updateMask=invokerIamDisabled", map[string]any{"invokerIamDisabled": true})
	second, _ := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "--format", "json",
		"--compare", file)
	got := parsed(t, second).Comparison
	count := func(doors []auditedDoor, service string, kind door.Kind) int {
		n := 0
		for _, door := range doors {
			if door.Service == service && door.Kind == kind {
				n++
			}
		}
		return n
	}
	hello := playground.Scenario[0].Name()
	counts := []int{
		len(got.New), count(got.New, quiet, door.DefaultURL), len(got.Fixed), count(got.Fixed, hello, door.DefaultURL),
		len(got.Unchanged), count(got.Unchanged, hello, door.LoadBalancer),
	}
	if diff := cmp.Diff([]int{2, 2, 2, 2, 1, 1}, counts); diff != "" {
		t.Errorf("new, fixed, unchanged doors (-want +got):\n%s\n%s", diff, second)
	}
}

func TestAComparisonCallsNothingFixedThatItDidNotSee(t *testing.T) {
	service := func(name string, doors ...report.Door) audited { return audited{Service: name, Doors: doors} }
	open := report.Door{Kind: door.DefaultURL, Address: "a", Guard: door.GuardOpen}
	const p = "projects/demo-project/locations/us-central1/services/"
	other, counted := open, open
	other.Address, counted.Address, counted.Count = "b", "", 5
	before := audit{Services: []audited{service(p+"gone", open), service(p+"unread", open), service(p+"many", open),
		service("projects/demo-project2/locations/l/services/s", open)}}
	after := audit{Services: []audited{{Service: p + "unread", Error: "denied"}, service(p+"many", other, counted)}}
	got := before.compare(after, []posture.Scope{{Project: "demo-project"}})
	want := &comparison{New: []auditedDoor{{p + "many", door.DefaultURL, "b"}}, Fixed: []auditedDoor{{p + "gone", door.DefaultURL, "a"}},
		Unchanged: []auditedDoor{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnAuditThatCannotReadAServiceFails(t *testing.T) {
	o := shops(t)
	nowhere := []string{"audit", "projects/" + playground.Project + "/locations/us-central1/services/nowhere", "--endpoint", o.URL()}
	text, status := auditRun(t, nowhere...)
	if status != exitFailed || !strings.Contains(text, "? not read: ") {
		t.Errorf("exit status %d, want %d:\n%s", status, exitFailed, text)
	}
	// What was not read is not known to be shut, which is what a pipeline asks.
	if text, status := auditRun(t, append(nowhere, "--exit-code")...); status != exitPending {
		t.Errorf("with --exit-code: exit status %d, want %d:\n%s", status, exitPending, text)
	}
}

func TestAnAuditNamesThePlaceThatAListLacks(t *testing.T) {
	o := shops(t)
	o.Deploy(playground.Scenario[1])
	file := filepath.Join(t.TempDir(), "old.json")
	auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "-o", file)
	o.SetFaults(`[{"action":"partial-lists","method":"run.projects.locations.services.list","place":"europe-west1"}]`)
	text, status := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "--format", "json",
		"--compare", file)
	found := parsed(t, text)
	if status != exitFailed || found.Totals.Exposed != 1 || found.Totals.Unknown != 1 || len(found.Comparison.Fixed) != 0 ||
		!strings.Contains(text, "lacks europe-west1: it could not be reached") {
		t.Errorf("exit status %d, want %d, hello exposed, one place unknown and nothing fixed:\n%s", status, exitFailed, text)
	}
}

func TestABackendServiceThatIsNotFoundInUseIsUnknown(t *testing.T) {
	o := shops(t)
	o.SetFaults(`[{"action":"status","method":"compute.backendServices.get","status":404}]`)
	text, _ := auditRun(t, "audit", playground.Scenario[0].Name(), "--endpoint", o.URL(), "--format", "json")
	var guards []door.Guard
	for _, each := range parsed(t, text).Services[0].Doors {
		if each.Kind == door.LoadBalancer {
			guards = append(guards, each.Guard)
		}
	}
	if diff := cmp.Diff([]door.Guard{door.GuardUnknown}, guards); diff != "" {
		t.Errorf("load balancers' doors (-want +got):\n%s\n%s", diff, text)
	}
}

func TestWhatIsNoAuditIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plan.json")
	if err := os.WriteFile(file, []byte(`{"runId":"r"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const project = "projects/demo-project"
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"no target", "no target", nil},
		{"a plan", "is not an audit", []string{project, "--compare", file}},
		{"no file", "no such file", []string{project, "--compare", dir + "/none"}},
		{"a format that is not there", "write text, json, ndjson, csv, md or html", []string{project, "--format", "pdf"}},
	} {
		err := execute(t, append([]string{"audit"}, tc.args...)...)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want a usage error with %q", tc.name, err, tc.want)
		}
	}
}

func TestTheDocumentGoesWhereItIsAskedFor(t *testing.T) {
	o, dir := shops(t), t.TempDir()
	for _, tc := range []struct {
		name, format, file          string
		documentPrinted, inDocument bool
	}{
		{"printed", "html", "", true, false},
		{"printed, and kept as JSON", "html", "audit.json", true, false},
		{"kept", "text", "audit.html", false, true},
		{"kept once", "html", "AUDIT.HTML", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := []string{"audit", "projects/" + playground.Project, "--endpoint", o.URL(), "--format", tc.format}
			file := filepath.Join(dir, tc.file)
			if tc.file != "" {
				args = append(args, "-o", file)
			}
			printed, _ := auditRun(t, args...)
			if got := strings.HasPrefix(printed, "<!doctype html>"); got != tc.documentPrinted {
				t.Errorf("the document is printed: %v, want %v:\n%.200s", got, tc.documentPrinted, printed)
			}
			if tc.file == "" {
				return
			}
			kept, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.HasPrefix(string(kept), "<!doctype html>"); got != tc.inDocument {
				t.Errorf("the file is the document: %v, want %v:\n%.200s", got, tc.inDocument, kept)
			}
		})
	}
	if _, status := auditRun(t, "audit", "projects/"+playground.Project, "--endpoint", o.URL(), "--exit-code",
		"-o", filepath.Join(dir, "again.html")); status != exitPending {
		t.Errorf("exit status %d, want %d", status, exitPending)
	}
	err := execute(t, "audit", "projects/"+playground.Project, "-o", filepath.Join(dir, "none", "a.html"))
	var usage usageError
	if !errors.As(err, &usage) {
		t.Errorf("error %v, want one of usage before anything is read", err)
	}
}

func TestAnAuditSaysWhatWouldBeDone(t *testing.T) {
	o := shops(t)
	text, _ := auditRun(t, "audit", playground.Scenario[0].Name(), "--endpoint", o.URL(), "--format", "json")
	var ops []string
	for _, step := range parsed(t, text).Services[0].Steps {
		ops = append(ops, step.Op)
	}
	if diff := cmp.Diff([]string{"provision-agent", "grant-invoker", "restrict-ingress"}, ops); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestAnAcceptedUnknownIsCountedAndNotPending(t *testing.T) {
	o := shops(t)
	quiet := "projects/" + playground.Project + "/locations/us-central1/services/a-quiet"
	o.SetFaults(`[{"action":"status","method":"run.projects.locations.services.getIamPolicy","status":403}]`)
	text, status := auditRun(t, "audit", quiet, "--endpoint", o.URL(), "--exit-code", "--format", "json")
	found := parsed(t, text)
	if status != exitPending || found.Totals.Unknown != 1 || len(found.Services[0].Unread) == 0 {
		t.Fatalf("exit status %d, want %d and one unknown service:\n%s", status, exitPending, text)
	}
	rules := "version: 1\nrules:\n  - name: r\n    accept:\n"
	for _, unread := range found.Services[0].Unread {
		rules += fmt.Sprintf("      - {unread: %q, owner: o, ticket: t, expires: %s}\n", unread.Resource,
			time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	text, status = auditRun(t, "audit", quiet, "--endpoint", o.URL(), "--exit-code", "--policy", file)
	if status != exitDone || !strings.Contains(text, "1 service: 0 exposed, 1 unknown (1 accepted)") {
		t.Errorf("exit status %d, want %d and one accepted:\n%s", status, exitDone, text)
	}
}
