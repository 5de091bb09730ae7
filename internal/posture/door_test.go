package posture

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryDoorHasItsGuard(t *testing.T) {
	public := func(p *Posture) {
		p.Invokers.Bindings = append(p.Invokers.Bindings, Binding{Role: RoleInvoker, Members: []string{"allUsers"}})
	}
	for _, tc := range []struct {
		name             string
		change           func(*Posture)
		runApp, balancer Guard
		exposed          bool
	}{
		{"protected", func(*Posture) {}, GuardIngress, GuardIAP, false},
		{"as deployed", func(p *Posture) { public(p); p.Service.Ingress, p.Backends[0].IAPOn = IngressAll, false }, GuardOpen, GuardOpen, true},
		{"IAP on, the default URL forgotten", func(p *Posture) { public(p); p.Service.Ingress = IngressAll }, GuardOpen, GuardIAP, true},
		{"no public invoker", func(p *Posture) { p.Service.Ingress, p.Backends[0].IAPOn = IngressAll, false }, GuardIAM, GuardIAM, false},
		{"the check is off", func(p *Posture) { p.Service.InvokerCheckOff, p.Service.Ingress = true, IngressAll }, GuardOpen, GuardIAP, true},
		{"the default URL is disabled", func(p *Posture) { public(p); p.Service.Ingress, p.Service.DefaultURLDisabled = IngressAll, true }, GuardClosed, GuardIAP, false},
		{"direct IAP", func(p *Posture) { p.Service.Ingress = IngressAll; directIAP(p, nil) }, GuardIAP, GuardIAP, false},
		{"internal only", func(p *Posture) { public(p); p.Service.Ingress, p.Backends[0].IAPOn = IngressInternal, false }, GuardIngress, GuardIngress, false},
		{"unknown ingress is taken for the worst", func(p *Posture) { public(p); p.Service.Ingress = IngressUnknown }, GuardOpen, GuardIAP, true},
	} {
		p := protected()
		tc.change(&p)
		doors := p.Doors()
		want := []Door{
			{Kind: DefaultURL, Address: "https://hello-abc-uc.a.run.app", Via: hello.Name(), Guard: tc.runApp},
			{Kind: LoadBalancer, Address: "https://203.0.113.7", Via: "projects/demo-project/global/forwardingRules/hello-https", Guard: tc.balancer},
		}
		if diff := cmp.Diff(want, doors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if got := Exposed(doors); got != tc.exposed {
			t.Errorf("%s: exposed %v, want %v", tc.name, got, tc.exposed)
		}
	}
}

func TestEveryWayInIsADoor(t *testing.T) {
	open := func(p *Posture) {
		p.Service.Ingress, p.Backends[0].IAPOn = IngressAll, false
		p.Invokers.Bindings = []Binding{{Role: RoleInvoker, Members: []string{"allUsers"}}}
	}
	const rule = "projects/demo-project/global/forwardingRules/hello-https"
	own := Door{Kind: DefaultURL, Address: "https://hello-abc-uc.a.run.app", Via: hello.Name(), Guard: GuardOpen}
	front := Door{Kind: LoadBalancer, Address: "https://203.0.113.7", Via: rule, Guard: GuardOpen}
	with := func(d Door, change func(*Door)) Door { change(&d); return d }
	shopDomain := []Domain{{Host: "shop.example.com", Resource: "m"}}
	mapped := func(guard Guard) func(*Door) {
		return func(d *Door) {
			*d = Door{Kind: MappedDomain, Address: "https://shop.example.com", Via: "m", Guard: guard}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*Posture)
		want   []Door
	}{
		{"two run.app addresses", func(p *Posture) { p.Service.URLs = append(p.Service.URLs, "https://b.run.app") },
			[]Door{own, with(own, func(d *Door) { d.Address = "https://b.run.app" }), front}},
		{"a tag", func(p *Posture) { p.Service.TagURLs = []string{"https://blue---hello-abc-uc.a.run.app"} },
			[]Door{own, with(own, func(d *Door) { d.Kind, d.Address = TagURL, "https://blue---hello-abc-uc.a.run.app" }), front}},
		{"the default URL is off and told no more", func(p *Posture) { p.Service.DefaultURLDisabled, p.Service.URLs = true, nil },
			[]Door{with(own, func(d *Door) {
				d.Address, d.Guard = "https://hello-123456789012.us-central1.run.app", GuardClosed
			}), front}},
		{"the default URL is off, a tag's address is told", func(p *Posture) {
			p.Service.DefaultURLDisabled, p.Service.TagURLs = true, []string{"https://blue---h.run.app"}
		}, []Door{with(own, func(d *Door) { d.Guard = GuardClosed }), with(own, func(d *Door) {
			d.Kind, d.Address, d.Guard = TagURL, "https://blue---h.run.app", GuardUnknown
			d.Why = "whether switching the default URL off closes a tag's address too is not documented"
		}), front}},
		{"hosts and paths, with TLS and without", func(p *Posture) {
			p.Backends[0].Frontends[0].Hosts = []string{"a.example.com", "b.example.com/api/*"}
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, Frontend{Resource: "plain", Hosts: []string{"a.example.com"}})
		}, []Door{own,
			with(front, func(d *Door) { d.Address = "https://a.example.com" }),
			with(front, func(d *Door) { d.Address = "https://b.example.com/api/*" }),
			with(front, func(d *Door) { d.Address, d.Via = "http://a.example.com", "plain" })}},
		{"a mapped domain", func(p *Posture) { p.Domains = shopDomain },
			[]Door{own, with(own, mapped(GuardOpen)), front}},
		{"a mapped domain stays open when the default URL is off", func(p *Posture) { p.Service.DefaultURLDisabled, p.Domains = true, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardClosed }), with(own, mapped(GuardOpen)), front}},
		{"the ingress closes a mapped domain", func(p *Posture) { p.Service.Ingress, p.Domains = IngressInternalLoadBalancing, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardIngress }), with(own, mapped(GuardIngress)), front}},
		{"IAP at the service keeps a mapped domain", func(p *Posture) { p.Service.IAPOn, p.Domains = true, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardIAP }), with(own, mapped(GuardIAP)), with(front, func(d *Door) { d.Guard = GuardIAP })}},
		{"only invokers get in at a mapped domain", func(p *Posture) { p.Invokers, p.Domains = Policy{}, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardIAM }), with(own, mapped(GuardIAM)), with(front, func(d *Door) { d.Guard = GuardIAM })}},
		{"mappings that cannot be read may be open", func(p *Posture) { p.DomainsUnread = "denied" },
			[]Door{own, with(own, func(d *Door) {
				*d = Door{Kind: MappedDomain, Via: hello.DomainsResource(), Guard: GuardUnknown, Why: "denied"}
			}), front}},
		{"mappings that cannot be read are shut by the ingress", func(p *Posture) {
			p.DomainsUnread, p.Service.Ingress = "denied", IngressInternal
			p.Backends = nil
		}, []Door{with(own, func(d *Door) { d.Guard = GuardIngress })}},
		{"an internal load balancer", func(p *Posture) { p.Backends[0].Scheme, p.Service.Ingress = "INTERNAL_MANAGED", IngressInternal },
			[]Door{with(own, func(d *Door) { d.Guard = GuardIngress }), with(front, func(d *Door) { d.Kind = InternalLoadBalancer })}},
		{"what lies before a URL map cannot be read", func(p *Posture) {
			p.Backends[0].Frontends = []Frontend{{Resource: "map", Unread: "denied"}}
		}, []Door{own, with(front, func(d *Door) { d.Address, d.Via, d.Guard, d.Why = "", "map", GuardUnknown, "denied" })}},
		{"IAP keeps what cannot be read too", func(p *Posture) {
			p.Backends[0].IAPOn, p.Backends[0].Frontends = true, []Frontend{{Resource: "map", Unread: "denied"}}
		}, []Door{own, with(front, func(d *Door) { d.Address, d.Via, d.Guard = "", "map", GuardIAP })}},
	} {
		p := protected()
		open(&p)
		tc.change(&p)
		if diff := cmp.Diff(tc.want, p.Doors()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
