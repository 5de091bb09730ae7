package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// Two services behind one backend service: what the command does for the first changes the
// plan of the second, which is carried out even so.
func TestApplyCarriesOutPlansThatShareABackend(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	hello := playground.Scenario[0]
	shop := playground.LoadBalanced{Service: "shop", Region: "us-central1"}
	o.Build(hello)
	o.Deploy(shop)
	const negs = "/compute/v1/projects/demo-project/regions/us-central1/networkEndpointGroups"
	o.Call(http.MethodPost, negs, map[string]any{"name": "shop-neg", "networkEndpointType": "SERVERLESS",
		"cloudRun": map[string]any{"service": "shop"}})
	const backend = "/compute/v1/projects/demo-project/global/backendServices/hello-backend"
	backends, _ := o.Call(http.MethodGet, backend, nil)["backends"].([]any)
	o.Call(http.MethodPatch, backend, map[string]any{"backends": append(backends, map[string]any{
		"group": "https://www.googleapis.com" + negs + "/shop-neg"})})
	policy, kept := written(t, "policy.yaml", cloudtest.Policy()), filepath.Join(t.TempDir(), "plan.json")
	cloud := []string{"--policy", policy, "--endpoint", o.URL()}
	if out, err := say(t, append(cloud, "plan", "projects/demo-project", "-o", kept)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := say(t, append(cloud, "apply", kept)...)
	if err != nil || strings.Contains(out, "stale") || strings.Count(out, "PROTECTED ") != 2 {
		t.Errorf("%v, want both protected:\n%s", err, out)
	}
}

func TestAnOverlappingTargetCountsOnce(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	out, err := say(t, "plan", "projects/demo-project", hello.Name(), "projects/demo-project/locations/us-central1",
		"--policy", written(t, "policy.yaml", cloudtest.Policy()), "--endpoint", o.URL())
	if err != nil || strings.Count(out, "PLANNED") != 1 {
		t.Errorf("%v, want one plan:\n%s", err, out)
	}
}

func TestAPlanThatIsStaleWritesNothingAndSaysSo(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	policy, kept := written(t, "policy.yaml", cloudtest.Policy()), filepath.Join(t.TempDir(), "plan.json")
	cloud := []string{"--policy", policy, "--endpoint", o.URL()}
	if out, err := say(t, append(cloud, "plan", hello.Name(), "-o", kept)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels", map[string]any{"labels": map[string]any{"a": "b"}})
	before := len(o.Calls().Writes())
	out, err := say(t, append(cloud, "apply", kept)...)
	if !errors.Is(err, statusError(exitFailed)) || !strings.Contains(out, "BLOCKED   "+hello.Name()+": the plan ") ||
		!strings.Contains(out, " is stale: ") || len(o.Calls().Writes()) != before {
		t.Errorf("%v, %d writes:\n%s", err, len(o.Calls().Writes())-before, out)
	}
}

func TestApplyAsJSONPrintsWhatCameOfEachService(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario[0])
	o.Deploy(playground.LoadBalanced{Service: "alone", Region: "us-central1"})
	evidence := filepath.Join(t.TempDir(), "reports.json")
	policy := written(t, "policy.yaml", cloudtest.Policy())
	out, err := say(t, "apply", "projects/demo-project", "--format", "json", "--policy", policy, "--endpoint", o.URL(),
		"-o", evidence)
	if !errors.Is(err, statusError(exitFailed)) {
		t.Errorf("%v, want exit status %d: one service waits", err, exitFailed)
	}
	got := map[string]report.Outcome{}
	for line := range strings.Lines(out) {
		var r report.Report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got[r.Target.Service] = r.Outcome
	}
	if len(got) != 2 || got["hello"] != report.Protected || got["alone"] != report.Waiting {
		t.Errorf("%v, want one protected and one waiting", got)
	}
	if text, err := os.ReadFile(evidence); err != nil || strings.Count(string(text), `"outcome":"started"`) != 2 {
		t.Errorf("the evidence lacks what was started: %v\n%s", err, text)
	}
}
