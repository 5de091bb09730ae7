package protection

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// CallerBreaks: somebody who calls the service now would be refused.
const CallerBreaks Code = "CALLER_BREAKS"

// CallerObstacles gives a finding for each caller that breaks. It stops what breaks the
// caller or may, since nothing is won for it by half. Callers that never called stop nothing:
// anybody who wants a service to stay open can make some. It is asked of judged callers only,
// after the plan is made: what a plan leaves alone breaks nobody.
func CallerObstacles(p posture.Posture, want policy.Wanted, judged []caller.Caller) []Finding {
	var findings []Finding
	for _, c := range judged {
		if c.Impact != caller.Breaks || c.Unused || want.Callers == policy.BreakProceed ||
			c.Kind == caller.Visitor && want.Callers != policy.BreakStopOnRequests {
			continue
		}
		findings = append(findings, Finding{
			Code: CallerBreaks, Severity: Medium, Disposition: Blocks, Resource: p.Target.Name(), Subject: c.Name,
			Stops: breaking(c),
			Why:   c.String() + " would be refused: " + c.Why,
			Remedy: fmt.Sprintf("for %s: %s; or go on without it: callers: proceed in rule %s, or iapguard apply %s", c.Short(),
				c.Remedy, want.Rule, p.Target),
		})
	}
	return findings
}

// breaking are the steps that break a caller or may. Where IAP goes on at a backend service
// counts; other settings are the service's.
func breaking(c caller.Caller) []stop {
	var stops []stop
	for _, change := range c.By {
		for _, op := range plan.Affecting(change.Change) {
			one := stop{Op: op}
			if change.Change == caller.ChangeIAP {
				one.Resource = change.Resource
			}
			stops = append(stops, one)
		}
	}
	return stops
}
