package caller

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

const robot = "robot@demo-project.iam.gserviceaccount.com"

// calling is a service as it is before anything is protected, with a caller
// that brings a token and may invoke.
func calling() (posture.Posture, policy.Wanted, Caller) {
	p := posturetest.Protected()
	p.Service.Ingress = posture.IngressAll
	p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker,
		Members: []string{"allUsers", "serviceAccount:" + robot}}}
	p.Project.Bindings = []posture.Binding{{Role: "roles/browser", Members: []string{posturetest.Alice}}}
	front := p.Backends[0].Frontends[0]
	api := front
	front.Hosts, api.Hosts, api.Paths = []string{"hello.example.com"}, []string{"*.shop.example.com"}, []string{"/api/*"}
	p.Backends[0].IAPOn, p.Backends[0].Frontends = false, []posture.Frontend{front, api}
	p.Backends[0].OAuthClient = "client.apps.googleusercontent.com"
	return p, posturetest.Wanted(), Caller{
		Kind: SchedulerJob, Name: "projects/demo-project/locations/us-central1/jobs/nightly",
		Address: p.Service.URLs[0] + "/nightly", Principal: robot, Audience: p.Service.URLs[0],
	}
}

var (
	iapChange     = ChangeTo{ChangeIAP, "projects/demo-project/global/backendServices/hello-backend"}
	ingressChange = ChangeTo{ChangeIngress, posturetest.Hello.Name()}
	invokerChange = ChangeTo{ChangeInvokers, posturetest.Hello.Name()}
	directChange  = ChangeTo{ChangeDirectIAP, posturetest.Hello.Name()}
	wholeRecipe   = []ChangeTo{iapChange, ingressChange, invokerChange}
)

func asVisitor(c *Caller) {
	*c = Caller{Kind: Visitor, Name: "curl/8", Address: "https://hello-abc-uc.a.run.app",
		RemoteIP: "198.51.100.7", Requests: 3}
}

func throughLoadBalancer(c *Caller) { c.Address = "https://hello.example.com/nightly" }

