package decide

import (
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// ownAccess are the members that we let through IAP and did not take out since, by the
// resource of IAP's policy, as the memory knows. A service that was behind IAP once, or that
// we closed, as the rule has it, keeps them: what is missing there is restored.
func (d *decider) ownAccess(rule policy.Private) map[string][]string {
	known := d.facts.Memory
	if known == nil || d.guardedByUs(rule) || !known.GuardedSince.IsZero() {
		return nil
	}
	ours := map[string][]string{}
	for _, w := range known.Wrote {
		if w.Op != string(grantAccess) || w.At.After(d.now) || d.accessTakenBack(w) {
			continue
		}
		ours[w.Resource] = append(ours[w.Resource], w.Granted()...)
	}
	return ours
}

// accessTakenBack reports whether we took members out of a policy after a grant of ours.
func (d *decider) accessTakenBack(granted memory.Write) bool {
	return d.lastWrote(plan.Step{Resource: granted.Resource, Change: plan.WithdrawAccess{Role: granted.Field}}).After(granted.At)
}

// tookBack reports whether we took a step back ourselves after the last time that we took it.
func (d *decider) tookBack(step plan.Step) bool {
	wrote := d.lastWrote(step)
	switch step.Change.(type) {
	case plan.GrantAccess:
		return d.accessTakenBack(memory.Write{Resource: step.Resource, Field: step.Field(), At: wrote})
	case plan.WithdrawAccess:
		given := plan.Step{Resource: step.Resource, Change: plan.GrantAccess{Role: posture.RoleAccessor}}
		return d.lastWrote(given).After(wrote)
	}
	return d.reversedSince(step, wrote)
}
