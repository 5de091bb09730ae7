package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// CertificateNotActive: nobody gets in at the load balancer yet.
const CertificateNotActive Code = "CERTIFICATE_NOT_ACTIVE"

var _ = register(positionLoadBalancer, certificateActive, CertificateNotActive)

// certificateActive keeps the other ways in open on a first protection while no HTTPS
// frontend serves: closing them would shut everybody out. A frontend at which that is not
// known counts as a way in. What was protected before is protected again at once.
func certificateActive(p posture.Posture, want policy.Wanted) []Finding {
	open := func(p posture.Posture) bool { return p.Service.Ingress == posture.IngressAll }
	if policy.Direct(p, want) || want.NotFirst || !slices.ContainsFunc(p.Parts(), open) {
		return nil
	}
	var pending []posture.Frontend
	for _, backend := range p.Backends {
		for _, frontend := range backend.Frontends {
			switch {
			case backend.Exempt != "" || frontend.Mirror:
			case frontend.Unread != "", frontend.HTTPS && frontend.Pending == "":
				return nil
			case frontend.HTTPS:
				pending = append(pending, frontend)
			}
		}
	}
	if len(pending) == 0 {
		return nil
	}
	return []Finding{{
		Code: CertificateNotActive, Severity: Medium, Disposition: Waits, Resource: pending[0].Resource, Stops: closings(),
		Why: "no certificate of the load balancer serves yet (" + pending[0].Pending +
			"), so nobody gets in there, and closing the other ways would shut everybody out",
		Remedy: "let the domains of the certificate lead to the address of the load balancer, or give its proxy a " +
			"certificate that is active; the next sweep after that goes on",
	}}
}
