package door

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestEveryDoorHasItsGuard(t *testing.T) {
	public := func(p *posture.Posture) {
		p.Invokers.Bindings = append(p.Invokers.Bindings,
			posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
	}
	for _, tc := range []struct {
		name             string
		change           func(*posture.Posture)
		runApp, balancer Guard
		exposed          Knowledge
	}{
		{"protected", func(*posture.Posture) {}, GuardIngress, GuardIAP, No},
		{"as deployed", func(p *posture.Posture) {
			public(p)
			p.Service.Ingress, p.Backends[0].IAPOn = posture.IngressAll, false
		}, GuardOpen, GuardOpen, Yes},
		{"IAP on, the default URL forgotten", func(p *posture.Posture) { public(p); p.Service.Ingress = posture.IngressAll },
			GuardOpen, GuardIAP, Yes},
		{"no public invoker", func(p *posture.Posture) { p.Service.Ingress, p.Backends[0].IAPOn = posture.IngressAll, false },
			GuardIAM, GuardIAM, No},
		{"the check is off",
			func(p *posture.Posture) { p.Service.InvokerCheckOff, p.Service.Ingress = true, posture.IngressAll }, GuardOpen,
			GuardIAP, Yes},
		{"the default URL is disabled", func(p *posture.Posture) {
			public(p)
			p.Service.Ingress, p.Service.DefaultURLDisabled = posture.IngressAll, true
		}, GuardClosed, GuardIAP, No},
		{"direct IAP", func(p *posture.Posture) { p.Service.Ingress = posture.IngressAll; posturetest.DirectIAP(p, nil) },
			GuardIAP, GuardIAP, No},
		{"internal only", func(p *posture.Posture) {
			public(p)
			p.Service.Ingress, p.Backends[0].IAPOn = posture.IngressInternal, false
		}, GuardIngress, GuardIngress, No},
		{"unknown ingress is taken for the worst",
			func(p *posture.Posture) { public(p); p.Service.Ingress = posture.IngressUnknown }, GuardOpen, GuardIAP, Yes},
	} {
		p := posturetest.Protected()
		tc.change(&p)
		doors := Of(p)
		want := []Door{
			{Kind: DefaultURL, Address: "https://hello-abc-uc.a.run.app", Via: posturetest.Hello.Name(), Guard: tc.runApp},
			{Kind: LoadBalancer, Address: "https://203.0.113.7", Via: "projects/demo-project/global/forwardingRules/hello-https",
				Guard: tc.balancer, Backend: helloBackend},
		}
		if diff := cmp.Diff(want, doors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if got := Exposed(doors); got != tc.exposed {
			t.Errorf("%s: exposed %s, want %v", tc.name, got, tc.exposed)
		}
	}
}

// helloBackend is the backend service of the posture that tests begin with.
const helloBackend = "projects/demo-project/global/backendServices/hello-backend"

func TestEveryWayInIsADoor(t *testing.T) {
	open := func(p *posture.Posture) {
		p.Service.Ingress, p.Backends[0].IAPOn = posture.IngressAll, false
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}
	}
	const rule = "projects/demo-project/global/forwardingRules/hello-https"
	own := Door{Kind: DefaultURL, Address: "https://hello-abc-uc.a.run.app", Via: posturetest.Hello.Name(),
		Guard: GuardOpen}
	front := Door{Kind: LoadBalancer, Address: "https://203.0.113.7", Via: rule, Guard: GuardOpen, Backend: helloBackend}
	with := func(d Door, change func(*Door)) Door { change(&d); return d }
	shopDomain := []posture.Domain{{Host: "shop.example.com", Resource: "m"}}
	mapped := func(guard Guard) func(*Door) {
		return func(d *Door) {
			*d = Door{Kind: mappedDomain, Address: "https://shop.example.com", Via: "m", Guard: guard}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []Door
	}{
		{"two run.app addresses", func(p *posture.Posture) { p.Service.URLs = append(p.Service.URLs, "https://b.run.app") },
			[]Door{own, with(own, func(d *Door) { d.Address = "https://b.run.app" }), front}},
		{"a tag", func(p *posture.Posture) { p.Service.TagURLs = []string{"https://blue---hello-abc-uc.a.run.app"} },
			[]Door{own,
				with(own, func(d *Door) { d.Kind, d.Address = TagURL, "https://blue---hello-abc-uc.a.run.app" }), front}},
		{"the default URL is off and no longer listed",
			func(p *posture.Posture) { p.Service.DefaultURLDisabled, p.Service.URLs = true, nil },
			[]Door{with(own, func(d *Door) {
				d.Address, d.Guard = "https://hello-123456789012.us-central1.run.app", GuardClosed
			}), front}},
		{"the default URL is off, a tag's address is listed", func(p *posture.Posture) {
			p.Service.DefaultURLDisabled, p.Service.TagURLs = true, []string{"https://blue---h.run.app"}
			p.Service.Tags = []string{"blue"}
		}, []Door{with(own, func(d *Door) { d.Guard = GuardClosed }), with(own, func(d *Door) {
			d.Kind, d.Address, d.Guard = TagURL, "https://blue---h.run.app", GuardUnknown
			d.Why = "whether switching the default URL off closes a tag's address too is not documented"
		}), front}},
		{"the default URL is off and no longer listed, nor is a tag's", func(p *posture.Posture) {
			p.Service.DefaultURLDisabled, p.Service.URLs, p.Service.Tags = true, nil, []string{"blue"}
		}, []Door{with(own, func(d *Door) {
			d.Address, d.Guard = "https://hello-123456789012.us-central1.run.app", GuardClosed
		}), with(own, func(d *Door) {
			d.Kind, d.Address, d.Guard = TagURL, "https://blue---hello-123456789012.us-central1.run.app", GuardUnknown
			d.Why = "whether switching the default URL off closes a tag's address too is not documented"
		}), front}},
		{"the default URL is off and no longer listed, and a tag has two addresses", func(p *posture.Posture) {
			p.Service.DefaultURLDisabled, p.Service.URLs = true, nil
			p.Service.Tags, p.Service.TagURLs = []string{"blue"}, []string{"https://blue---h.run.app"}
		}, []Door{with(own, func(d *Door) {
			d.Address, d.Guard = "https://hello-123456789012.us-central1.run.app", GuardClosed
		}), with(own, func(d *Door) {
			d.Kind, d.Address, d.Guard = TagURL, "https://blue---h.run.app", GuardUnknown
			d.Why = "whether switching the default URL off closes a tag's address too is not documented"
		}), with(own, func(d *Door) {
			d.Kind, d.Address, d.Guard = TagURL, "https://blue---hello-123456789012.us-central1.run.app", GuardUnknown
			d.Why = "whether switching the default URL off closes a tag's address too is not documented"
		}), front}},
		{"hosts and paths, with TLS and without", func(p *posture.Posture) {
			api := p.Backends[0].Frontends[0]
			p.Backends[0].Frontends[0].Hosts = []string{"a.example.com"}
			api.Hosts, api.Paths = []string{"b.example.com"}, []string{"/api/*", "/v1"}
			p.Backends[0].Frontends = append(p.Backends[0].Frontends, api,
				posture.Frontend{Resource: "plain", Hosts: []string{"a.example.com"}})
		}, []Door{own,
			with(front, func(d *Door) { d.Address = "https://a.example.com" }),
			with(front, func(d *Door) { d.Address = "https://b.example.com/api/*" }),
			with(front, func(d *Door) { d.Address = "https://b.example.com/v1" }),
			with(front, func(d *Door) { d.Address, d.Via = "http://a.example.com", "plain" })}},
		{"a mapped domain", func(p *posture.Posture) { p.Domains = shopDomain },
			[]Door{own, with(own, mapped(GuardOpen)), front}},
		{"a mapped domain stays open when the default URL is off",
			func(p *posture.Posture) { p.Service.DefaultURLDisabled, p.Domains = true, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardClosed }), with(own, mapped(GuardOpen)), front}},
		{"the ingress closes a mapped domain", func(p *posture.Posture) {
			p.Service.Ingress, p.Domains = posture.IngressInternalLoadBalancing, shopDomain
		},
			[]Door{with(own, func(d *Door) { d.Guard = GuardIngress }), with(own, mapped(GuardIngress)), front}},
		{"IAP at the service keeps a mapped domain",
			func(p *posture.Posture) { p.Service.IAPOn, p.Domains = true, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardIAP }), with(own, mapped(GuardIAP)),
				with(front, func(d *Door) { d.Guard = GuardIAP })}},
		{"only invokers get in at a mapped domain",
			func(p *posture.Posture) { p.Invokers, p.Domains = posture.Policy{}, shopDomain },
			[]Door{with(own, func(d *Door) { d.Guard = GuardIAM }), with(own, mapped(GuardIAM)),
				with(front, func(d *Door) { d.Guard = GuardIAM })}},
		{"mappings that cannot be read may be open", func(p *posture.Posture) { p.DomainsUnread = "denied" },
			[]Door{own, with(own, func(d *Door) {
				*d = Door{Kind: mappedDomain, Via: posturetest.Hello.DomainsResource(), Guard: GuardUnknown, Why: "denied"}
			}), front}},
		{"mappings that cannot be read are shut by the ingress", func(p *posture.Posture) {
			p.DomainsUnread, p.Service.Ingress = "denied", posture.IngressInternal
			p.Backends = nil
		}, []Door{with(own, func(d *Door) { d.Guard = GuardIngress })}},
		{"load balancers that cannot be read may be open", func(p *posture.Posture) {
			p.Backends, p.BackendsUnread = nil, "denied"
		}, []Door{own, {Kind: LoadBalancer, Via: "projects/demo-project", Guard: GuardUnknown, Why: "denied"}}},
		{"load balancers that cannot be read, and a way in from internal ones", func(p *posture.Posture) {
			p.Service.Ingress, p.Backends, p.BackendsUnread = posture.IngressInternal, nil, "denied"
		}, []Door{with(own, func(d *Door) { d.Guard = GuardIngress }),
			{Kind: InternalLoadBalancer, Via: "projects/demo-project", Guard: GuardUnknown, Why: "denied"}}},
		{"load balancers that cannot be read, and no way in from one", func(p *posture.Posture) {
			p.Service.Ingress, p.Backends, p.BackendsUnread = posture.IngressNone, nil, "denied"
		}, []Door{with(own, func(d *Door) { d.Guard = GuardIngress })}},
		{"the service cannot be read", func(p *posture.Posture) {
			p.ServiceUnread, p.Service, p.Backends = "denied", posture.Service{}, nil
		}, []Door{with(own, func(d *Door) {
			d.Address, d.Guard, d.Why = "https://hello-123456789012.us-central1.run.app", GuardUnknown, "denied"
		})}},
		{"who may invoke cannot be read", func(p *posture.Posture) { p.Invokers = posture.Policy{Unread: "denied"} },
			[]Door{with(own, func(d *Door) { d.Guard, d.Why = GuardUnknown, "denied" }),
				with(front, func(d *Door) { d.Guard, d.Why = GuardUnknown, "denied" })}},
		{"an internal load balancer", func(p *posture.Posture) {
			p.Backends[0].Scheme, p.Service.Ingress = "INTERNAL_MANAGED", posture.IngressInternal
		},
			[]Door{with(own, func(d *Door) { d.Guard = GuardIngress }),
				with(front, func(d *Door) { d.Kind = InternalLoadBalancer })}},
		{"what lies before a URL map cannot be read", func(p *posture.Posture) {
			p.Backends[0].Frontends = []posture.Frontend{{Resource: "map", Unread: "denied"}}
		}, []Door{own, with(front, func(d *Door) { d.Address, d.Via, d.Guard, d.Why = "", "map", GuardUnknown, "denied" })}},
		{"requests are mirrored to an open backend", func(p *posture.Posture) {
			p.Backends[0].Frontends[0].Mirror = true
		}, []Door{own, with(front, func(d *Door) { d.Why = "requests are mirrored here" })}},
		{"requests are mirrored to IAP that lets everybody in", func(p *posture.Posture) {
			p.Backends[0].Frontends[0].Mirror, p.Backends[0].IAPOn = true, true
			p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"allUsers"}}}
		}, []Door{own, with(front, func(d *Door) {
			d.Why = "requests are mirrored here; IAP lets everybody in (allUsers)"
		})}},
		{"IAP keeps what cannot be read too", func(p *posture.Posture) {
			p.Backends[0].IAPOn, p.Backends[0].Frontends = true, []posture.Frontend{{Resource: "map", Unread: "denied"}}
		}, []Door{own, with(front, func(d *Door) { d.Address, d.Via, d.Guard = "", "map", GuardIAP })}},
	} {
		p := posturetest.Protected()
		open(&p)
		tc.change(&p)
		if diff := cmp.Diff(tc.want, Of(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAlikeDoorsOfAFrontendAreCounted(t *testing.T) {
	p := posturetest.Protected()
	front := p.Backends[0].Frontends[0]
	p.Backends[0].Frontends = nil
	for i := range 300 { // as many path matchers, each with hosts of its own
		front.Hosts = []string{fmt.Sprintf("a%d.example.com", i), fmt.Sprintf("b%d.example.com", i)}
		front.Paths = []string{"/x", "/y"}
		p.Backends[0].Frontends = append(p.Backends[0].Frontends, front)
	}
	front.Mirror, front.Hosts, front.Paths = true, []string{"c.example.com"}, nil
	p.Backends[0].Frontends = append(p.Backends[0].Frontends, front)
	doors := Of(p)[1:] // without the default URL
	if len(doors) != MaxAddresses+2 {
		t.Fatalf("%d doors: %v", len(doors), doors)
	}
	same := Door{Kind: LoadBalancer, Via: front.Resource, Guard: GuardIAP, Backend: helloBackend}
	first, copies, others := same, same, same
	first.Address, others.Count = "https://a0.example.com/x", 1200-MaxAddresses
	copies.Address, copies.Why = "https://c.example.com", mirrored
	want := []Door{first, copies, others}
	got := []Door{doors[0], doors[MaxAddresses], doors[MaxAddresses+1]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the first, the copies, the others (-want +got):\n%s", diff)
	}
	// A second backend service behind the frontend has no addresses of its own left to show.
	second := p.Backends[0]
	second.Name, second.Frontends = "other", second.Frontends[:1]
	p.Backends = append(p.Backends, second)
	doors = Of(p)[1:]
	others.Count, others.Backend = others.Count+4, ""
	if last := doors[len(doors)-1]; len(doors) != MaxAddresses+2 || last != others {
		t.Errorf("with another backend service: %d doors, the last %+v, want %+v", len(doors), last, others)
	}
}
