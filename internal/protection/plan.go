package protection

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// beforeAnybodyNotices are the operations that are done while something must come
// first from outside, such as a load balancer: they shut nobody out and let
// nobody in.
var beforeAnybodyNotices = []plan.Op{
	plan.EnableAPI{}.Operation().Op, plan.ProvisionAgent{}.Operation().Op, plan.GrantInvoker{}.Operation().Op,
	plan.RevokeAccess{}.Operation().Op, // only strangers notice it
}

// Plan is the plan that closes the findings' gaps, as far as the findings allow.
// Where a person must act it is empty, or lacks the steps that the obstacle stops and
// those that need them. Where something must come first from
// outside, it goes only as far as nobody can notice, unless the policy wants the
// service closed until a load balancer is there. Where IAP's API is to be turned on,
// that is all: the rest is planned once it answers. now decides which steps are due.
func Plan(p posture.Posture, want policy.Wanted, findings []Finding, now time.Time) plan.Plan {
	allowed := func(plan.Op) bool { return true }
	partly := func(f Finding) bool { return f.Disposition == Blocks && f.Stops != nil }
	switch Worst(slices.DeleteFunc(slices.Clone(findings), partly)) {
	case Blocks:
		allowed = func(plan.Op) bool { return false }
	case Waits:
		if !Closes(findings, want) {
			allowed = func(op plan.Op) bool { return slices.Contains(beforeAnybodyNotices, op) }
		}
	}
	enables := slices.ContainsFunc(findings, enablesAPI)
	var steps []plan.Step
	for _, f := range findings {
		if enables && !enablesAPI(f) {
			continue // it rests on what IAP's API says
		}
		step := plan.Step{Change: f.Change, Resource: f.Resource, Why: f.Why, Version: f.Version}
		stopped := slices.ContainsFunc(findings, func(f Finding) bool { return slices.Contains(f.Stops, step.Op()) })
		if f.Disposition == Gap && allowed(step.Op()) && !stopped {
			steps = append(steps, step)
		}
	}
	made := plan.New(p.Target, steps)
	if slices.ContainsFunc(findings, partly) {
		made.Steps = plan.Feasible(p, made.Steps)
	}
	plan.Schedule(made, p, want, now)
	return made
}