func TestCallersAreJudgedByWhatEachChangeTakesFromThem(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*posture.Posture, *policy.Wanted, *Caller)
		changes []ChangeTo
		want    Impact
		why     string // a part of it
	}{
		{"an invoker at the run.app address stays all along",
			func(*posture.Posture, *policy.Wanted, *Caller) {}, wholeRecipe, StaysIn, ""},
		{"so does one at the address made of names", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) {
			c.Address = "https://hello-123456789012.us-central1.run.app"
		}, wholeRecipe, StaysIn, ""},
		{"nothing changes", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { c.Principal = "" }, nil, StaysIn, ""},

		{"ingress: a job of another project",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { c.Name = "projects/other/locations/l/jobs/j" },
			[]ChangeTo{ingressChange}, Uncertain, "another project"},
		{"ingress: the address of a tag", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			p.Service.TagURLs, c.Address = []string{
				"https://v1---hello-abc-uc.a.run.app"}, "https://v1---hello-abc-uc.a.run.app/x"
		}, []ChangeTo{ingressChange}, Uncertain, "tag"},
		{"ingress: a mapped domain", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			p.Domains, c.Address = []posture.Domain{{Host: "www.example.com"}}, "https://www.example.com/nightly"
		}, []ChangeTo{ingressChange}, Breaks, "default run.app URL only"},
		{"ingress: a load balancer stays open",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { throughLoadBalancer(c) },
			[]ChangeTo{ingressChange}, StaysIn, ""},
		{"ingress: a visitor", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { asVisitor(c) },
			[]ChangeTo{ingressChange}, Breaks, "closed to the internet"},
		{"ingress: a visitor from a private address",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { asVisitor(c); c.RemoteIP = "10.0.0.7" },
			[]ChangeTo{ingressChange}, Uncertain, "VPC network"},
		{"ingress: a visitor without an address",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { asVisitor(c); c.RemoteIP = "x" }, []ChangeTo{ingressChange},
			Uncertain, "VPC network"},
		{"ingress: a visitor that says it is Pub/Sub",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { asVisitor(c); c.Name = "CloudPubSub-Google" },
			[]ChangeTo{ingressChange}, Uncertain, "calls itself"},

		{"invokers: no token", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { c.Principal = "" },
			[]ChangeTo{invokerChange}, Breaks, "brings no token"},
		{"invokers: no invoker",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { c.Principal = "other@x.iam.gserviceaccount.com" },
			[]ChangeTo{invokerChange}, Breaks, "may not invoke"},
		{"invokers: under a condition",
			func(p *posture.Posture, _ *policy.Wanted, _ *Caller) { p.Invokers.Bindings[0].Condition = "true" },
			[]ChangeTo{invokerChange}, Uncertain, "condition"},
		{"invokers: perhaps in a group", func(p *posture.Posture, _ *policy.Wanted, _ *Caller) {
			p.Invokers.Bindings[0].Members = []string{"allUsers", "group:robots@example.com"}
		}, []ChangeTo{invokerChange}, Uncertain, "group"},
		{"invokers: a role of their own", func(p *posture.Posture, _ *policy.Wanted, _ *Caller) {
			p.Invokers.Bindings = []posture.Binding{{Role: "projects/p/roles/caller",
				Members: []string{"serviceAccount:" + robot}}}
		}, []ChangeTo{invokerChange}, Uncertain, "role that is not known"},
		{"invokers: of the whole project", func(p *posture.Posture, _ *policy.Wanted, _ *Caller) {
			p.Invokers.Bindings, p.Project.Bindings = nil, []posture.Binding{{Role: posture.RoleInvoker,
				Members: []string{"serviceAccount:" + robot}}}
		}, []ChangeTo{invokerChange}, StaysIn, ""},
		{"invokers: the project's policy was not read", func(p *posture.Posture, _ *policy.Wanted, _ *Caller) {
			p.Invokers.Bindings, p.Project.Bindings = nil, nil
		}, []ChangeTo{invokerChange}, Uncertain, "hangs on"},
		{"invokers: a token for somebody else",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { c.Audience = "https://else.example.com" },
			[]ChangeTo{invokerChange}, Uncertain, "custom audience"},
		{"invokers: past a load balancer that gets no IAP", func(p *posture.Posture, w *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Principal, p.Backends[0].Frontends = "", append(p.Backends[0].Frontends, posture.Frontend{})
		}, []ChangeTo{invokerChange}, StaysIn, ""},
		{"invokers: a visitor", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { asVisitor(c) },
			[]ChangeTo{invokerChange}, Uncertain, "does not show"},
		{"invokers: a visitor that the ingress keeps out already", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			asVisitor(c)
			p.Service.Ingress = posture.IngressInternalLoadBalancing
		}, []ChangeTo{invokerChange}, StaysIn, ""},

		{"iap: a token for the service", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { throughLoadBalancer(c) },
			[]ChangeTo{iapChange}, Breaks, "OAuth client"},
		{"iap: no token", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { throughLoadBalancer(c); c.Principal = "" },
			[]ChangeTo{iapChange}, Breaks, "no token"},
		{"iap: a pattern of the URL map",
			func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { c.Address = "https://eu.shop.example.com/api/x" },
			[]ChangeTo{iapChange}, Breaks, "OAuth client"},
		{"iap: another backend service", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { throughLoadBalancer(c) },
			[]ChangeTo{{ChangeIAP, "else"}}, StaysIn, ""},
		{"iap: a token for IAP without access", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience = "client.apps.googleusercontent.com"
		}, []ChangeTo{iapChange}, Breaks, "no access"},
		{"iap: a token for IAP with access", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience = "client.apps.googleusercontent.com"
			p.Backends[0].Inherited = []posture.Policy{
				{Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"serviceAccount:" + robot}}}}}
		}, []ChangeTo{iapChange}, StaysIn, ""},
		{"iap: a token for IAP, and the rule gives access", func(_ *posture.Posture, w *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience, w.Access = "client.apps.googleusercontent.com", []string{"serviceAccount:" + robot}
		}, []ChangeTo{iapChange}, StaysIn, ""},
		{"iap: a token for another client with access", func(_ *posture.Posture, w *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience, w.Access = "other.apps.googleusercontent.com", []string{"serviceAccount:" + robot}
		}, []ChangeTo{iapChange}, Breaks, "OAuth client"},
		{"iap: access perhaps by a group", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience = "client.apps.googleusercontent.com"
			p.Backends[0].Access.Bindings[0].Members = []string{"group:robots@example.com"}
		}, []ChangeTo{iapChange}, Uncertain, "group"},
		{"iap: the client that the rule sets", func(p *posture.Posture, w *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience, p.Backends[0].OAuthClient = "rule.apps.googleusercontent.com", ""
			w.OAuthClient.ID, w.Access = c.Audience, []string{"serviceAccount:" + robot}
		}, []ChangeTo{iapChange}, StaysIn, ""},
		{"iap: a client that is not known here", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			c.Audience, p.Backends[0].OAuthClient = "client.apps.googleusercontent.com", ""
		}, []ChangeTo{iapChange}, Uncertain, "is not known"},
		{"iap: a visitor that is a program", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) {
			asVisitor(c)
			c.Address = "https://hello.example.com"
		}, []ChangeTo{iapChange}, Breaks, "browser"},
		{"iap: a visitor's browser", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) {
			asVisitor(c)
			c.Address, c.Name = "https://hello.example.com", "Mozilla/5.0"
		}, []ChangeTo{iapChange}, StaysIn, ""},
		{"iap: a browser's preflights", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) {
			asVisitor(c)
			c.Address, c.Name, c.Preflights = "https://hello.example.com", "Mozilla/5.0", 2
		}, []ChangeTo{iapChange}, Breaks, "OPTIONS"},
		{"iap: preflights that may pass", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			asVisitor(c)
			c.Address, c.Name, c.Preflights = "https://hello.example.com", "Mozilla/5.0", 2
			p.Backends[0].Settings.AllowOptions = true
		}, []ChangeTo{iapChange}, StaysIn, ""},
		{"iap: a visitor at any host of the load balancer", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			asVisitor(c)
			c.Address, p.Backends[0].Frontends[0].Hosts = "https://www.example.com", nil
		}, []ChangeTo{iapChange}, Breaks, "browser"},
		{"iap: a load balancer for any host", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			throughLoadBalancer(c)
			p.Backends[0].Frontends[0].Hosts = nil
		}, []ChangeTo{iapChange}, Uncertain, "takes any host"},
		{"iap: its IP address", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			c.Address, p.Backends[0].Frontends[0].Hosts = "https://203.0.113.7/x", nil
		}, []ChangeTo{iapChange}, Breaks, "OAuth client"},

		{"direct: everybody's identity is taken away",
			func(_ *posture.Posture, w *policy.Wanted, _ *Caller) { w.Recipe = policy.RecipeDirect }, []ChangeTo{directChange},
			Breaks, "OAuth client"},
		{"direct: a visitor",
			func(_ *posture.Posture, w *policy.Wanted, c *Caller) { asVisitor(c); w.Recipe = policy.RecipeDirect },
			[]ChangeTo{directChange}, Breaks, "browser"},
		{"direct: the public does not matter behind IAP",
			func(_ *posture.Posture, w *policy.Wanted, c *Caller) { c.Principal, w.Recipe = "", policy.RecipeDirect },
			[]ChangeTo{invokerChange}, StaysIn, ""},

		{"an address that is switched off lets nobody in now", func(p *posture.Posture, _ *policy.Wanted, c *Caller) {
			c.Principal, p.Service.DefaultURLDisabled = "", true
		}, wholeRecipe, StaysIn, ""},
		{"the worst counts", func(_ *posture.Posture, _ *policy.Wanted, c *Caller) { asVisitor(c) },
			[]ChangeTo{invokerChange, ingressChange}, Breaks, "closed to the internet"},
	} {
		p, want, caller := calling()
		tc.change(&p, &want, &caller)
		got := Judge(p, want, []Caller{caller}, tc.changes)
		if len(got) != 1 {
			t.Errorf("%s: %d callers, want 1", tc.name, len(got))
			continue
		}
		if got[0].Impact != tc.want || !strings.Contains(got[0].Why, tc.why) {
			t.Errorf("%s: %s because %q, want %s because %q", tc.name, got[0].Impact, got[0].Why, tc.want, tc.why)
		}
		if explained := got[0].Why != "" && got[0].Remedy != ""; explained == (tc.want == StaysIn) {
			t.Errorf("%s: %s with reason %q and cure %q", tc.name, got[0].Impact, got[0].Why, got[0].Remedy)
		}
	}
}

