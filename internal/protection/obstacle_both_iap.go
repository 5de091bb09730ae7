package protection

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// BothIAP: IAP is on at two of the service, a backend service and a forwarding rule
// before that, which every request through the load balancer answers with 500.
// Sources: run/docs/securing/identity-aware-proxy-cloud-run (multiple_iap_policies),
// iap/docs/auth-policies.
const BothIAP Code = "BOTH_IAP"

// OneIAP says how a person leaves IAP on at one of the two places only.
func OneIAP(p posture.Posture, b posture.Backend) string {
	return "turn one of them off, at the service: " + command.DisableDirectIAP(p.Target).String() +
		"; or at the load balancer: " + command.DisableIAP(b).String() +
		"; the audience of IAP's JWT differs between the two"
}

var _ = register(positionObstacle, oneIAP, BothIAP)

func oneIAP(p posture.Posture, _ policy.Wanted) []Finding {
	var findings []Finding
	for _, backend := range p.Backends {
		if backend.IAPOn || p.Service.IAPOn {
			findings = append(findings, ruleBesides(p, backend)...)
		}
		if backend.IAPOn && p.Service.IAPOn {
			findings = append(findings, Finding{
				Code: BothIAP, Severity: High, Disposition: Blocks, Resource: backend.Resource(), Stops: closings(),
				Why: "IAP is on at the backend service and directly on the Cloud Run service, so requests through the load " +
					"balancer fail with 500",
				Remedy: OneIAP(p, backend),
			})
		}
	}
	return findings
}

// ruleBesides finds the forwarding rules at which IAP is asked although it is on behind
// them.
func ruleBesides(p posture.Posture, backend posture.Backend) []Finding {
	var findings []Finding
	behind, off := "at the backend service "+backend.Name, command.DisableIAP(backend)
	if !backend.IAPOn {
		behind, off = "on the Cloud Run service", command.DisableDirectIAP(p.Target)
	}
	for _, frontend := range backend.RulesWithIAP() {
		findings = append(findings, Finding{
			Code: BothIAP, Severity: High, Disposition: Blocks, Resource: frontend.Resource, Stops: closings(),
			Why: "an authorization policy asks IAP at the forwarding rule, and IAP is on " + behind +
				" too, so requests fail with 500",
			Remedy: "turn it off behind the rule: " + off.String() + "; or delete the authorization policy: " +
				deletePolicies(frontend),
		})
	}
	return findings
}
