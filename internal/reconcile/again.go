package reconcile

import (
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// again says which of the steps that are due would write a second time what we
// seem to have written before: while nobody can tell how often it was undone,
// it is not. A person's word goes on. It judges by the resources alone, but a
// run that has begun to write where nothing was ours goes on to its end.
func (r *run) again(v view, due []plan.Step) (plan.Step, bool) {
	if r.request.Consent || !r.mayWrite(v) {
		return plan.Step{}, false
	}
	for _, step := range due {
		if r.took(step) || r.wroteAt().IsZero() && writtenBefore(v.posture, v.plan, step, r.Self) {
			return step, true
		}
	}
	return plan.Step{}, false
}

// writtenBefore recognises, without a memory, that a step's protection was made
// before: what comes after it in the safe order is in place, while it is
// missing. Where everything else is in place it cannot be told whether we were
// interrupted or undone, and counts as undone; but what comes last is known to
// be our own work's end where the resources prove it.
//
// Whoever undid all of it at once leaves nothing to be recognised by.
func writtenBefore(p posture.Posture, made plan.Plan, step plan.Step, self event.Self) bool {
	iap := p.Service.IAPOn || slices.ContainsFunc(p.Backends, func(b posture.Backend) bool { return b.IAPOn })
	closed := p.Service.Ingress == posture.IngressInternalLoadBalancing
	granted := p.Invokers.Holds(posture.RoleInvoker, p.Agent())
	switch step.Op {
	case plan.GrantInvoker, plan.GrantAccess:
		return iap && closed
	case plan.EnableIAP, plan.EnableDirectIAP:
		return closed || granted && !planned(made, plan.RestrictIngress, plan.RequireInvoker, plan.RevokePublic)
	case plan.RestrictIngress:
		return granted && !planned(made, plan.EnableIAP, plan.EnableDirectIAP, plan.RequireInvoker, plan.RevokePublic)
	}
	earlier := planned(made, plan.GrantInvoker, plan.GrantAccess, plan.EnableIAP, plan.EnableDirectIAP, plan.RestrictIngress)
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
	return step.Op == plan.RequireInvoker || !changed.IsZero() && !changed.After(s.UpdatedAt)
}

func planned(made plan.Plan, ops ...plan.Op) bool {
	return slices.ContainsFunc(made.Steps, func(s plan.Step) bool { return slices.Contains(ops, s.Op) })
}

// unread reports that a step was left out because the audit log cannot be read.
func (r *run) unread(v view, step plan.Step, err error) report.Report {
	final := r.report(v, outcomeOf(err))
	final.Advice = append(final.Advice, fmt.Sprintf(
		"%s on %s may have been done before and been undone; while the audit log cannot tell how often, it is not done again", step.Op, step.Resource))
	final.Advice = append(final.Advice, r.advice(err, placeOf(v.posture))...)
	if fault.ActionOf(err) == fault.Block {
		final.Advice = append(final.Advice, "or do it on your word: iapguard apply "+v.posture.Target.Name())
	}
	return final
}
