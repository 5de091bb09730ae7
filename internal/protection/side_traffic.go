package protection

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// SideTraffic: people come by a load balancer at which IAP is off, so public members stay.
const SideTraffic Code = "SIDE_TRAFFIC"

var _ = register(positionObstacle, sideFrontends, SideTraffic)

// sideFrontends names who keeps public members: a backend service with visitors beside one
// with IAP. It stops nothing by itself.
func sideFrontends(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, backend := range p.Reached() {
		if backend.Served == 0 || backend.IAPOn || policy.Direct(p, want) {
			continue
		}
		findings = append(findings, Finding{
			Code: SideTraffic, Severity: High, Disposition: Remarks, Resource: backend.Resource(),
			Why: fmt.Sprintf("%d requests succeeded there within a week, and IAP is off, so public members stay; it belongs to "+
				"project %s", backend.Served, backend.Project),
			Remedy: "let the owners of " + backend.Resource() + " remove what keeps IAP off there, or lead its visitors to a " +
				"load balancer with IAP",
		})
	}
	return findings
}
