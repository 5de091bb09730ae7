package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestIAPIsOnAtEveryBackendThatIsReached(t *testing.T) {
	off := func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].IAPOn = false }
	check(t, iapOn, []row{
		{"off", off, []Code{IAPOff}},
		{"off, but on at the service", posturetest.DirectIAP, nil},
		{"off, but nothing leads there",
			func(p *posture.Posture, want *policy.Wanted) { off(p, want); p.Backends[0].Frontends = nil }, nil},
		{"off at the second of two", func(p *posture.Posture, _ *policy.Wanted) {
			second := p.Backends[0]
			second.Name, second.IAPOn = "second", false
			p.Backends = append(p.Backends, second)
		}, []Code{IAPOff}},
	})
}
