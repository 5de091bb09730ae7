package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestSomeBackendsCannotHaveIAP(t *testing.T) {
	off := func(change func(*posture.Backend)) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].IAPOn = false; change(&p.Backends[0]) }
	}
	check(t, capableBackends, []row{
		{"capable", off(func(*posture.Backend) {}), nil},
		{"Cloud CDN", off(func(b *posture.Backend) { b.CDNOn = true }), []Code{cdnEnabled}},
		{"Cloud CDN where IAP is on already", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].CDNOn = true }, nil},
		{"Cloud CDN where IAP is wanted at the service", func(p *posture.Posture, want *policy.Wanted) {
			off(func(b *posture.Backend) { b.CDNOn = true })(p, want)
			want.Recipe = policy.RecipeDirect
		}, nil},
		{"a network load balancer", off(func(b *posture.Backend) { b.Scheme = "INTERNAL" }), []Code{backendNotCapable}},
		{"a proxy network load balancer", off(func(b *posture.Backend) { b.Scheme, b.Protocol = "EXTERNAL", "TCP" }),
			[]Code{backendNotCapable}},
		{"classic", off(func(b *posture.Backend) { b.Scheme = "EXTERNAL" }), nil},
		{"HTTP/2 behind a classic one", func(p *posture.Posture, want *policy.Wanted) {
			off(func(b *posture.Backend) { b.Scheme = "EXTERNAL" })(p, want)
			p.Service.HTTP2 = true
		}, []Code{HTTP2Classic}},
		{"HTTP/2 behind one that is not classic", func(p *posture.Posture, want *policy.Wanted) {
			off(func(*posture.Backend) {})(p, want)
			p.Service.HTTP2 = true
		}, nil},
		{"internal application load balancer", off(func(b *posture.Backend) { b.Scheme = "INTERNAL_MANAGED" }), nil},
	})
}
