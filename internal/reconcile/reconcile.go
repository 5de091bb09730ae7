// Package reconcile is the one loop: a target is observed, assessed, planned,
// applied, verified by observing again, and reported. Events, commands and the
// command line all go through it; what differs is only who consented.
//
// What it promises: nothing is written before a report that says so is
// published, every write names the version that was observed, a conflict means
// observing and planning again, and what is told at the end was read at the
// end.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// rounds bounds how often one run plans again: after a conflict, and after
// writes to see what is left.
const rounds = 4

// run is one pass of the engine over one target.
type run struct {
	*Engine
	request Request
	meter   *report.Meter
	id      string
	began   time.Time

	before []door.Door   // the doors as they were first seen
	open   time.Time     // since when one of these is known to have been open, zero = not known
	done   []report.Step // what was written
	missed *event.Write  // of which an event should have told, where a sweep led here

	diagnosis *doctor.Diagnosis // nil unless the request asks for one
	callers   *callers          // nil until a plan can shut somebody out
}

// handle loops until there is something final to say.
func (r *run) handle(ctx context.Context) (report.Report, error) {
	for round := 1; ; round++ {
		view, err := r.observe(ctx)
		if err != nil {
			return r.unobserved(err)
		}
		if !view.inScope {
			return report.Report{}, ErrOutOfScope
		}
		if view.settings.ExemptAt(r.Now()) {
			return r.exempt(view), nil
		}
		if err := r.accept(view); err != nil {
			return r.refused(view, err), nil
		}
		if step, failed := r.unheld(ctx, view); failed {
			return r.unverified(view, step), nil
		}
		due, _ := view.plan.Due(r.Now())
		if final, blocked := r.nobodyKnowsWho(view); blocked {
			return final, nil
		}
		if final, stopped := r.stopped(ctx, view, due); stopped {
			return final, nil
		}
		if !r.mayWrite(view) || len(due) == 0 || round > rounds {
			return r.probed(ctx, view, r.conclude(view)), nil
		}
		if err := r.start(ctx, view); err != nil {
			return report.Report{}, err
		}
		if err := r.apply(ctx, view, due); err != nil && !plansAgain(err) {
			return r.failed(ctx, view, err), nil
		}
	}
}

// plansAgain reports whether a failed write only means that the world is no
// longer the observed one: somebody wrote in between or deleted what was to be
// written, or a hold came. If the service is gone, observing again says so.
func plansAgain(err error) bool {
	return fault.ActionOf(err) == fault.Replan || errors.Is(err, errHeld)
}

// view is one observation with what follows from it.
type view struct {
	posture  posture.Posture
	settings policy.Settings
	digest   string
	inScope  bool
	hold     *policy.Hold // what stops this plan, its own or a neighbour's
	findings []protection.Finding
	plan     plan.Plan
	writer   writer
	guarded  bool      // the audit log shows that we guarded the service before
	since    time.Time // since when what it waits for is missing, zero = not known
}

// observe reads the service, and says what follows from that.
func (r *run) observe(ctx context.Context) (view, error) {
	rules := r.Policy()
	observed, err := r.look(ctx, rules)
	if err != nil {
		return view{}, fmt.Errorf("observing %s: %w", r.request.Target, err)
	}
	ctx, ended := r.begin(ctx, "plan")
	v, err := r.plan(ctx, rules, observed)
	ended(err)
	return v, err
}

// look reads the service. Once something was written that verifies it.
func (r *run) look(ctx context.Context, rules Policy) (observed posture.Posture, err error) {
	part := "observe"
	if r.done != nil {
		part = "verify"
	}
	ctx, ended := r.begin(ctx, part)
	defer func() { ended(err) }()
	err = r.retrying(ctx, func() (err error) {
		if observed, err = r.Observer.Observe(ctx, r.request.Target); err != nil || r.describes(rules) == (policy.Asked{}) {
			return err
		}
		return r.Describer.Describe(ctx, &observed, r.describes(rules))
	})
	return observed, err
}

// plan assesses what was observed and plans what follows.
func (r *run) plan(ctx context.Context, rules Policy, observed posture.Posture) (view, error) {
	if r.before == nil {
		r.before, r.open = door.Of(observed), r.openSince(ctx, observed)
	}
	j := r.judge(rules, observed)
	made := plan.Make(observed, j.want, j.findings, r.Now())
	if at := r.switchedAt(ctx, observed, made); at.After(j.want.WroteAt) {
		j.want.WroteAt = at
		made = plan.Make(observed, j.want, j.findings, r.Now())
	}
	v := view{
		posture: observed, settings: j.want.Settings, digest: rules.Digest(), inScope: j.inScope, hold: heldBy(observed, j.want.SettingsOf),
		findings: j.findings, plan: made, writer: r.writerOf(observed),
		guarded: r.guardedOnce(ctx, observed, j.want.Settings),
	}
	if waits, ok := waitsFor(j.findings); ok {
		v.since = r.waitingSince(ctx, observed, waits)
	}
	if err := r.nameCallers(ctx, &v, j.want); err != nil {
		return v, fmt.Errorf("observing who calls %s: %w", r.request.Target, err)
	}
	return v, v.plan.Check()
}

// wroteAt is when this run last took a step, zero if it took none yet.
func (r *run) wroteAt() time.Time {
	var at time.Time
	for _, step := range r.done {
		if step.Result == report.StepDone && step.Op != string(plan.ProvisionAgent) && step.At.After(at) {
			at = *step.At
		}
	}
	return at
}

func (r *run) accept(v view) error {
	if r.request.Accept == nil {
		return nil
	}
	return r.request.Accept(v.plan, r.done)
}

// mayWrite says whether this run is to change anything.
func (r *run) mayWrite(v view) bool {
	return !r.request.DryRun && !r.request.ReadOnly && v.hold == nil && r.agreed(v)
}

// start publishes what is about to be done, with every value as it was, so
// that a crash in the middle loses no evidence.
func (r *run) start(ctx context.Context, v view) error {
	started := r.report(v, report.Started)
	if err := r.Publisher.Publish(ctx, started); err != nil {
		return fmt.Errorf("publishing that work on %s starts: %w", r.request.Target, err)
	}
	return nil
}
