package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

func TestStatusShowsWhatTheLimitsCount(t *testing.T) {
	o, _ := applied(t)
	name := written(t, "policy.yaml",
		cloudtest.Policy("name: shops", "match: {projects: [demo-project]}", "limits: {perProject: 1}"))
	out, err := say(t, "status", "--policy", name, "--endpoint", o.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"  1 in a project, 50 overall: shops\n",
		"  written in the last hour: 1 in demo-project\n", "  written in the last hour: 1 overall\n",
		"circuit breaker: closed"} {
		if !strings.Contains(out, line) {
			t.Errorf("status lacks %q:\n%s", line, out)
		}
	}
	if out, err = say(t, "status", "--policy", name, "--endpoint", o.URL(), "--format", "json"); err != nil ||
		!strings.Contains(out, `"limits":{"written":{"demo-project":1},"overall":1}`) {
		t.Errorf("as JSON: %q, %v", out, err)
	}
	if out, err = say(t, "status", "--policy", name, "--endpoint", "http://127.0.0.1:1"); err != nil ||
		!strings.Contains(out, "not known of demo-project: ") {
		t.Errorf("without a cloud: %q, %v", out, err)
	}
}

func TestALimitHoldsATypedApplyToo(t *testing.T) {
	o, _ := applied(t)
	billing := playground.Scenario[1]
	o.Build(billing)
	name := written(t, "policy.yaml", cloudtest.Policy("limits: {perProject: 1}"))
	out, err := say(t, "apply", "--yes", "--policy", name, "--endpoint", o.URL(), billing.Name())
	if err != nil || !strings.Contains(out, "the hourly limit is used up until ") ||
		!strings.Contains(out,
			"1 of at most 1 services of project demo-project were written within an hour (limits.perProject of rule "+
				"everything)") {
		t.Errorf("%q, %v", out, err)
	}
	if got := o.Call(http.MethodGet, "/v2/"+billing.Name(), nil)["ingress"]; got != "INGRESS_TRAFFIC_ALL" {
		t.Errorf("ingress %v, want it left open", got)
	}
}
