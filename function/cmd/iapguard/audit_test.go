package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/posture"
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
		t.Fatalf("%q is no audit: %v", text, err)
	}
	return found
}

// town is a local cloud with hello, public behind its load balancer, and
// quiet, which nobody may invoke.
func town(t *testing.T) (*stage.Stage, stage.Client) {
	t.Helper()
	s, err := stage.Start(t.Context(), stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	owner := stage.Client{URL: s.URL()}
	hello := stage.Scenario[0]
	for _, step := range []func(context.Context, stage.Client) error{hello.Deploy, hello.Balance} {
		if err := step(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := owner.Call(t.Context(), http.MethodPost, "/v2/projects/"+stage.Project+"/locations/us-central1/services?serviceId=a-quiet",
		map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": stage.Image}}}}); err != nil {
		t.Fatal(err)
	}
	return s, owner
}

// writes counts what was written so far, by anybody.
func writes(t *testing.T, s *stage.Stage) int {
	t.Helper()
	response, err := http.Get(s.URL() + "/_local/calls")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(strings.ReplaceAll(string(text), " ", ""), `"write":true`)
}

func TestAuditTellsTheWorstFirstAndWritesNothing(t *testing.T) {
	s, _ := town(t)
	before := writes(t, s)
	text, status := auditRun(t, "audit", "projects/"+stage.Project, "--endpoint", s.URL(), "--exit-code")
	hello, quiet := strings.Index(text, "services/hello\n"), strings.Index(text, "services/a-quiet\n")
	if status != exitPending || hello < 0 || quiet < hello {
		t.Errorf("exit status %d, want %d; hello is open and comes first:\n%s", status, exitPending, text)
	}
	if !strings.Contains(text, "\n2 services: 1 exposed, 0 not read; doors: 3 open 2 iam\n") || !strings.Contains(text, "  ! open     https://203.0.113.") {
		t.Errorf("the doors or the totals are not told:\n%s", text)
	}
	if _, status = auditRun(t, "audit", stage.Scenario[0].Name(), "--endpoint", s.URL()); status != exitDone {
		t.Errorf("without --exit-code the status is %d, want 0", status)
	}
	if after := writes(t, s); after != before || before == 0 {
		t.Errorf("%d writes before the audits, %d after", before, after)
	}
}

func TestAuditComparesWithAnEarlierOne(t *testing.T) {
	s, owner := town(t)
	file := filepath.Join(t.TempDir(), "old.json")
	first, _ := auditRun(t, "audit", "projects/"+stage.Project, "--endpoint", s.URL(), "--format", "json", "-o", file)
	if got := parsed(t, first).Totals; got.Exposed != 1 || got.Doors[posture.GuardOpen] != 3 {
		t.Fatalf("totals %+v, want three open doors of one service", got)
	}
	if _, err := owner.Call(t.Context(), http.MethodPatch, "/v2/"+stage.Scenario[0].Name()+"?updateMask=ingress",
		map[string]any{"ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}); err != nil {
		t.Fatal(err)
	}
	quiet := "projects/" + stage.Project + "/locations/us-central1/services/a-quiet"
	if _, err := owner.Call(t.Context(), http.MethodPatch, "/v2/"+quiet+"?updateMask=invokerIamDisabled", map[string]any{"invokerIamDisabled": true}); err != nil {
		t.Fatal(err)
	}
	second, _ := auditRun(t, "audit", "projects/"+stage.Project, "--endpoint", s.URL(), "--format", "json", "--compare", file)
	got := parsed(t, second).Comparison
	count := func(doors []auditedDoor, service string, kind posture.DoorKind) int {
		n := 0
		for _, door := range doors {
			if door.Service == service && door.Kind == kind {
				n++
			}
		}
		return n
	}
	hello := stage.Scenario[0].Name()
	counts := []int{
		len(got.New), count(got.New, quiet, posture.DefaultURL), len(got.Fixed), count(got.Fixed, hello, posture.DefaultURL),
		len(got.Unchanged), count(got.Unchanged, hello, posture.LoadBalancer),
	}
	if diff := cmp.Diff([]int{2, 2, 2, 2, 1, 1}, counts); diff != "" {
		t.Errorf("new, fixed, unchanged doors (-want +got):\n%s\n%s", diff, second)
	}
}

func TestAComparisonCallsNothingFixedThatItDidNotSee(t *testing.T) {
	service := func(name string, doors ...posture.Door) audited { return audited{Service: name, Doors: doors} }
	open := posture.Door{Kind: posture.DefaultURL, Address: "a", Guard: posture.GuardOpen}
	const p = "projects/demo-project/locations/us-central1/services/"
	before := audit{Services: []audited{service(p+"gone", open), service(p+"unread", open), service("projects/demo-project2/locations/l/services/s", open)}}
	after := audit{Services: []audited{{Service: p + "unread", Error: "denied"}}}
	got := before.compare(after, []posture.Scope{{Project: "demo-project"}})
	want := &comparison{New: []auditedDoor{}, Fixed: []auditedDoor{{p + "gone", posture.DefaultURL, "a"}}, Unchanged: []auditedDoor{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnAuditThatCannotReadAServiceFails(t *testing.T) {
	s, _ := town(t)
	text, status := auditRun(t, "audit", "projects/"+stage.Project+"/locations/us-central1/services/nowhere", "--endpoint", s.URL(), "--exit-code")
	if status != exitFailed || !strings.Contains(text, "? not read: ") {
		t.Errorf("exit status %d, want %d:\n%s", status, exitFailed, text)
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
		{"a plan", "is no audit", []string{project, "--compare", file}},
		{"no file", "no such file", []string{project, "--compare", dir + "/none"}},
		{"a format that is not there", "write text or json", []string{project, "--format", "pdf"}},
	} {
		err := execute(t, append([]string{"audit"}, tc.args...)...)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want a usage error with %q", tc.name, err, tc.want)
		}
	}
}
