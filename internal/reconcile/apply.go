package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// apply takes the steps in order and stops at the first that fails. A later
// write to a resource uses the version that the earlier one returned. Holds are
// read again before each: what is held stops at once. So does a run that is cut
// short, but a step that it has begun comes to its end.
func (r *run) apply(ctx context.Context, v view, steps []plan.Step) error {
	lasting, done := outliving(ctx, stepOutlives)
	defer done()
	versions := map[string]string{}
	for _, step := range steps {
		if err := cutShort(ctx); err != nil {
			return fmt.Errorf("before step %s on %s: %w", step.Op, step.Resource, err)
		}
		if r.heldNow(v) {
			return errHeld
		}
		if version := versions[step.Written()]; version != "" {
			step.Version = version
		}
		var version string
		taking, ended := r.begin(lasting, "apply", "op", string(step.Op), "resource", step.Resource)
		err := r.retrying(ctx, func() (err error) {
			version, err = r.Applier.Apply(taking, step, v.writer.account)
			return err
		})
		ended(err)
		result := stepReport(step, report.StepDone)
		if err != nil {
			result.Result = report.StepFailed
		}
		at := r.Now().UTC()
		result.At, result.NotBefore, result.VersionAfter = &at, nil, version
		r.done = append(r.done, result)
		if err != nil {
			return fmt.Errorf("taking step %s on %s: %w", step.Op, step.Resource, err)
		}
		versions[step.Written()] = version
	}
	return nil
}

// retrying repeats a call that failed for a passing reason, a bounded number
// of times: what lasts longer is left to the message's redelivery. Every write
// names the version that was observed, so a repeated write that had taken
// effect the first time ends as a conflict and is planned again.
func (r *run) retrying(ctx context.Context, call func() error) error {
	var err error
	for attempt := 0; attempt < len(pauses)+1; attempt++ {
		if err = call(); err == nil || fault.ActionOf(err) != fault.Retry || attempt == len(pauses) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pauses[attempt]):
		}
	}
	return err
}

// pauses before the second and third attempt.
var pauses = []time.Duration{200 * time.Millisecond, time.Second}

func stepReport(step plan.Step, result report.Result) report.Step {
	reported := report.Step{
		Op: string(step.Op), Resource: step.Resource, Field: step.Field, From: step.From, To: step.To,
		Why: step.Why, Conditional: step.Conditional, Result: result, VersionBefore: step.Version,
	}
	if !step.Condition.Always() {
		reported.Condition = &step.Condition
	}
	if !step.NotBefore.IsZero() {
		at := step.NotBefore.UTC()
		reported.NotBefore = &at
	}
	return reported
}
