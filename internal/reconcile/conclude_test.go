package reconcile

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
		{"somebody else was quicker to redeploy", []report.Step{step(plan.Redeploy, report.StepFailed)}, report.Compliant},
		{"a step was taken", []report.Step{step(plan.EnableIAP, report.StepDone)}, report.Protected},
		{"a step was taken although its answer was lost", []report.Step{step(plan.EnableIAP, report.StepFailed)}, report.Protected},
	} {
		r := &run{Engine: &Engine{Now: time.Now}, meter: &report.Meter{}, done: tc.done}
		if got := r.conclude(view{posture: protectedShop()}); got.Outcome != tc.want || len(got.Steps) != len(tc.done) {
			t.Errorf("%s: %s with %d steps, want %s, and every attempt told", tc.name, got.Outcome, len(got.Steps), tc.want)
		}
	}
}
