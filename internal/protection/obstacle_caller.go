package protection

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// CallerBreaks: somebody who calls the service now would be refused.
const CallerBreaks Code = "CALLER_BREAKS"

// CallerObstacles gives a finding for each caller that stops a plan. It is asked of
// judged callers only, after the plan is made: what a plan leaves alone breaks nobody.
func CallerObstacles(p posture.Posture, want policy.Wanted, judged []caller.Caller) []Finding {
	var findings []Finding
	for _, c := range judged {
		if c.Impact != caller.Breaks || want.Callers == policy.BreakProceed ||
			c.Kind == caller.Visitor && want.Callers != policy.BreakStopOnRequests {
			continue
		}
		findings = append(findings, Finding{
			Code: CallerBreaks, Severity: Medium, Disposition: Blocks, Resource: p.Target.Name(), Subject: c.Name,
			Why: c.String() + " would be refused: " + c.Why,
			Remedy: fmt.Sprintf("for %s: %s; or go on without it: callers: proceed in rule %s, or iapguard apply %s", c.Short(),
				c.Remedy, want.Rule, p.Target),
		})
	}
	return findings
}
