package decide

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// setAside takes the steps that failed in this delivery out of the plan, and those that
// need them. The others go on: one refused write does not keep every door open.
func (d *decider) setAside() {
	if len(d.run.Failed) == 0 {
		return
	}
	d.takeOut(d.run.failed)
	// The agent's creation leaves no trace until a policy names it, and is not repeated.
	d.plan.Steps = slices.DeleteFunc(d.plan.Steps,
		func(s plan.Step) bool { return s.Op() == provision && d.run.took(s) })
}

// takeOut takes steps out of the plan, and those that need them. The whole plan is kept
// for the report.
func (d *decider) takeOut(cannot func(plan.Step) bool) {
	if d.whole == nil {
		// A redeploy is never due by itself, so one that failed is not planned any more.
		d.whole = slices.DeleteFunc(slices.Clone(d.plan.Steps),
			func(s plan.Step) bool { return s.Op() == redeploy && d.run.failed(s) })
	}
	d.plan.Steps = protection.Without(d.facts.Posture, d.plan.Steps, cannot)
}

// failed reports whether this delivery has tried a step and cannot take it now.
func (r Run) failed(step plan.Step) bool {
	return slices.ContainsFunc(r.Failed, func(f FailedStep) bool {
		return f.Step.Op() == step.Op() && f.Step.Resource == step.Resource && f.Step.Field() == step.Field()
	})
}

// endedBy ends a run by the first of its errors, with everything planned that is missing.
// Where other steps are due later, they are waited for.
func (d *decider) endedBy() Decision {
	_, later := d.due()
	d.plan.Steps = d.whole
	d.facts.WriteErr = d.run.Failed[0].Err
	decision := d.failed()
	if len(later) == 0 || !d.mayWrite() || decision.Outcome != report.Blocked {
		return decision
	}
	wait := d.deferred(d.waitReason(later[0].NotBefore), later[0].NotBefore)
	wait.Err, wait.Findings = decision.Err, decision.Findings
	return wait
}
