package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

func TestCallersThatBreakAreNamedAndTypedConsentGoesOn(t *testing.T) {
	s, err := stage.Start(t.Context(), stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	hello, owner := stage.Scenario[0], stage.Client{URL: s.URL()}
	if err := hello.Deploy(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	if err := hello.Balance(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	const jobs = "/v1/projects/demo-project/locations/europe-west1/jobs"
	for _, job := range []map[string]any{
		{"name": jobs[4:] + "/nightly", "httpTarget": map[string]any{"uri": "https://hello-123456789012.us-central1.run.app/n"}},
		{"name": jobs[4:] + "/signed", "httpTarget": map[string]any{"uri": "https://hello-123456789012.us-central1.run.app/s", "oidcToken": map[string]any{
			"serviceAccountEmail": stage.PushAccount}}},
	} {
		if _, err := owner.Call(t.Context(), http.MethodPost, jobs, job); err != nil {
			t.Fatal(err)
		}
	}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(atOnce), 0o600); err != nil {
		t.Fatal(err)
	}
	const name = "scheduler-job projects/demo-project/locations/europe-west1/jobs/nightly, which calls https://hello-123456789012.us-central1.run.app/n"
	for _, command := range []string{"plan", "audit", "apply --yes"} {
		out, err := say(t, append(strings.Fields(command), "--policy", policy, "--endpoint", s.URL(), hello.Name())...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		if !strings.Contains(out, "breaks   "+name) || command != "audit" && !strings.Contains(out, "gcloud scheduler jobs update http nightly") {
			t.Errorf("%s does not name the job, or plan and apply not its cure:\n%s", command, out)
		}
		if strings.Contains(out, "breaks   scheduler-job projects/demo-project/locations/europe-west1/jobs/signed") != true {
			t.Errorf("%s does not name the job whose account is no invoker:\n%s", command, out)
		}
		if strings.Contains(out, "BLOCKED") {
			t.Errorf("%s is blocked, although a person typed it:\n%s", command, out)
		}
	}
	if status := outside(t, s); status != http.StatusNotFound {
		t.Errorf("after apply a stranger is answered %d, want 404", status)
	}
	out, err := say(t, "plan", "--policy", policy, "--endpoint", s.URL(), hello.Name())
	if err != nil || strings.Contains(out, "call the service now") {
		t.Errorf("a compliant service names callers (%v):\n%s", err, out)
	}
}
