package main

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

func TestSumsCountStepsAndOutcomes(t *testing.T) {
	soon, later := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 12, 2, 0, 0, time.UTC)
	for _, tc := range []struct {
		want  string
		steps []report.Step
	}{
		{"1 step, 1 to change", []report.Step{{Op: "redeploy"}}},
		{"4 steps, 2 to add, 1 to change, 1 to take away; 2 not before 2026-11-23T12:00:00Z", []report.Step{
			{Op: "grant-invoker"}, {Op: "grant-access"}, {Op: "enable-iap", NotBefore: &later},
			{Op: "revoke-public", NotBefore: &soon},
		}},
	} {
		if got := stepsText(tc.steps); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
	var all sums
	all.add(report.Report{Outcome: report.Planned, Exposed: door.Yes, Steps: make([]report.Step, 3), WouldAct: true})
	all.add(report.Report{Outcome: report.Blocked})
	all.add(report.Report{Outcome: report.Held, Steps: make([]report.Step, 2)})
	all.add(report.Report{Outcome: report.Protected, Steps: []report.Step{{Result: report.StepDone}}})
	if got, want := all.String(),
		"4 services: 1 blocked, 1 held, 1 planned, 1 protected; 4 steps; 1 with an open door"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
