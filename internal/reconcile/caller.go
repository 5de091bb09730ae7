package reconcile

import (
	"context"
	"slices"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// Callers finds who calls a service now. What may not be read is told as
// unread, and is no error.
type Callers interface {
	Callers(ctx context.Context, p posture.Posture) ([]caller.Caller, []posture.Unread, error)
}

// callers are those of one service, as they were when a run first looked.
type callers struct {
	found  []caller.Caller
	unread []posture.Unread
	judged []caller.Caller // what all plans of the run mean to them
}

// nameCallers judges what a plan would do to those who call the service now,
// and empties the plan where the rule wants that. They are looked for once in a
// run, and only when the plan could shut somebody out: most services are right
// already.
func (r *run) nameCallers(ctx context.Context, v *view, want policy.Wanted) error {
	changes := v.plan.Changes()
	if len(changes) == 0 || !v.inScope || v.settings.ExemptAt(r.Now()) {
		return nil
	}
	if r.callers == nil {
		err := r.retrying(ctx, func() error {
			found, unread, err := r.Callers.Callers(ctx, v.posture)
			r.callers = &callers{found: found, unread: unread}
			return err
		})
		if err != nil {
			r.callers = nil
			return err
		}
	}
	judged := caller.Judge(v.posture, want, r.callers.found, changes)
	r.callers.judged = caller.WorstOff(r.callers.judged, judged)
	if stops := protection.CallerObstacles(v.posture, want, judged); len(stops) > 0 {
		v.findings = append(v.findings, stops...)
		v.plan = plan.Make(v.posture, want, v.findings, r.Now())
	}
	return nil
}

// named adds to a report who was found to call the service, whatever of the
// plan is left by then, and what those are to know whom the service calls.
func (r *run) named(v view, final *report.Report) {
	if advice := caller.ForwardAdvice(v.posture, v.plan.Changes()); advice != "" {
		final.Advice = append(final.Advice, advice)
	}
	if r.callers != nil {
		final.Callers = r.callers.judged
		final.Unread = slices.Concat(final.Unread, r.callers.unread)
	}
}
