package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAServiceWaitsForItsLoadBalancer(t *testing.T) {
	check(t, loadBalancer, []row{
		{"no backend service", posturetest.NoBackend, []Code{NoLoadBalancer}},
		{"no backend service, but direct IAP",
			func(p *posture.Posture, _ *policy.Wanted) { p.Backends, p.Service.IAPOn = nil, true }, nil},
	})
}

func TestIAPNeedsAnHTTPSFrontend(t *testing.T) {
	check(t, frontends, []row{
		{"no backend service at all is another finding", posturetest.NoBackend, nil},
		{"no frontend", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Frontends = nil }, []Code{noFrontend}},
		{"HTTP only", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Frontends[0].HTTPS = false },
			[]Code{noHTTPSFrontend}},
		{"HTTP beside HTTPS", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, posture.Frontend{Resource: "r", Address: "203.0.113.8"})
		}, nil},
		{"a second backend without any frontend is not a door", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends = append(p.Backends, posture.Backend{Name: "spare", Location: posture.Global})
		}, nil},
		{"a frontend in a project that cannot be read", unreadFrontend, []Code{FrontendUnknown}},
		{"an unreadable frontend beside an HTTPS one", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].IAPOn = false
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, posture.Frontend{Resource: "m", Unread: "denied"})
		}, nil},
		{"an unreadable frontend where IAP is on already", func(p *posture.Posture, want *policy.Wanted) {
			unreadFrontend(p, want)
			p.Backends[0].IAPOn = true
		}, nil},
		{"direct IAP needs no frontend", func(p *posture.Posture, want *policy.Wanted) {
			posturetest.DirectIAP(p, want)
			p.Backends[0].Frontends = nil
		}, nil},
	})
}

func unreadFrontend(p *posture.Posture, _ *policy.Wanted) {
	p.Backends[0].IAPOn, p.Backends[0].Frontends = false, []posture.Frontend{{Resource: "projects/other/global/urlMaps/m",
		Unread: "denied"}}
}
