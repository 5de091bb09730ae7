package protection

import (
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// IAPOff: the load balancer sends requests on without asking who is calling.
const IAPOff Code = "IAP_OFF"

var _ = register(positionIAP, iapOn, IAPOff)

func iapOn(p posture.Posture, want policy.Wanted) []Finding {
	if policy.Direct(p, want) {
		return nil // never both: see BothIAP
	}
	var findings []Finding
	for _, backend := range p.Reached() {
		if backend.IAPOn || len(backend.RulesWithIAP()) > 0 {
			continue // see delegatedToIAP
		}
		findings = append(findings, Finding{
			Code: IAPOff, Severity: High, Disposition: Gap, Resource: backend.Resource(),
			Why:    "requests through the load balancer are not asked to sign in" + policy.ChosenBy(p, want),
			Change: plan.EnableIAP{Client: plan.OAuthClient(signsInWith(backend, want))}, Version: backend.Version,
		})
	}
	return findings
}
