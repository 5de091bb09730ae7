package decide

import (
	"errors"
	"slices"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// computeAPI has the load balancers.
const computeAPI = "compute.googleapis.com"

// hideBalancers takes load balancers for unread where Compute Engine's API is off and the
// memory knows that some led to the service. An API that is off hides what was there, and
// what was there may go on serving (*unverified*).
func (d *decider) hideBalancers() {
	p := d.facts.Posture
	remembered := d.facts.Memory
	if remembered == nil || remembered.BalancedSince.IsZero() || !slices.Contains(p.APIsOff, computeAPI) {
		return
	}
	d.hidden = &fault.Error{Kind: fault.APIDisabled, Service: computeAPI,
		Err: errors.New("load balancers led to the service when its project's Compute Engine API was on, " +
			"and while the API is off it is not known whether they still do")}
	why := d.hidden.Error()
	p.BackendsUnread, p.Regions = why, slices.Clone(p.Regions)
	for i := range p.Regions {
		p.Regions[i].BackendsUnread = why
	}
	p.Unread = append(slices.Clone(p.Unread),
		posture.Unread{Resource: "projects/" + p.Target.Project + "/aggregated/backendServices", Why: why})
	d.facts.Posture = p
}

// balancersHidden is the decision about such a service. Nothing is written: a step may
// break what load balancers that nobody sees lead to.
func (d *decider) balancersHidden() Decision {
	d.needs = Needs{}
	d.findings, d.plan = protection.Proven(d.facts.Posture, d.findings), plan.Plan{Target: d.facts.Posture.Target}
	switch {
	case !d.inScope:
		return d.uncovered()
	case d.settings.ExemptAt(d.now):
		return d.exempt()
	}
	if d.findStuck(); d.needs.Any() || len(d.plan.Steps) > 0 {
		return d.perform()
	}
	decision := d.end(report.Blocked)
	decision.Err = d.hidden
	return decision
}
