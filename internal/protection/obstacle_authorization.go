package protection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// delegatedToIAP: an authorization policy of the load balancer asks IAP at a
// forwarding rule. Where IAP is on behind the rule too, every request fails, so it stays
// off there. Source: iap/docs/auth-policies.
const delegatedToIAP Code = "AUTHORIZATION_POLICY"

var _ = register(positionObstacle, authorizationPolicies, delegatedToIAP)

// authorizationPolicies respects IAP at forwarding rules. It stops IAP where it is
// wanted behind one all the same: because other ways lead there without IAP, or because
// the rule asks only for some requests.
func authorizationPolicies(p posture.Posture, want policy.Wanted) []Finding {
	if p.Service.IAPOn {
		return nil // see BothIAP
	}
	var findings []Finding
	for _, backend := range p.Backends {
		if backend.IAPOn {
			continue
		}
		for _, rule := range backend.RulesWithIAP() {
			f := Finding{
				Code: delegatedToIAP, Severity: Low, Disposition: Remarks, Resource: rule.Resource,
				Subject: backend.Resource(),
				Why: "the authorization policy " + posture.Shown(strings.Join(rule.IAP.Policies, ", ")) +
					" asks IAP at the forwarding rule, for everything behind it",
			}
			switch {
			case policy.WantsDirect(p, want):
				f.blocks(directIAPAt(p),
					"the policy wants IAP on the Cloud Run service, where it would make every request through the rule fail",
					"delete the authorization policy: "+deletePolicies(rule)+"; or let the rule of iapguard's policy say recipe: auto")
			case rule.IAP.Partial:
				f.blocks(iapAt(p, backend), "it is about some requests only, and IAP at the backend service would make those fail",
					"take httpRules out of the authorization policy; or delete it: "+deletePolicies(rule))
			case !backend.Delegated():
				f.blocks(iapAt(p, backend), "others lead to "+backend.Name+" without IAP, and IAP there would make every request through this rule fail",
					"name their forwarding rules under target.resources of the authorization policy; or delete it: "+deletePolicies(rule))
			}
			findings = append(findings, f)
		}
	}
	return findings
}

// blocks makes a finding one that a person has to end.
func (f *Finding) blocks(stops []stop, why, remedy string) {
	f.Severity, f.Disposition, f.Stops = High, Blocks, stops
	f.Why, f.Remedy = f.Why+"; "+why, remedy
}

// deletePolicies deletes the authorization policies that ask IAP at a forwarding rule.
func deletePolicies(rule posture.Frontend) string {
	var commands []string
	for _, name := range rule.IAP.Policies {
		commands = append(commands, command.DeleteAuthorizationPolicy(name).String())
	}
	return strings.Join(commands, "; ")
}
