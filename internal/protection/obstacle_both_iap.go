package protection

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// BothIAP: IAP is on at the service and at a backend service, which every
// request through the load balancer answers with 500.
// Source: run/docs/securing/identity-aware-proxy-cloud-run (multiple_iap_policies).
const BothIAP Code = "BOTH_IAP"

// OneIAP says how a person leaves IAP on at one of the two places only.
func OneIAP(p posture.Posture, b posture.Backend) string {
	return "turn one of them off, at the service: " + command.DisableDirectIAP(p.Target).String() +
		"; or at the load balancer: " + command.DisableIAP(b).String() +
		"; the audience of IAP's JWT differs between the two"
}

var _ = register(positionObstacle, oneIAP, BothIAP)

func oneIAP(p posture.Posture, _ policy.Wanted) []Finding {
	if !p.Service.IAPOn {
		return nil
	}
	var findings []Finding
	for _, backend := range p.Backends {
		if backend.IAPOn {
			findings = append(findings, Finding{
				Code: BothIAP, Severity: High, Disposition: Blocks, Resource: backend.Resource(),
				Why: "IAP is on at the backend service and directly on the Cloud Run service, so requests through the load " +
					"balancer fail with 500",
				Remedy: OneIAP(p, backend),
			})
		}
	}
	return findings
}
