package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// errHeld stops a round of writes: a hold came after it was planned.
var errHeld = errors.New("writes are held")

// start publishes what is about to be done, with every value as it was, so
// that a crash in the middle loses no evidence.
func (r *run) start(ctx context.Context, decision decide.Decision) error {
	r.open(ctx, decision)
	if err := r.Publisher.Publish(ctx, r.report(decision)); err != nil {
		return fmt.Errorf("publishing that work on %s starts: %w", r.request.Target, err)
	}
	return nil
}

// perform takes the waves in order and stops at the first step that fails. A
// later write to a resource uses the version that the earlier one returned. Holds
// are read again before each wave: what is held stops at once. So does a run that
// is shut down, but a step that it has begun comes to its end.
func (r *run) perform(ctx context.Context, decision decide.Decision) error {
	lasting, done := r.withGrace(ctx, stepGrace)
	defer done()
	versions := map[string]string{}
	for _, wave := range decision.Waves {
		if decide.HeldNow(decision.Posture, r.settings(), r.now()) {
			return errHeld
		}
		for _, step := range wave {
			if err := shutDown(ctx); err != nil {
				return fmt.Errorf("before step %s on %s: %w", step.Op(), step.Resource, err)
			}
			if version := versions[step.Written()]; version != "" {
				step.Version = version
			}
			version, err := r.take(lasting, decision, step)
			if err != nil {
				return fmt.Errorf("taking step %s on %s: %w", step.Op(), step.Resource, err)
			}
			versions[step.Written()] = version
		}
	}
	return nil
}

// take takes one step, and keeps what became of it.
func (r *run) take(ctx context.Context, decision decide.Decision, step plan.Step) (version string, err error) {
	taking, ended := r.begin(ctx, "apply", "op", string(step.Op()), "resource", step.Resource)
	err = r.retrying(ctx, func() (err error) {
		version, err = r.Cloud.Apply(taking, step, decision.Writer.Account)
		return err
	})
	ended(err)
	result := report.StepOf(step, report.StepDone)
	if err != nil {
		result.Result = report.StepFailed
	}
	at := r.now().UTC()
	result.At, result.NotBefore, result.VersionAfter = &at, nil, version
	r.sofar.Done = append(r.sofar.Done, result)
	r.rememberStep(ctx, decision.Posture, step, result)
	return version, err
}

// attempts is how often a call is made that fails for a passing reason.
const attempts = 3

// retrying repeats a call that failed for a passing reason, a bounded number
// of times: what lasts longer is left to the message's redelivery. Every write
// names the version that was observed, so a repeated write that had taken
// effect the first time ends as a conflict and is planned again.
func (r *run) retrying(ctx context.Context, call func() error) error {
	backoff := gax.Backoff{Initial: 200 * time.Millisecond, Max: 2 * time.Second, Multiplier: 5}
	for attempt := 1; ; attempt++ {
		err := call()
		if err == nil || fault.ActionOf(err) != fault.Retry || attempt == attempts {
			return err
		}
		if r.Clock.Sleep(ctx, backoff.Pause()) != nil {
			return err
		}
	}
}

// Undoer takes back one step that Cloud.Apply took. It refuses with
// fault.Conflict when the resource is no longer at the step's version.
type Undoer interface {
	Undo(ctx context.Context, step plan.Step) (version string, err error)
}

// Undo carries out what decide.Undo planned. It gives the steps that were taken
// back; an error says at which it stopped.
func Undo(ctx context.Context, undoer Undoer, undoing decide.Undoing) ([]plan.Step, error) {
	versions := map[string]string{}
	for i, step := range undoing.Steps {
		if version := versions[step.Written()]; version != "" {
			step.Version = version
		}
		version, err := undoer.Undo(ctx, step)
		if err != nil {
			return undoing.Steps[:i], fmt.Errorf("undoing step %s on %s: %w", step.Op(), step.Resource, err)
		}
		versions[step.Written()] = version
	}
	return undoing.Steps, nil
}
