package decide

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

// guardedAgain are the settings of a service that was guarded before, while the rule is not
// known by which it was. Nobody is let in newly, since the rule's accessors are not known. While no
// door is open, an open ingress and public invokers may be what the rule keeps.
func guardedAgain(unknown policy.Settings, open bool) policy.Settings {
	unknown.Mode, unknown.KeepIngress, unknown.KeepInvokers = policy.Enforce, !open, !open
	return unknown
}

// toldPolicy adds to a decision that no policy is known, and to one that somebody asked for
// what is to be said of the policy.
func (d *decider) toldPolicy(decision Decision) Decision {
	if decision.OutOfScope {
		return decision
	}
	if why := d.settings.PolicyUnread; why != "" && decision.Outcome != report.Exempt {
		decision.Advice = append(decision.Advice, "no policy can be read, and no good one is known: until one can be, only "+
			"what was guarded before is written, and IAP goes on there only where somebody is known to have access: "+why)
	}
	if d.settings.Notice != "" && d.request.Asked() {
		decision.Advice = append(decision.Advice, d.settings.Notice)
	}
	return decision
}
