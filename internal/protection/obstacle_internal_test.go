package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAnInternalLoadBalancerIsNoWayInFromOutside(t *testing.T) {
	outside := func(*posture.Posture, *policy.Wanted) {}
	external := func(f posture.Frontend) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends = append(p.Backends, posture.Backend{Name: "external", Location: posture.Global,
				Scheme: "EXTERNAL_MANAGED", Frontends: []posture.Frontend{f}})
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		ip     string // of the one who asks for its default URL, "" = nobody does
		host   string // for which it asks, "" = the default URL's
		unread string
		waits  bool
	}{
		{"somebody comes from outside", outside, "198.51.100.7", "", "", true},
		{"from an address that is none", outside, "x", "", "", true},
		{"from inside", outside, "10.0.0.7", "", "", false},
		{"nobody comes", outside, "", "", "", false},
		{"nobody knows who comes", outside, "", "", "denied", true},
		{"by the load balancer", outside, "198.51.100.7", "https://hello.example.com", "", false},
		{"an external one leads there too", external(posture.Frontend{Resource: "r", HTTPS: true}), "198.51.100.7", "", "", false},
		{"an external one may lead there", external(posture.Frontend{Resource: "r", Unread: "denied"}), "198.51.100.7", "", "", false},
		{"an external one does not serve yet", external(posture.Frontend{Resource: "r", HTTPS: true, Pending: "PROVISIONING"}),
			"198.51.100.7", "", "", true},
		{"an external one has no HTTPS", external(posture.Frontend{Resource: "r"}), "198.51.100.7", "", "", true},
		{"a mirror leads there too", external(posture.Frontend{Resource: "r", HTTPS: true, Mirror: true}), "198.51.100.7", "", "", true},
		{"it was protected before", func(_ *posture.Posture, want *policy.Wanted) { want.NotFirst = true },
			"198.51.100.7", "", "", false},
		{"it is new", func(_ *posture.Posture, want *policy.Wanted) { want.Clocks.New = true }, "198.51.100.7", "", "", false},
		{"IAP at the service itself", posturetest.DirectIAP, "198.51.100.7", "", "", false},
		{"not all load balancers are read", func(p *posture.Posture, _ *policy.Wanted) { p.BackendsUnread = "denied" },
			"198.51.100.7", "", "", false},
	} {
		p, want := posturetest.Protected(), posturetest.Wanted()
		p.Service.Ingress, p.Backends[0].Scheme = posture.IngressAll, "INTERNAL_MANAGED"
		tc.change(&p, &want)
		var callers []caller.Caller
		if tc.ip != "" {
			one := caller.Caller{Kind: caller.Visitor, RemoteIP: tc.ip, Address: p.DefaultURL() + "/path"}
			if tc.host != "" {
				one.Address = tc.host
			}
			callers = append(callers, caller.Caller{Kind: caller.PushSubscription, Address: p.DefaultURL()}, one)
		}
		if got := InternalObstacles(p, want, callers, tc.unread); len(got) > 0 != tc.waits {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