func TestWhatCallsSomethingElseIsNoCaller(t *testing.T) {
	p, want, caller := calling()
	p.Backends = append(p.Backends,
		posture.Backend{Frontends: []posture.Frontend{{Address: "203.0.113.8"}}}) // takes any host
	for _, address := range []string{
		"", "://", "https://other-abc-uc.a.run.app/x", "https://pubsub.googleapis.com/",
	} {
		caller.Address = address
		if got := Judge(p, want, []Caller{caller}, wholeRecipe); got != nil {
			t.Errorf("%q is taken for a caller: %+v", address, got)
		}
	}
}

func TestALoadBalancerForAnyHostCollectsNoForeignCaller(t *testing.T) {
	foreign := Caller{Kind: PushSubscription, Name: "projects/demo-project/subscriptions/orders",
		Address: "https://else.example.com/in"}
	for _, tc := range []struct {
		name   string
		paths  []string
		change func(*Caller)
		want   int
	}{
		{"without a token", nil, func(*Caller) {}, 0},
		{"with a token for something else", nil,
			func(c *Caller) { c.Principal, c.Audience = robot, "https://else.example.com" }, 0},
		{"with a token for the service", nil, func(c *Caller) {
			c.Principal, c.Audience = robot, "https://hello-abc-uc.a.run.app"
		}, 1},
		{"any host by a rule for some paths", []string{"/api/*"}, func(*Caller) {}, 0},
		{"at the load balancer's address", nil, func(c *Caller) { c.Address = "https://203.0.113.7/in" }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, want, _ := calling()
			p.Backends[0].Frontends[0].Hosts, p.Backends[0].Frontends[0].Paths = nil, tc.paths
			c := foreign
			tc.change(&c)
			if got := Judge(p, want, []Caller{c}, wholeRecipe); len(got) != tc.want {
				t.Errorf("callers %+v, want %d", got, tc.want)
			}
		})
	}
}

