package posture

import "testing"

func grant(role string, members ...string) Policy {
	return Policy{Bindings: []Binding{{Role: role, Members: members}}}
}

func TestNobodyInheritsThatEverybodyMayInvoke(t *testing.T) {
	check(t, inheritedInvokers, []row{
		{"a user may invoke everything", func(p *Posture, _ *Wanted) { p.Project = grant(RoleInvoker, "user:ci@example.com") }, nil},
		{"everybody has another role", func(p *Posture, _ *Wanted) { p.Project = grant("roles/viewer", "allUsers") }, nil},
		{"everybody", func(p *Posture, _ *Wanted) { p.Project = grant(RoleInvoker, "allUsers") }, []Code{InheritedPublicInvoker}},
		{"everybody who is signed in, by a wider role", func(p *Posture, _ *Wanted) {
			p.Project = grant("roles/run.admin", "user:ci@example.com", "allAuthenticatedUsers")
		}, []Code{InheritedPublicInvoker}},
	})
	p := protected()
	p.Service.Ingress, p.Project = IngressAll, grant(RoleInvoker, "allUsers")
	if !Exposed(p.Doors()) {
		t.Errorf("doors %+v, want an open one", p.Doors())
	}
}

func TestInheritedGrantsCount(t *testing.T) {
	bare := func(p *Posture, _ *Wanted) {
		p.Invokers, p.Backends[0].Members[0].Invokers, p.Backends[0].Access = Policy{}, Policy{}, Policy{}
		p.Backends[0].IAPOn = false
	}
	with := func(change func(*Posture, *Wanted)) func(*Posture, *Wanted) {
		return func(p *Posture, want *Wanted) { bare(p, want); change(p, want) }
	}
	check(t, invokerGrant, []row{
		{"no grant anywhere", bare, []Code{AgentNotInvoker}},
		{"the project's policy grants", with(func(p *Posture, _ *Wanted) { p.Project = grant(RoleInvoker, agent) }), nil},
		{"the project's policy grants by a wider role", with(func(p *Posture, _ *Wanted) { p.Project = grant("roles/run.admin", agent) }), nil},
		{"the project's policy grants under a condition", with(func(p *Posture, _ *Wanted) {
			p.Project = grant(RoleInvoker, agent)
			p.Project.Bindings[0].Condition = "true"
		}), []Code{AgentNotInvoker}},
	})
	check(t, serviceAgent, []row{
		{"not named anywhere", bare, []Code{AgentNotProvisioned}},
		{"the project's policy names it", with(func(p *Posture, _ *Wanted) { p.Project = grant("roles/viewer", agent) }), nil},
	})
	check(t, accessors, []row{
		{"no access anywhere", bare, []Code{AccessorMissing}},
		{"by the project's policy", with(func(p *Posture, _ *Wanted) { p.Project = grant(RoleAccessor, alice) }), nil},
		{"by a policy above in IAP", with(func(p *Posture, _ *Wanted) { p.Backends[0].Inherited = []Policy{{}, grant(RoleAccessor, alice)} }), nil},
		{"somebody else by the project's policy", with(func(p *Posture, _ *Wanted) { p.Project = grant(RoleAccessor, "user:bob@example.com") }), []Code{AccessorMissing}},
	})
	unnamed := func(_ *Posture, want *Wanted) { want.Access = nil }
	check(t, accessKnown, []row{
		{"nobody", with(unnamed), []Code{NoAccessor}},
		{"somebody by the project's policy", with(func(p *Posture, want *Wanted) {
			unnamed(p, want)
			p.Project = grant(RoleAccessor, "group:staff@example.com")
		}), nil},
		{"somebody by a policy above in IAP", with(func(p *Posture, want *Wanted) {
			unnamed(p, want)
			p.Backends[0].Inherited = []Policy{grant(RoleAccessor, "group:staff@example.com")}
		}), nil},
	})
}
