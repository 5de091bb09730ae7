package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// errHeld stops a round of writes: a hold was placed after it was planned.
var errHeld = fault.New(fault.Conflict, "writes are held")

// start publishes what is about to be done, with every current value, so that a
// crash in the middle loses no evidence. What is left of an announced plan, at the same
// versions, is not announced again.
func (r *run) start(ctx context.Context, decision decide.Decision) error {
	if err := r.open(ctx, decision); err != nil {
		return err
	}
	due := slices.Concat(decision.Waves...)
	if !slices.ContainsFunc(due, r.unannounced) {
		return nil
	}
	r.announced = due
	if err := r.Publisher.Publish(ctx, r.report(decision)); err != nil {
		return fmt.Errorf("publishing that work on %s starts: %w", r.request.Target, err)
	}
	return nil
}

func (r *run) unannounced(step plan.Step) bool {
	return !slices.ContainsFunc(r.announced, func(a plan.Step) bool {
		return alike(a, step) && a.Version == step.Version
	})
}

// alike reports whether two steps make the same change, at whatever version.
func alike(a, b plan.Step) bool {
	return a.Op() == b.Op() && a.Resource == b.Resource && a.Words() == b.Words()
}

// failedAs is where a step stands among those that were taken and failed, -1 = it does not.
func failedAs(taken []report.Step, step plan.Step) int {
	words := step.Words()
	return slices.IndexFunc(taken, func(one report.Step) bool {
		return one.Result == report.StepFailed && one.Op == string(step.Op()) && one.Resource == step.Resource &&
			one.Field == words.Field && one.From == words.From && one.To == words.To
	})
}

// perform takes the waves in order and stops at the first step that fails. A
// later write to a resource uses the version that the earlier one returned. Holds
// are read before each step, and before a step is tried again: a step can take minutes, and a
// hold stops the run at once. So does a shutdown, but a step that has begun runs to its end.
func (r *run) perform(ctx context.Context, decision decide.Decision) error {
	lasting, done := r.withGrace(ctx, cmp.Or(r.StepGrace, stepGrace))
	defer done()
	versions := map[string]string{}
	r.left = slices.Concat(decision.Waves...)
	for _, wave := range decision.Waves {
		for _, step := range wave {
			r.left = r.left[1:]
			if r.held(ctx, decision) {
				return errHeld
			}
			if err := shutDown(ctx); err != nil {
				return fmt.Errorf("before step %s on %s: %w", step.Op(), step.Resource, err)
			}
			if version := versions[step.Written()]; version != "" {
				step.Version = version
			}
			version, err := r.take(lasting, decision, step)
			if err != nil {
				err = fmt.Errorf("taking step %s on %s: %w", step.Op(), step.Resource, err)
				return r.setAside(step, err)
			}
			versions[step.Written()] = version
		}
	}
	return nil
}

// held reports whether a hold stops a decision that is carried out.
func (r *run) held(ctx context.Context, decision decide.Decision) bool {
	return decide.HeldNow(decision, r.settings(ctx), r.now())
}

// errSetAside ends a round of writes: a step failed in a way that concerns no other.
var errSetAside = errors.New("a step failed, and the others go on")

// canImpersonate is the permission without which a writer takes no step at all.
const canImpersonate = "iam.serviceAccounts.getAccessToken"

// maxFailed bounds how many steps are set aside in one run.
const maxFailed = 50

// setAside notes a step that failed for a reason of its own: a refusal, an operation that
// ended with an error or cannot be read, or a conflict at a version that has not moved. Other errors end the
// round.
func (r *run) setAside(step plan.Step, err error) error {
	action := fault.ActionOf(err)
	own := action == fault.Block || action == fault.Fail || isUnread(err) || r.conflictsAgain(step, err)
	if !own || fault.Of(err).Permission == canImpersonate {
		return err
	}
	r.sofar.Failed = append(r.sofar.Failed, decide.FailedStep{Step: step, Err: err})
	if len(r.sofar.Failed) > maxFailed {
		return err
	}
	return errSetAside
}

