package protection

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// CallerBreaks: somebody who calls the service now would be refused.
const CallerBreaks Code = "CALLER_BREAKS"

// CallerObstacles gives a finding for each caller that breaks. It stops what breaks the
// caller or may, since nothing is won for it by half. Callers that never called stop nothing:
// anybody who wants a service to stay open can make some. Nor do visitors, who may be anybody,
// unless the rule says so. It is asked of judged callers only, after the plan is made: what a
// plan leaves alone breaks nobody.
//
// At a service that was private until now the visitors are its named invokers, and they keep
// the addresses that they use. unread is why it is not known which these are, "" = it is, or
// the plan takes none from them.
func CallerObstacles(p posture.Posture, want policy.Wanted, judged []caller.Caller, unread string) []Finding {
	if want.Callers == policy.BreakProceed {
		return nil
	}
	invokers := door.ByNameOnly(p) && !want.Closed
	visitors := invokers || want.Callers == policy.BreakStopOnRequests
	blocks := Finding{Code: CallerBreaks, Severity: Medium, Disposition: Blocks, Resource: p.Target.Name()}
	goOn := fmt.Sprintf("; or go on without it: callers: proceed in rule %s, or iapguard apply %s", want.Rule, p.Target)
	var findings []Finding
	for _, c := range judged {
		if c.Impact != caller.Breaks || c.Unused || c.Kind == caller.Visitor && !visitors {
			continue
		}
		f := blocks
		f.Subject, f.Stops = c.Name, breaking(c)
		f.Why = c.String() + " would be refused: " + c.Why
		f.Remedy = "for " + c.Short() + ": " + c.Remedy + goOn
		findings = append(findings, f)
	}
	if invokers && unread != "" {
		f := blocks
		f.Stops = append(closings(), anywhere(opIAP, opDirect)...)
		f.Why = "the service is private, and it is not known at which addresses its invokers call it: " + unread
		f.Remedy = "let iapguard's service account read the request log (the custom role of deploy/roles)" + goOn
		findings = append(findings, f)
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
