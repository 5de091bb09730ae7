package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// With a local cloud behind a loopback endpoint nothing is asked on the internet,
// where the names in it belong to others; the text says so instead.
func TestApplyAsksAtTheDoorsWhereThePolicyWantsIt(t *testing.T) {
	o := shops(t)
	name := written(t, "policy.yaml",
		"version: 1\nrules:\n  - name: r\n    access: {members: [\"user:alice@example.com\"]}\n    propagation: 0s\n    "+
			"probe: on\n")
	out, status := auditRun(t, "apply", "--yes", "--format", "json", "--policy", name, "--endpoint", o.URL(),
		playground.Scenario[0].Name())
	var final report.Report
	if err := json.Unmarshal([]byte(out), &final); err != nil || status != 0 {
		t.Fatalf("status %d, %v: %s", status, err, out)
	}
	if final.Outcome != report.Protected || len(final.Evidence) != 3 {
		t.Fatalf("%s with evidence %+v, want protected, and three doors asked", final.Outcome, final.Evidence)
	}
	for _, each := range final.Evidence {
		if !strings.HasPrefix(each.What, "a request without credentials to https://") ||
			!strings.Contains(each.Found, "local cloud") {
			t.Errorf("%+v, want that the door was not asked", each)
		}
	}
}

func TestReportTextSaysHowTheDoorsAnswered(t *testing.T) {
	got := text(report.Report{Outcome: report.Protected,
		Evidence: []report.Evidence{{What: "a request to a door", Found: "404"}}})
	if !strings.Contains(got, "  asked: a request to a door\n         404\n") {
		t.Errorf("the text does not show the answer:\n%s", got)
	}
}
