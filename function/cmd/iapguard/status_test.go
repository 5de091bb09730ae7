package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

func TestStatusTellsWhatTheBrakesCount(t *testing.T) {
	s, _ := applied(t)
	name := filepath.Join(t.TempDir(), "policy.yaml")
	text := "version: 1\nrules: [{name: shops, match: {projects: [demo-project]}, mode: enforce, access: {members: [\"user:alice@example.com\"]}, settle: 0s, propagation: 0s, brakes: {perProject: 1}}]\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "status", "--policy", name, "--endpoint", s.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"  1 in a project, 50 overall: shops\n", "  written in the last hour: 1 in demo-project\n", "  written in the last hour: 1 overall\n", "circuit breaker: closed"} {
		if !strings.Contains(out, line) {
			t.Errorf("status lacks %q:\n%s", line, out)
		}
	}
	if out, err = say(t, "status", "--policy", name, "--endpoint", s.URL(), "--format", "json"); err != nil || !strings.Contains(out, `"brakes":{"written":{"demo-project":1},"overall":1}`) {
		t.Errorf("as JSON: %q, %v", out, err)
	}
	if out, err = say(t, "status", "--policy", name, "--endpoint", "http://127.0.0.1:1"); err != nil || !strings.Contains(out, "not known of demo-project: ") {
		t.Errorf("without a cloud: %q, %v", out, err)
	}
}

func TestABrakeHoldsWhatIsTypedToo(t *testing.T) {
	s, _ := applied(t)
	billing, developer := stage.Scenario[1], stage.Client{URL: s.URL(), Caller: stage.Developer}
	if err := billing.Deploy(t.Context(), developer); err != nil {
		t.Fatal(err)
	}
	if err := billing.Balance(t.Context(), developer); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(name, []byte(strings.Replace(atOnce, "settle:", "brakes: {perProject: 1}, settle:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "apply", "--yes", "--policy", name, "--endpoint", s.URL(), billing.Name())
	if err != nil || !strings.Contains(out, "the brake is on until ") || !strings.Contains(out, "1 of at most 1 services of project demo-project were written within an hour (brakes.perProject of rule all)") {
		t.Errorf("%q, %v", out, err)
	}
	if got, err := developer.Call(t.Context(), http.MethodGet, "/v2/"+billing.Name(), nil); err != nil || got["ingress"] != "INGRESS_TRAFFIC_ALL" {
		t.Errorf("ingress %v, %v; want it left open", got["ingress"], err)
	}
}
