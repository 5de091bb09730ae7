package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestMappedDomainsBehindDirectIAPAreRemarked(t *testing.T) {
	mapped := []posture.Domain{{Host: "www.example.com", Resource: "r"}}
	check(t, mappedCertificates, []row{
		{"IAP at the load balancer", func(p *posture.Posture, _ *policy.Wanted) { p.Domains = mapped }, nil},
		{"IAP at the service", func(p *posture.Posture, _ *policy.Wanted) { p.Domains, p.Service.IAPOn = mapped, true },
			[]Code{mappedCertificate}},
		{"IAP wanted at the service",
			func(p *posture.Posture, want *policy.Wanted) { p.Domains, want.Recipe = mapped, policy.RecipeDirect },
			[]Code{mappedCertificate}},
		{"no mapped domain", func(p *posture.Posture, _ *policy.Wanted) { p.Service.IAPOn = true }, nil},
	})
}
