package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Closings are the steps that shut every way in that the service itself decides about,
// whatever stands before it: its ingress, its invoker check and its public members. Only
// those who pass an IAP that is on get in then, where its agent may invoke the service, and
// named invokers inside the network. What the rule keeps stays as it is. Steps that an
// obstacle among the findings stops are left out.
func Closings(p posture.Posture, want policy.Wanted, obstacles []Finding) []plan.Step {
	want.Recipe, want.WithoutLoadBalancer = policy.RecipeLoadBalancer, policy.WithoutWait
	p.Service.IAPOn, p.Regions = false, slices.Clone(p.Regions)
	for i := range p.Regions {
		p.Regions[i].Service.IAPOn = false
	}
	found := compared(p, want)
	if len(p.Regions) > 0 {
		found = multiRegion(p, want)
	}
	var steps []plan.Step
	for _, f := range found {
		step := plan.Step{Change: f.Change, Resource: f.Resource, Why: f.Why, Version: f.Version, Closes: true}
		if f.Disposition == Gap && slices.Contains(opsClosing, step.Op()) && !stopped(obstacles, step) {
			steps = append(steps, step)
		}
	}
	return steps
}
