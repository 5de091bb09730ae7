package decide

import (
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// repeatedStep returns the first due step that would redo an earlier write of
// ours, while the history cannot tell how often that was undone. A person's word
// goes on. It judges by the resources alone, but a run that has begun to write
// where nothing was ours goes on to its end.
func (d *decider) repeatedStep(due []plan.Step) (plan.Step, bool) {
	if d.request.Consent || !d.mayWrite() {
		return plan.Step{}, false
	}
	for _, step := range due {
		if d.run.took(step) || d.run.wroteAt().IsZero() && wouldRepeat(d.facts.Posture, d.plan, step, d.facts.Self) {
			return step, true
		}
	}
	return plan.Step{}, false
}

// wouldRepeat recognises, without a memory, that a step's protection was made
// before: what comes after it in the safe order is in place, while it is
// missing. Where everything else is in place it cannot be told whether we were
// interrupted or undone, and counts as undone; but what comes last is known to
// be our own work's end where the resources prove it.
//
// A write that undid all of it at once leaves nothing to be recognised by.
func wouldRepeat(p posture.Posture, made plan.Plan, step plan.Step, self event.Self) bool {
	iap := p.Service.IAPOn || slices.ContainsFunc(p.Backends, func(b posture.Backend) bool { return b.IAPOn })
	closed := p.Service.Ingress == posture.IngressInternalLoadBalancing
	granted := p.Invokers.Holds(posture.RoleInvoker, p.Agent())
	switch step.Op() {
	case grantInvoker, grantAccess:
		return iap && closed
	case enableIAP, enableDirectIAP:
		return closed || granted && !made.Has(restrictIngress, requireInvoker, revokePublic)
	case restrictIngress:
		return granted && !made.Has(enableIAP, enableDirectIAP, requireInvoker, revokePublic)
	}
	earlier := made.Has(grantInvoker, grantAccess, enableIAP, enableDirectIAP, restrictIngress)
	return !earlier && !continues(p, step, self)
}

// continues proves that a step of the last stage is the rest of a first
// protection: the last change of the service was our own restriction of its
// ingress, and who may invoke has not been changed since. Then nobody can have
// brought back what we never took away.
func continues(p posture.Posture, step plan.Step, self event.Self) bool {
	s := p.Service
	if !self.Is(s.LastModifier) || s.Ingress != posture.IngressInternalLoadBalancing {
		return false
	}
	changed := p.Invokers.ChangedAt
	return step.Op() == requireInvoker || !changed.IsZero() && !changed.After(s.UpdatedAt)
}

// historyUnread reports that a step was left out because the history cannot be
// read.
func (d *decider) historyUnread(step plan.Step) Decision {
	err := d.facts.History.Unread
	decision := d.end(OutcomeOf(err), fmt.Sprintf(
		"%s on %s may have been done before and been undone; while the audit log cannot tell how often, it is not done again",
		step.Op(), step.Resource))
	decision.Err = err
	if fault.ActionOf(err) == fault.Block {
		decision.AfterErr = "or do it on your word: iapguard apply " + d.facts.Posture.Target.Name()
	}
	return decision
}