func TestNoRemedyRedirectsWhatMayCallAnotherService(t *testing.T) {
	for kind, name := range map[Kind]string{
		PushSubscription: "projects/demo-project/subscriptions/orders",
		SchedulerJob:     "projects/demo-project/locations/us-central1/jobs/j",
		EventTrigger:     "projects/demo-project/locations/us-central1/triggers/t",
	} {
		for _, address := range []string{"https://hello.example.com/orders", "https://eu.shop.example.com/other",
			"https://203.0.113.7/x"} {
			t.Run(string(kind)+" "+address, func(t *testing.T) {
				p, want, _ := calling()
				for _, change := range []ChangeTo{iapChange, invokerChange} {
					got := Judge(p, want, []Caller{{Kind: kind, Name: name, Address: address}}, []ChangeTo{change})
					if len(got) != 1 || strings.Contains(got[0].Remedy, "update") {
						t.Errorf("%s: %+v, want a remedy that leaves the caller as it is", change.Change, got)
					}
				}
			})
		}
	}
}

func TestAHostThatOnlyLooksLikeADoorIsNone(t *testing.T) {
	p, want, caller := calling()
	for _, address := range []string{"https://hello-abc-uc.a.run.app.evil.example/x", "https://hello.example.org",
		"https://shop.example.com.evil.example"} {
		caller.Address = address
		if got := Judge(p, want, []Caller{caller}, wholeRecipe); got != nil {
			t.Errorf("%q is taken for a caller: %+v", address, got)
		}
	}
}

