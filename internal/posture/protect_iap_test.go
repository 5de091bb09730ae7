package posture

import "testing"

func TestIAPIsOnAtEveryBackendThatIsReached(t *testing.T) {
	off := func(p *Posture, _ *Wanted) { p.Backends[0].IAPOn = false }
	check(t, iapOn, []row{
		{"off", off, []Code{IAPOff}},
		{"off, but on at the service", directIAP, nil},
		{"off, but nothing leads there", func(p *Posture, want *Wanted) { off(p, want); p.Backends[0].Frontends = nil }, nil},
		{"off at the second of two", func(p *Posture, _ *Wanted) {
			second := p.Backends[0]
			second.Name, second.IAPOn = "second", false
			p.Backends = append(p.Backends, second)
		}, []Code{IAPOff}},
	})
}
