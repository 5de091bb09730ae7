package protection

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// mappedCertificate: Cloud Run proves that it has a mapped domain by a request to it, which
// IAP at the service itself answers, so that its certificate is neither issued nor renewed.
// Source: one detailed report (*unverified*).
const mappedCertificate Code = "MAPPED_CERTIFICATE"

var _ = register(positionIAP, mappedCertificates, mappedCertificate)

func mappedCertificates(p posture.Posture, want policy.Wanted) []Finding {
	if !policy.Direct(p, want) {
		return nil
	}
	var findings []Finding
	for _, domain := range p.Domains {
		findings = append(findings, Finding{
			Code: mappedCertificate, Severity: Medium, Disposition: Remarks, Resource: domain.Resource,
			Why: "IAP at the service itself answers the request by which Cloud Run proves that it has " +
				posture.Quote(domain.Host) + ", so the certificate of the mapped domain may not be issued or renewed",
			Remedy: "lead the domain to the service by a load balancer, which has a certificate of its own; or look at the " +
				"mapping's status before the certificate ends",
		})
	}
	return findings
}