func TestRemediesHoldNothingThatAShellWouldRead(t *testing.T) {
	p, want, caller := calling()
	throughLoadBalancer(&caller)
	caller.Kind, caller.Name = PushSubscription, "projects/demo-project/subscriptions/s"
	caller.Principal, caller.Address = "$(reboot)@x", "https://hello.example.com/$(reboot);x?`y`"
	got := Judge(p, want, []Caller{caller}, []ChangeTo{iapChange})[0].Remedy
	caller.Name = "projects/demo-project/subscriptions/$(reboot)"
	if quoted := Judge(p, want, []Caller{caller}, []ChangeTo{iapChange})[0].Remedy; !strings.Contains(quoted,
		`update '$(reboot)' --project=demo-project `) {
		t.Errorf("cure %q does not quote a name that cannot be", quoted)
	}
	if strings.ContainsAny(got, "$`(") || !strings.Contains(got, "/PATH") || !strings.Contains(got, "=ACCOUNT") {
		t.Errorf("cure %q", got)
	}
}

func TestTheWorstOfTwoPlansIsKept(t *testing.T) {
	one := func(name string, fate Impact) Caller { return Caller{Kind: SchedulerJob, Name: name, Impact: fate} }
	got := WorstOff([]Caller{one("a", Breaks), one("b", StaysIn), one("c", Uncertain), one("d", Uncertain)},
		[]Caller{one("a", StaysIn), one("b", Uncertain), one("c", Breaks), one("d", StaysIn), one("e", StaysIn)})
	if diff := cmp.Diff([]Caller{one("a", Breaks), one("b", Uncertain), one("c", Breaks), one("d", Uncertain),
		one("e", StaysIn)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHostileTextIsCutAndOnOneLine(t *testing.T) {
	got := posture.Shown("a\nb\x1b[31m\xff" + strings.Repeat("x", 500))
	if strings.ContainsAny(got, "\n\x1b") || len([]rune(got)) != posture.MaxShown || !strings.HasPrefix(got, `a\nb\x1b[31m\xff`) {
		t.Errorf("%q", got)
	}
	for address, want := range map[string]string{"https://user:pass@host/path?q#f": "https://host",
		"http://host:8080": "http://host:8080", "/path": "", "mailto:a@host": "", "://": "", "": ""} {
		if got := posture.Origin(address); got != want {
			t.Errorf("origin of %q: %q, want %q", address, got, want)
		}
	}
}

func TestTheWorstOffComeFirst(t *testing.T) {
	p, want, stays := calling()
	breaks, doubted := stays, stays
	breaks.Name, breaks.Principal = "projects/demo-project/locations/us-central1/jobs/z-last", ""
	doubted.Name, doubted.Audience = "projects/demo-project/locations/us-central1/jobs/y", "https://else.example.com"
	early := breaks
	early.Name = "projects/demo-project/locations/us-central1/jobs/a-first"
	var got []string
	for _, caller := range Judge(p, want, []Caller{stays, doubted, breaks, early}, []ChangeTo{invokerChange}) {
		got = append(got, caller.Name[strings.LastIndex(caller.Name, "/")+1:])
	}
	if diff := cmp.Diff([]string{"a-first", "z-last", "y", "nightly"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequestsAreSoughtAtHostsWithoutIAP(t *testing.T) {
	const tag, own = "blue---hello-abc-uc.a.run.app", "hello-abc-uc.a.run.app"
	const balanced = "*.shop.example.com"
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []string
		any    bool
	}{
		{"as deployed", func(*posture.Posture) {}, []string{balanced, tag, own, "hello.example.com", "shop.example.com"}, false},
		{"the ingress keeps all", func(p *posture.Posture) { p.Service.Ingress = posture.IngressInternal }, nil, false},
		{"the ingress lets load balancers in",
			func(p *posture.Posture) { p.Service.Ingress = posture.IngressInternalLoadBalancing },
			[]string{balanced, "hello.example.com"}, false},
		{"the default URL is off", func(p *posture.Posture) { p.Service.DefaultURLDisabled = true },
			[]string{balanced, tag, "hello.example.com", "shop.example.com"}, false},
		{"mappings that cannot be read have no host", func(p *posture.Posture) { p.Domains, p.DomainsUnread = nil, "denied" },
			[]string{balanced, tag, own, "hello.example.com"}, false},
		{"IAP at the load balancer", func(p *posture.Posture) { p.Backends[0].IAPOn = true },
			[]string{tag, own, "shop.example.com"}, false},
		{"a load balancer for any host", func(p *posture.Posture) { p.Backends[0].Frontends[0].Hosts = nil },
			[]string{balanced, tag, own, "shop.example.com"}, true},
	} {
		p, _, _ := calling()
		p.Service.TagURLs, p.Domains = []string{"https://" + tag}, []posture.Domain{{Host: "Shop.example.com"}}
		tc.change(&p)
		hosts, any := door.OpenHosts(p)
		if diff := cmp.Diff(tc.want, hosts); diff != "" || any != tc.any {
			t.Errorf("%s: any host %t, want %t (-want +got):\n%s", tc.name, any, tc.any, diff)
		}
	}
}

func TestARemedyIsWhatOneCanType(t *testing.T) {
	const grant = "gcloud run services add-iam-policy-binding hello --region=us-central1 --project=demo-project " +
		"--role=roles/run.invoker --member=serviceAccount:"
	const job = "nightly --location=us-central1 --project=demo-project"
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *Caller)
		by     ChangeTo
		want   string
	}{
		{"the account that lacks the right",
			func(_ *posture.Posture, c *Caller) { c.Principal = "other-7@x.iam.gserviceaccount.com" }, invokerChange,
			grant + "other-7@x.iam.gserviceaccount.com"},
		{"an account, where there is none", func(_ *posture.Posture, c *Caller) { c.Principal = "" }, invokerChange,
			"gcloud scheduler jobs update http " + job + " --oidc-service-account-email=ACCOUNT && " + grant + "ACCOUNT"},
		{"the address that Cloud Run shows", func(_ *posture.Posture, c *Caller) { throughLoadBalancer(c) }, iapChange,
			"gcloud scheduler jobs update http " + job +
				" --uri=https://hello-abc-uc.a.run.app/nightly --oidc-service-account-email=" + robot +
				" --oidc-token-audience=https://hello-abc-uc.a.run.app && " + grant + robot},
		{"the address made of names, where it shows none", func(p *posture.Posture, c *Caller) {
			throughLoadBalancer(c)
			p.Service.URLs, c.Audience = nil, p.DeterministicURL()
		}, iapChange,
			"gcloud scheduler jobs update http " + job +
				" --uri=https://hello-123456789012.us-central1.run.app/nightly --oidc-service-account-email=" + robot +
				" --oidc-token-audience=https://hello-123456789012.us-central1.run.app && " + grant + robot},
	} {
		p, want, caller := calling()
		tc.change(&p, &caller)
		if diff := cmp.Diff(tc.want, Judge(p, want, []Caller{caller}, []ChangeTo{tc.by})[0].Remedy); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAccessUnderAConditionSparesNoCallerForSure(t *testing.T) {
	const client = "1-a.apps.googleusercontent.com"
	c := Caller{Kind: "scheduler-job", Principal: "cron@demo-project.iam.gserviceaccount.com", Audience: client}
	want := policy.Wanted{Settings: policy.DefaultSettings()}
	want.Access = []string{"serviceAccount:" + c.Principal}
	if got := throughIAP(call{p: posturetest.Protected(), want: want, c: c}, client,
		[]posture.AccessPolicy{{}}).impact; got == Uncertain || got == Breaks {
		t.Errorf("with access always: %s", got)
	}
	want.AccessCondition = posturetest.Until
	if got := throughIAP(call{p: posturetest.Protected(), want: want, c: c}, client,
		[]posture.AccessPolicy{{}}).impact; got != Uncertain {
		t.Errorf("with access under a condition: %s, want %s", got, Uncertain)
	}
}