// isUnread reports whether an error leaves open what became of a write.
func isUnread(err error) bool { return fault.Of(err).Kind == fault.OperationUnread }

// confirm counts the steps as done that failed with an open end, where the resources show that they
// took effect.
func (r *run) confirm(ctx context.Context, seen posture.Posture) {
	var left []plan.Step
	for _, step := range r.unsure {
		at := failedAs(r.sofar.Done, step)
		if at < 0 || step.Check(seen) != nil || !step.Standing(seen).Set {
			left = append(left, step)
			continue
		}
		r.Log.WarnContext(ctx, "a step took effect although it failed", "target", r.request.Target.Name(),
			"op", step.Op(), "resource", step.Resource)
		// It counts from now on: when it took effect is not known, and later steps wait for that.
		now := r.now().UTC()
		r.sofar.Done = slices.Clone(r.sofar.Done)
		r.sofar.Done[at].Result, r.sofar.Done[at].VersionAfter = report.StepDone, step.Standing(seen).Version
		r.sofar.Done[at].At = &now
		r.sofar.Failed = slices.DeleteFunc(slices.Clone(r.sofar.Failed), func(failed decide.FailedStep) bool {
			return alike(failed.Step, step) && fault.LeavesOpen(failed.Err)
		})
		r.rememberStep(ctx, seen, step, r.sofar.Done[at])
	}
	r.unsure = left
}

// conflictsAgain reports whether a step met a conflict that an observation did not solve: the
// resource is still at the version that the step named. It keeps the last conflict for the
// report.
func (r *run) conflictsAgain(step plan.Step, err error) bool {
	if !replans(err) || errors.Is(err, errHeld) {
		return false
	}
	r.sofar.Conflict = err
	met := string(step.Op()) + " " + step.Resource + " " + step.Field() + " " + step.Version
	again := r.conflicts[met]
	if r.conflicts == nil {
		r.conflicts = map[string]bool{}
	}
	r.conflicts[met] = true
	return again
}

// take performs one step, and records its result.
func (r *run) take(ctx context.Context, decision decide.Decision, step plan.Step) (version string, err error) {
	taking, ended := r.begin(ctx, "apply", "op", string(step.Op()), "resource", step.Resource)
	began, tries, open := r.now(), 0, false
	err = r.retrying(ctx, func() (err error) {
		if tries > 0 && r.held(ctx, decision) {
			return errHeld
		}
		tries++
		version, err = r.Cloud.Apply(taking, step, decision.Writer.Account)
		open = open || err != nil && fault.LeavesOpen(err)
		return err
	})
	ended(err)
	result := report.StepOf(step, report.StepDone)
	if err != nil {
		result.Result = report.StepFailed
		if open {
			r.mayHaveTaken(step, began)
		}
	}
	at := r.now().UTC()
	result.At, result.NotBefore, result.VersionAfter = &at, nil, version
	r.sofar.Done = append(r.sofar.Done, result)
	r.rememberStep(ctx, decision.Posture, step, result)
	return version, err
}

const (
	// attempts bounds the calls that fail for a passing reason.
	attempts = 3
	// mostRetryAfter is how long a delivery waits where an API asks for it. A longer wait is
	// left to the message's redelivery.
	mostRetryAfter = 30 * time.Second
)

// retrying repeats a call that failed for a passing reason, a bounded number of
// times; a longer failure is left to the message's redelivery. Every write names
// the version that was observed, so repeating a write that had taken effect ends
// as a conflict and in a new plan.
func (r *run) retrying(ctx context.Context, call func() error) error {
	backoff := gax.Backoff{Initial: 200 * time.Millisecond, Max: 2 * time.Second, Multiplier: 5}
	for attempt := 1; ; attempt++ {
		err := call()
		asked := fault.Of(err).RetryAfter
		if err == nil || fault.ActionOf(err) != fault.Retry || attempt == attempts || asked > mostRetryAfter {
			return err
		}
		if r.Clock.Sleep(ctx, max(backoff.Pause(), asked)) != nil {
			return err
		}
	}
}
