// Package reconcile is the one loop. Events, commands and the command line all go
// through it; they differ only in who consented. For one service, a run
//
//   - gathers the facts: what the resources are, what is remembered, and what else
//     the decision needs (gather.go),
//   - decides: decide.Decide is pure,
//   - performs what is due, one wave at a time, and remembers what it did
//     (perform.go, remember.go), then gathers again to see what is left,
//   - reports how the run ended (report.go).
//
// Nothing is written before a report that announces it is published. Every write
// names the version that was observed, so a conflict leads to a new observation.
// The state that the last report has was read after the last write.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// run is one pass of the engine over one target.
type run struct {
	*Engine
	request Request
	// shared is by what the run observes its service, where looks of a sweep share what they read; nil =
	// by all itself.
	shared Cloud
	meter  *report.Meter
	id     string
	sofar  decide.Run
	// announced are the steps that a started report has, with the versions that it names.
	announced []plan.Step
	// left are the steps of the round that were not tried yet.
	left []plan.Step
	// unsure are the steps that failed, and may have taken effect or may do so yet.
	unsure []plan.Step
	// conflicts are the steps that met a conflict, with the versions that they named.
	conflicts map[string]bool
	// remembered is whether the memory has this run open.
	remembered bool
	// redeploy is one that an earlier delivery was about to order, and since when its run is
	// open; nil = there is none. Only an examination says whether it was made.
	redeploy      *plan.Step
	redeploySince time.Time
	// slotTaken is the answer to the run's question for a slot of the limits.
	slotTaken *decide.Slot
	// callersFound are those who call the service. They are looked for once in a run.
	callersFound *decide.Callers
	usedFound    *decide.Used
	// traffic is what load balancers answered before the service was created. It is read
	// once in a run.
	traffic *decide.Traffic
	// aftermath is what load balancers answered after the steps that are watched. It is read
	// once in a run.
	aftermath *decide.Aftermath
	// side is who comes by the load balancers. It is read once in a run.
	side *decide.Side
	// offers means that the plan waits for an approval.
	offers bool
	// approvedBy approved the plan that the run carries out; "" = it rests on no approval.
	approvedBy string
	// notPersisted is why something could not be remembered, nil = all was.
	notPersisted error
}

func (e *Engine) newRun(request Request, meter *report.Meter) *run {
	return &run{Engine: e, request: request, meter: meter, id: uuid.NewString(), sofar: decide.Run{Began: e.now()}}
}

// ApprovableFor is how long a plan can be approved after it was first planned.
const ApprovableFor = decide.ApprovableFor

// ToHold are at most so many scopes to hold so that all these services are held.
func ToHold(targets []posture.Target, most int) []posture.Scope { return decide.ToHold(targets, most) }

// Run handles one request. Any error but ErrGone and ErrOutOfScope means that
// nothing final could be published: the message must be delivered again.
func (e *Engine) Run(ctx context.Context, request Request) (final report.Report, err error) {
	ctx, ended := e.begin(ctx, "reconcile", "target", request.Target.Name(), "cause", string(request.Cause.Kind))
	defer func() { ended(err) }()
	ctx, meter := report.NewMeter(ctx)
	r := e.newRun(request, meter)
	r.Cloud.Refresh(request.Cause, request.Target)
	final, err = r.reconcile(ctx)
	if err != nil || request.DryRun {
		return final, err
	}
	if err := r.nothingToReport(ctx, final); err != nil {
		return final, fmt.Errorf("handling %s: %w", request.Target, err)
	}
	lasting, done := e.withGrace(ctx, reportGrace)
	defer done()
	if err := r.conclude(lasting, final); err != nil {
		return final, err
	}
	r.close(lasting, final)
	return final, nil
}

// reconcile gathers, decides and performs until the outcome is final.
func (r *run) reconcile(ctx context.Context) (report.Report, error) {
	for r.sofar.Round = 1; ; r.sofar.Round++ {
		facts, decision, err := r.gatherAndDecide(ctx)
		switch {
		case err != nil:
			return r.unobserved(ctx, facts.Posture, err)
		case decision.OutOfScope:
			return report.Report{}, ErrOutOfScope
		case len(decision.Waves) == 0:
			r.rememberDecision(ctx, facts, decision)
			r.offer(ctx, facts, decision)
			return r.probed(ctx, decision), nil
		}
		if err := r.start(ctx, decision); err != nil {
			return report.Report{}, err
		}
		err = r.perform(ctx, decision)
		switch {
		case errors.Is(err, errSetAside):
			r.sofar.Round-- // each step fails once, so this ends
		case err != nil && !replans(err):
			return r.failed(ctx, facts, err), nil
		}
	}
}

// replans reports whether a failed write only means that the resources are no
// longer as observed: somebody wrote in between, deleted the resource, or placed a
// hold. If the service itself is gone, the next observation finds that.
func replans(err error) bool {
	return fault.ActionOf(err) == fault.Replan
}

// GiveUp reports a request as blocked that did not end in its time.
func (e *Engine) GiveUp(ctx context.Context, request Request, why string) (report.Report, error) {
	r := e.newRun(request, &report.Meter{})
	seen := posture.Posture{Target: request.Target, ObservedAt: r.now(), ServiceUnread: why}
	decision := decide.Unseen(r.settings(ctx), request, seen, r.now())
	decision.Outcome, decision.Advice = report.Blocked, []string{why}
	final := r.report(decision)
	if err := e.Publisher.Publish(ctx, final); err != nil {
		return final, fmt.Errorf("publishing that work on %s is given up: %w", request.Target, err)
	}
	return final, nil
}

// Unresolved reports a cause as blocked whose services cannot be found. The report
// names no service, and says what to do about it.
func (e *Engine) Unresolved(ctx context.Context, cause event.Cause, why error) error {
	r := e.newRun(Request{Cause: cause}, &report.Meter{})
	final := report.Report{
		RunID: r.id, ObservedAt: r.sofar.Began.UTC(), Version: r.Version, Outcome: report.Blocked,
		Cause: report.CauseOf(cause), Command: report.CommandOf(cause, ""),
		Advice: r.advice(why, errorScope{project: cause.Project}),
	}
	if err := e.Publisher.Publish(ctx, final); err != nil {
		return fmt.Errorf("publishing that the services which %s concerns cannot be found: %w", cause.Key, err)
	}
	return nil
}
