package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAFirstProtectionNeedsACertificateThatServes(t *testing.T) {
	pending := func(p *posture.Posture, _ *policy.Wanted) {
		p.Service.Ingress, p.Backends[0].Frontends[0].Pending = posture.IngressAll, "PROVISIONING"
	}
	also := func(f posture.Frontend) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, want *policy.Wanted) {
			pending(p, want)
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, f)
		}
	}
	waits := []Code{CertificateNotActive}
	check(t, certificateActive, []row{
		{"none serves", pending, waits},
		{"one frontend serves", also(posture.Frontend{Resource: "r", HTTPS: true}), nil},
		{"a frontend is not read", also(posture.Frontend{Resource: "r", Unread: "denied"}), nil},
		{"plain HTTP is no way in through IAP", also(posture.Frontend{Resource: "r"}), waits},
		{"nobody sees what a mirror answers", also(posture.Frontend{Resource: "r", HTTPS: true, Mirror: true}), waits},
		{"protected before", func(p *posture.Posture, want *policy.Wanted) { pending(p, want); want.NotFirst = true }, nil},
		{"no way is left to close", func(p *posture.Posture, want *policy.Wanted) {
			pending(p, want)
			p.Service.Ingress = posture.IngressInternalLoadBalancing
		}, nil},
		{"IAP at the service itself", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			pending(p, want)
		}, nil},
		{"another door is exempt", func(p *posture.Posture, want *policy.Wanted) {
			pending(p, want)
			p.Backends = append(p.Backends, posture.Backend{Name: "hooks", Location: posture.Global, Exempt: "hooks",
				Frontends: []posture.Frontend{{Resource: "r", HTTPS: true}}})
		}, waits},
	})
}
