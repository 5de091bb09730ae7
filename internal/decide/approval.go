package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
)

// ApprovableFor is how long a plan can be approved after it was first planned.
const ApprovableFor = 24 * time.Hour

// approvedRunLasts is how long a run may go on by the approval that it used.
const approvedRunLasts = 24 * time.Hour

// Offer is a plan that waits for a person's approval.
type Offer struct {
	PlanID string
	Steps  []memory.PlannedStep
	// Whole means that a person asked for the whole recipe, and LetsIn who gets in newly by it.
	Whole  bool
	LetsIn []string
}

// offer is the plan that waits for an approval, nil where none does: the mode wants one, or a
// limit holds the plan back.
func (d *decider) offer(decision Decision) *Offer {
	p := decision.Plan
	if d.request.Whole {
		return d.offerWhole(decision)
	}
	waits := d.mode() == policy.Approve && !d.wanted() || len(d.heldUp) > 0
	if len(p.Steps) == 0 || !waits || d.request.Consent || d.request.DryRun {
		return nil
	}
	return &Offer{PlanID: p.ID(), Steps: planned(p.Steps)}
}

// planned are steps as the memory keeps them.
func planned(steps []plan.Step) []memory.PlannedStep {
	kept := make([]memory.PlannedStep, len(steps))
	for i, step := range steps {
		kept[i] = memory.PlannedStep{Key: step.Key(), Version: step.Version}
	}
	return kept
}

// approval is a person's consent to what is planned now, nil where there is none. Before the
// run begins it covers steps at the versions against which they were planned; afterwards
// those of its steps that are left.
func (d *decider) approval() *memory.Approval {
	steps := d.plan.Steps
	if d.whole != nil {
		steps = d.whole
	}
	known := d.facts.Memory
	if known == nil || len(steps) == 0 {
		return nil
	}
	for i := range known.Approvals {
		a := &known.Approvals[i]
		switch {
		case a.Whole != d.request.Whole || a.Whole && !d.approvedWhole(*a):
		case a.UsedAt.IsZero():
			if d.now.Before(a.Expires) && !d.now.Before(a.At) && covers(*a, steps, true) {
				return a
			}
		case known.Run != nil && known.Run.ID == a.Run && d.now.Sub(a.UsedAt) < approvedRunLasts && covers(*a, steps, false):
			return a
		}
	}
	return nil
}

// covers reports whether all the steps are among those that were approved, at the same
// versions where that is asked.
func covers(a memory.Approval, steps []plan.Step, versions bool) bool {
	for _, step := range steps {
		if !slices.ContainsFunc(a.Steps, func(of memory.PlannedStep) bool {
			return of.Key == step.Key() && (!versions || of.Version == step.Version)
		}) {
			return false
		}
	}
	return true
}
