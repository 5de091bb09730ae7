package protection

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAPrivateServiceThatIsOnlyCoveredIsLeft(t *testing.T) {
	private := posture.Policy{Version: "p1",
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"user:bob@example.com"}}}}
	everybody := posture.Policy{Version: "a1", Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"allUsers"}}}}
	whole := []plan.Op{opProvision, opGrant, opAccess, opIAP, opIngress}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
	}{
		{"a load balancer leads there", func(*posture.Posture, *policy.Wanted) {}, nil},
		{"none leads there", func(p *posture.Posture, _ *policy.Wanted) { p.Backends = nil }, nil},
		{"IAP lets everybody in, and its agent may not invoke", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].IAPOn, p.Backends[0].Access = true, everybody
		}, []plan.Op{opRevoke}},
		{"it was guarded before", func(_ *posture.Posture, w *policy.Wanted) { w.GuardedOnce = true }, whole},
		{"the rule includes it", func(_ *posture.Posture, w *policy.Wanted) { w.Private = policy.PrivateInclude }, whole},
		{"its invoker check is off", func(p *posture.Posture, _ *policy.Wanted) { p.Service.InvokerCheckOff = true },
			append(whole, opCheck)},
		{"its invokers are unread", func(p *posture.Posture, _ *policy.Wanted) { p.Invokers.Unread = "denied" }, whole},
		{"the rule closes what has no load balancer", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends, w.WithoutLoadBalancer = nil, policy.WithoutClose
		}, nil},
	} {
		p, w := deployed(), want()
		w.Private = policy.PrivateLeave
		p.Invokers = private
		p.Backends[0].Members[0].Invokers = private
		tc.change(&p, &w)
		if diff := cmp.Diff(tc.want, ops(made(p, w).Steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestTheAgentFollowsWhomIAPLetsIn(t *testing.T) {
	accessors := func(members ...string) posture.Policy {
		return posture.Policy{Version: "a2", Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: members}}}
	}
	grant, withdraw := []plan.Op{opGrant}, []plan.Op{plan.WithdrawInvoker{}.Operation().Op}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		grants bool // the agent is let in where it is not
		codes  []Code
	}{
		{"IAP lets in whom the policy names", func(*posture.Posture, *policy.Wanted) {}, true, nil},
		{"IAP lets in nobody", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Access = posture.Policy{} }, true, nil},
		{"IAP is off", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].IAPOn = false }, false, []Code{privateWithoutIAP}},
		{"no frontend leads there", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Frontends = nil }, false,
			[]Code{privateWithoutIAP}},
		{"somebody else is let in", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access = accessors(posturetest.Alice, "user:mallory@example.com")
		}, false, []Code{accessorNotNamed}},
		{"everybody is let in, and the policy keeps it", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends[0].Access, w.KeepAccessors = accessors("allUsers"), true
		}, false, []Code{PublicAccessor, accessorNotNamed}},
		{"somebody else is let in at a second way", func(p *posture.Posture, _ *policy.Wanted) {
			second := p.Backends[0]
			second.Name, second.Access = "second", accessors("user:mallory@example.com")
			p.Backends = append(p.Backends, second)
		}, false, []Code{accessorNotNamed}},
		{"somebody else is let in by the project", func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = accessors("user:mallory@example.com")
		}, false, []Code{accessorNotNamed}},
		{"a custom role may let somebody else in", func(p *posture.Posture, _ *policy.Wanted) {
			p.Project.Bindings = []posture.Binding{{Role: "projects/demo-project/roles/x",
				Members: []string{"serviceAccount:x@demo-project.iam.gserviceaccount.com"}}}
		}, false, []Code{accessorNotNamed}},
		{"the named one is to get in under a condition only", func(_ *posture.Posture, w *policy.Wanted) {
			w.AccessCondition = posturetest.Until
		}, false, []Code{accessorNotNamed}},
		{"who is let in is not read", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Inherited = []posture.Policy{{Unread: "denied"}}
		}, false, []Code{accessorNotNamed}},
		{"what is above the project is not read", func(p *posture.Posture, _ *policy.Wanted) {
			p.Ancestors.Unread = "denied"
		}, false, []Code{accessorNotNamed}},
		{"Identity Platform signs visitors in", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Settings.LoginPage = "https://example.com"
		}, false, []Code{ExternalIdentities, accessorNotNamed}},
		{"OPTIONS requests pass", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Settings.AllowOptions = true },
			false, []Code{IAPSettingsOpen, accessorNotNamed}},
	} {
		for _, agent := range []bool{false, true} {
			p, w := posturetest.Protected(), want()
			w.Private, w.OwnGrant = policy.PrivateBehindIAP, agent
			p.Service.Ingress = posture.IngressAll
			if !agent {
				p.Invokers = posture.Policy{Version: "v1"}
				p.Backends[0].Members[0].Invokers = p.Invokers
			}
			tc.change(&p, &w)
			steps := []plan.Op(nil)
			if tc.grants && !agent {
				steps = grant
			} else if !tc.grants && agent {
				steps = withdraw
			}
			var codes []Code
			for _, f := range Assess(p, w) {
				if f.Code != AgentNotInvoker && f.Code != agentInvokesPrivate && f.Code != AgentNotProvisioned {
					codes = append(codes, f.Code)
				}
			}
			got := ops(made(p, w).Steps)
			if tc.grants {
				got = slices.DeleteFunc(got, func(op plan.Op) bool { return op == opProvision })
			}
			if diff := cmp.Diff(steps, got) + cmp.Diff(tc.codes, codes); diff != "" {
				t.Errorf("%s, the agent let in %t (-want +got):\n%s", tc.name, agent, diff)
			}
		}
	}
}

