package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestApplyNamesCallersThatAnEarlierStepShutOut(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	const jobs = "/v1/projects/demo-project/locations/europe-west1/jobs"
	// The load balancer takes any host: the token proves that the job calls this service.
	o.CallAs(o.Owner(), http.MethodPost, jobs, map[string]any{"name": jobs[4:] + "/nightly", "httpTarget": map[string]any{
		"uri": "https://hello.example.com/n",
		"oidcToken": map[string]any{
			"serviceAccountEmail": playground.PushAccount, "audience": "https://hello-123456789012.us-central1.run.app",
		},
	}})
	// The public goes in a run of its own, when IAP has had time to hold.
	policy := written(t, "policy.yaml", cloudtest.Policy("propagation: 1s"))
	out, err := say(t, "apply", "--yes", "--policy", policy, "--endpoint", o.URL(), hello.Name())
	if err != nil || !strings.Contains(out, "PROTECTED") ||
		!strings.Contains(out, "jobs/nightly, which calls https://hello.example.com/n\n") {
		t.Errorf("%v, want the job named that IAP shuts out:\n%s", err, out)
	}
}

func TestCallersThatBreakAreNamedAndTypedConsentGoesOn(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	const jobs = "/v1/projects/demo-project/locations/europe-west1/jobs"
	for _, job := range []map[string]any{
		{"name": jobs[4:] + "/nightly",
			"httpTarget": map[string]any{"uri": "https://hello-123456789012.us-central1.run.app/n"}},
		{"name": jobs[4:] + "/signed",
			"httpTarget": map[string]any{"uri": "https://hello-123456789012.us-central1.run.app/s", "oidcToken": map[string]any{
				"serviceAccountEmail": playground.PushAccount}}},
	} {
		o.CallAs(o.Owner(), http.MethodPost, jobs, job)
	}
	policy := written(t, "policy.yaml", cloudtest.Policy())
	const name = "scheduler-job projects/demo-project/locations/europe-west1/jobs/nightly, which calls " +
		"https://hello-123456789012.us-central1.run.app/n"
	for _, command := range []string{"plan", "audit", "apply --yes"} {
		out, err := say(t, append(strings.Fields(command), "--policy", policy, "--endpoint", o.URL(), hello.Name())...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		if !strings.Contains(out, "breaks   "+name) ||
			command != "audit" && !strings.Contains(out, "gcloud scheduler jobs update http nightly") {
			t.Errorf("%s does not name the job, or plan and apply not its cure:\n%s", command, out)
		}
		if strings.Contains(out, "breaks   scheduler-job projects/demo-project/locations/europe-west1/jobs/signed") != true {
			t.Errorf("%s does not name the job whose account may not invoke:\n%s", command, out)
		}
		if strings.Contains(out, "BLOCKED") {
			t.Errorf("%s is blocked, although a person typed it:\n%s", command, out)
		}
	}
	if status := outside(o); status != http.StatusNotFound {
		t.Errorf("after apply a stranger is answered %d, want 404", status)
	}
	out, err := say(t, "plan", "--policy", policy, "--endpoint", o.URL(), hello.Name())
	if err != nil || strings.Contains(out, "call the service now") {
		t.Errorf("a compliant service names callers (%v):\n%s", err, out)
	}
}
