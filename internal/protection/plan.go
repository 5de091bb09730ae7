package protection

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Plan is the plan that closes the findings' gaps, as far as the findings allow: it lacks
// the steps that an obstacle stops, and those that need them. Where IAP's API is to be
// turned on, that is all: the rest is planned once it answers. now decides which steps are
// due.
func Plan(p posture.Posture, want policy.Wanted, findings []Finding, now time.Time) plan.Plan {
	enables := slices.ContainsFunc(findings, enablesAPI)
	var steps []plan.Step
	for _, f := range findings {
		if enables && !enablesAPI(f) {
			continue // it rests on what IAP's API says
		}
		step := plan.Step{Change: f.Change, Resource: f.Resource, Why: f.Why, Version: f.Version}
		if f.Disposition == Gap && !stopped(findings, step) {
			steps = append(steps, step)
		}
	}
	made := plan.New(p.Target, steps)
	if slices.ContainsFunc(findings, func(f Finding) bool { return f.Stops != nil }) {
		made.Steps = plan.Feasible(p, made.Steps)
	}
	plan.Schedule(made, p, want, now)
	return made
}
