package posture

import "testing"

func TestSomeBackendsCannotHaveIAP(t *testing.T) {
	off := func(change func(*Backend)) func(*Posture, *Wanted) {
		return func(p *Posture, _ *Wanted) { p.Backends[0].IAPOn = false; change(&p.Backends[0]) }
	}
	check(t, capableBackends, []row{
		{"capable", off(func(*Backend) {}), nil},
		{"Cloud CDN", off(func(b *Backend) { b.CDNOn = true }), []Code{CDNEnabled}},
		{"a network load balancer", off(func(b *Backend) { b.Scheme = "INTERNAL" }), []Code{BackendNotCapable}},
		{"a proxy network load balancer", off(func(b *Backend) { b.Scheme, b.Protocol = "EXTERNAL", "TCP" }), []Code{BackendNotCapable}},
		{"classic", off(func(b *Backend) { b.Scheme = "EXTERNAL" }), nil},
		{"internal application load balancer", off(func(b *Backend) { b.Scheme = "INTERNAL_MANAGED" }), nil},
	})
}
