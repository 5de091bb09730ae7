package posture

import "testing"

func TestSomeBackendsCannotHaveIAP(t *testing.T) {
	off := func(change func(*Backend)) func(*Posture, *Wanted) {
		return func(p *Posture, _ *Wanted) { p.Backends[0].IAPOn = false; change(&p.Backends[0]) }
	}
	check(t, capableBackends, []row{
		{"capable", off(func(*Backend) {}), nil},
		{"Cloud CDN", off(func(b *Backend) { b.CDNOn = true }), []Code{CDNEnabled}},
		{"Cloud CDN where IAP is on already", func(p *Posture, _ *Wanted) { p.Backends[0].CDNOn = true }, nil},
		{"Cloud CDN where IAP is wanted at the service", func(p *Posture, want *Wanted) {
			off(func(b *Backend) { b.CDNOn = true })(p, want)
			want.Recipe = RecipeDirect
		}, nil},
		{"a network load balancer", off(func(b *Backend) { b.Scheme = "INTERNAL" }), []Code{BackendNotCapable}},
		{"a proxy network load balancer", off(func(b *Backend) { b.Scheme, b.Protocol = "EXTERNAL", "TCP" }), []Code{BackendNotCapable}},
		{"classic", off(func(b *Backend) { b.Scheme = "EXTERNAL" }), nil},
		{"HTTP/2 behind a classic one", func(p *Posture, want *Wanted) {
			off(func(b *Backend) { b.Scheme = "EXTERNAL" })(p, want)
			p.Service.HTTP2 = true
		}, []Code{HTTP2Classic}},
		{"HTTP/2 behind one that is not classic", func(p *Posture, want *Wanted) {
			off(func(*Backend) {})(p, want)
			p.Service.HTTP2 = true
		}, nil},
		{"internal application load balancer", off(func(b *Backend) { b.Scheme = "INTERNAL_MANAGED" }), nil},
	})
}
