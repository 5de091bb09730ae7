package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

func TestOnlyWhatThisRunWroteMakesItProtected(t *testing.T) {
	step := func(op plan.Op, result report.Result) report.Step { return report.Step{Op: string(op), Result: result} }
	for _, tc := range []struct {
		name string
		done []report.Step
		want report.Outcome
	}{
		{"nothing was written", nil, report.Compliant},
		{"somebody else was quicker to redeploy", []report.Step{step(redeploy, report.StepFailed)}, report.Compliant},
		{"a step was taken", []report.Step{step(enableIAP, report.StepDone)}, report.Protected},
		{"a step was taken although its answer was lost", []report.Step{step(enableIAP, report.StepFailed)},
			report.Protected},
	} {
		d := &decider{facts: Facts{Posture: protectedShop()}, rules: Settings{Policy: rules{}}, run: Run{Done: tc.done}}
		if got := d.outcome(); got.Outcome != tc.want || len(got.Run.Done) != len(tc.done) {
			t.Errorf("%s: %s with %d steps, want %s, and every attempt kept", tc.name, got.Outcome, len(got.Run.Done), tc.want)
		}
	}
}

// An earlier delivery forced a new revision, and its report was not published.
func TestARedeployThatWasNotReportedIsReported(t *testing.T) {
	for name, tc := range map[string]struct {
		joined int
		want   report.Outcome
	}{
		"of an earlier delivery": {1, report.Redeployed},
		"of this one":            {0, report.Compliant},
	} {
		t.Run(name, func(t *testing.T) {
			at := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
			run := Run{Joined: tc.joined, Done: []report.Step{{Op: string(redeploy), Result: report.StepDone, At: &at}}}
			d := &decider{facts: Facts{Posture: protectedShop()}, rules: Settings{Policy: rules{}}, run: run}
			if got := d.outcome(); got.Outcome != tc.want {
				t.Errorf("%s, want %s", got.Outcome, tc.want)
			}
		})
	}
}