func TestTheRecipeLetsOnlyWhoIsNamedIntoAPrivateService(t *testing.T) {
	mallory := posture.Policy{Version: "a2",
		Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"user:mallory@example.com"}}}}
	whole := []plan.Op{opProvision, opGrant, opAccess, opIAP, opIngress}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture, *policy.Wanted)
		want   []plan.Op
		found  Disposition // of the finding that somebody else gets in, "" = there is none
	}{
		{"nobody else", func(*posture.Posture, *policy.Wanted) {}, whole, ""},
		{"somebody else", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].Access = mallory }, nil, Blocks},
		{"somebody else, by the project", func(p *posture.Posture, _ *policy.Wanted) { p.Project = mallory }, nil, Blocks},
		{"somebody else, and IAP is on", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access, p.Backends[0].IAPOn = mallory, true
		}, nil, Blocks},
		{"somebody else, who gets in already", func(p *posture.Posture, _ *policy.Wanted) {
			*p = posturetest.Protected()
			p.Service.Ingress = posture.IngressAll
			p.Backends[0].Access.Bindings = append(p.Backends[0].Access.Bindings, mallory.Bindings...)
		}, []plan.Op{opIngress}, ""},
		{"somebody else, and a person insists", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends[0].Access, w.Insisted = mallory, true
		}, whole, Remarks},
		{"somebody else, and it was guarded before", func(p *posture.Posture, w *policy.Wanted) {
			p.Backends[0].Access, w.GuardedOnce = mallory, true
		}, whole, ""},
		{"the service is public", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access, p.Invokers = mallory, deployed().Invokers
		}, append(slices.Clone(whole), opPublic), ""},
		{"whoever passes is not known", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access = posture.Policy{Unread: "denied"}
		}, nil, Blocks},
		{"the public, who is taken out first", func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"allUsers"}}}
		}, append([]plan.Op{opRevoke}, whole...), ""},
	} {
		p, w := deployed(), want()
		p.Invokers = posture.Policy{Version: "p1"}
		tc.change(&p, &w)
		p.Backends[0].Members[0].Invokers = p.Invokers
		found := Disposition("")
		for _, f := range Assess(p, w) {
			if f.Code == accessorNotNamed {
				found = f.Disposition
			}
		}
		got := ops(made(p, w).Steps)
		slices.Sort(got)
		slices.Sort(tc.want)
		if diff := cmp.Diff(slices.Compact(tc.want), got); diff != "" || found != tc.found {
			t.Errorf("%s: found %q, want %q (-want +got):\n%s", tc.name, found, tc.found, diff)
		}
	}
}

func TestOnlyAGrantOfOursIsWithdrawn(t *testing.T) {
	withdraw := []plan.Op{plan.WithdrawInvoker{}.Operation().Op}
	for _, tc := range []struct {
		name    string
		private policy.Private
		change  func(*policy.Wanted)
		want    []plan.Op
	}{
		{"behind IAP, ours", policy.PrivateBehindIAP, func(w *policy.Wanted) { w.OwnGrant = true }, withdraw},
		{"behind IAP, of somebody else", policy.PrivateBehindIAP, func(*policy.Wanted) {}, nil},
		{"left, ours", policy.PrivateLeave, func(w *policy.Wanted) { w.OwnGrant = true }, withdraw},
		{"left, of somebody else", policy.PrivateLeave, func(*policy.Wanted) {}, nil},
		{"included, ours", policy.PrivateInclude, func(w *policy.Wanted) { w.OwnGrant = true }, withdraw},
		{"included, of somebody else", policy.PrivateInclude, func(*policy.Wanted) {}, []plan.Op{opIngress}},
	} {
		p, w := posturetest.Protected(), want()
		p.Service.Ingress = posture.IngressAll
		p.Backends[0].Access.Bindings[0].Members = []string{posturetest.Alice, "user:mallory@example.com"}
		w.Private = tc.private
		tc.change(&w)
		steps := made(p, w).Steps
		if diff := cmp.Diff(tc.want, ops(steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		for _, step := range steps {
			if step.Op() == withdraw[0] && (step.ShutsOut() || !step.NotBefore.IsZero()) {
				t.Errorf("%s: it counts under the limits %t, or waits until %s", tc.name, step.ShutsOut(), step.NotBefore)
			}
		}
	}
}
