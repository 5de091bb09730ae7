package reconcile

import (
	"context"
	"errors"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/report"
)

// asBefore looks at the service of a sweep by what the looks of that sweep share, and reports whether it
// is as the memory has it: compliant, with nothing to do, to wait for or to remember. Everything else is
// for a look that reads all by itself. So nothing is written by shared readings, and no service is found
// guarded by them that was not guarded before.
func (r *run) asBefore(ctx context.Context) (decide.Facts, decide.Decision, bool) {
	cause := r.request.Cause
	if r.Swept == nil || r.sofar.Round != 1 || cause.Command == nil || cause.Command.Name != "sweep" || cause.EventID == "" {
		return decide.Facts{}, decide.Decision{}, false // a sweep without an id may be another one with the same words
	}
	shared, err := r.Swept(cause.Key+"\n"+cause.EventID, r.request.Target)
	if err != nil {
		return decide.Facts{}, decide.Decision{}, false
	}
	trial := *r
	trial.shared = shared
	facts, decision, err := trial.observeAndDecide(ctx)
	if err != nil || !trial.quiet(facts, decision) {
		return decide.Facts{}, decide.Decision{}, false
	}
	trial.shared = nil
	*r = trial
	return facts, decision, true
}

// reads is the cloud by which the run observes its service.
func (r *run) reads() Cloud {
	if r.shared != nil {
		return r.shared
	}
	return r.Cloud
}

// errNeeds ends a look by shared readings that needs more than a posture and the memory to decide: there
// is something to do, or to wait for.
var errNeeds = errors.New("the decision needs more than what looks share")

// quiet reports whether a look found what the memory has, and nothing that goes on.
func (r *run) quiet(facts decide.Facts, decision decide.Decision) bool {
	known := facts.Memory
	if known == nil || r.notPersisted != nil || known.Run != nil || known.Watch != nil || !known.ContestedSince.IsZero() {
		return false
	}
	remembered := clone(known)
	return decision.Outcome == report.Compliant && !decision.OutOfScope && len(decision.Waves) == 0 &&
		len(decision.Plan.Steps) == 0 && len(facts.Posture.Unread) == 0 && len(decision.Run.Unread) == 0 &&
		decision.Remember.Watch == nil && !r.seeing(decision, nil)(&remembered)
}
