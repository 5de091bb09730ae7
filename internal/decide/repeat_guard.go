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
// ours, while the history that would show how often it was undone cannot be read.
// A person's consent overrides it. It judges by the resources alone, but a run
// that began to write where nothing was ours continues to its end.
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
// before: the later steps of the safe order are in place, and this one is
// missing. Where all other steps are in place, an interruption looks like an
// undo, and counts as one; unless the resources prove that the last step is the
// rest of our own work.
//
// A write that undid every step at once leaves no trace to recognise.
func wouldRepeat(p posture.Posture, made plan.Plan, step plan.Step, self event.Self) bool {
	iap := p.Service.IAPOn || slices.ContainsFunc(p.Backends, posture.Backend.Guarded)
	closed := p.Service.Ingress == posture.IngressInternalLoadBalancing
	granted := p.AgentInvokes()
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
// protection: we made the last change of the service, which restricted its
// ingress, and the invokers have not changed since. So nobody brought back what
// we never took away.
func continues(p posture.Posture, step plan.Step, self event.Self) bool {
	s := p.Service
	if !self.Is(s.LastModifier) || s.Ingress != posture.IngressInternalLoadBalancing {
		return false
	}
	unchanged := func(part posture.Posture) bool {
		changed := part.Invokers.ChangedAt
		return !changed.IsZero() && !changed.After(s.UpdatedAt)
	}
	part, _ := p.Part(step.Resource)
	return step.Op() == requireInvoker || unchanged(part)
}

// historyUnread reports that a step was skipped because the history cannot be
// read.
func (d *decider) historyUnread(step plan.Step) Decision {
	err := d.facts.History.Unread
	decision := d.end(OutcomeOf(err), fmt.Sprintf(
		"%s on %s may have been done before and been undone; while the audit log cannot show how often, it is not done again",
		step.Op(), step.Resource))
	decision.Err = err
	if fault.ActionOf(err) == fault.Block {
		decision.AfterErr = "or do it on your word: iapguard apply " + d.facts.Posture.Target.Name()
	}
	return decision
}
