package posture

import "testing"

func TestAServiceWaitsForItsLoadBalancer(t *testing.T) {
	check(t, loadBalancer, []row{
		{"no backend service", noBackend, []Code{NoLoadBalancer}},
		{"no backend service, but direct IAP", func(p *Posture, _ *Wanted) { p.Backends, p.Service.IAPOn = nil, true }, nil},
	})
}

func TestIAPNeedsAnHTTPSFrontend(t *testing.T) {
	check(t, frontends, []row{
		{"no backend service at all is another finding", noBackend, nil},
		{"no frontend", func(p *Posture, _ *Wanted) { p.Backends[0].Frontends = nil }, []Code{NoFrontend}},
		{"HTTP only", func(p *Posture, _ *Wanted) { p.Backends[0].Frontends[0].HTTPS = false }, []Code{NoHTTPSFrontend}},
		{"HTTP beside HTTPS", func(p *Posture, _ *Wanted) {
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, Frontend{Resource: "r", Address: "203.0.113.8"})
		}, nil},
		{"a second backend without any frontend is no door", func(p *Posture, _ *Wanted) {
			p.Backends = append(p.Backends, Backend{Name: "spare", Location: Global})
		}, nil},
		{"a frontend in a project that cannot be read", unreadFrontend, []Code{FrontendUnknown}},
		{"an unreadable frontend beside an HTTPS one", func(p *Posture, _ *Wanted) {
			p.Backends[0].IAPOn = false
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, Frontend{Resource: "m", Unread: "denied"})
		}, nil},
		{"an unreadable frontend where IAP is on already", func(p *Posture, want *Wanted) {
			unreadFrontend(p, want)
			p.Backends[0].IAPOn = true
		}, nil},
		{"direct IAP needs no frontend", func(p *Posture, want *Wanted) { directIAP(p, want); p.Backends[0].Frontends = nil }, nil},
	})
}

func unreadFrontend(p *Posture, _ *Wanted) {
	p.Backends[0].IAPOn, p.Backends[0].Frontends = false, []Frontend{{Resource: "projects/other/global/urlMaps/m", Unread: "denied"}}
}
