package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func grant(role string, members ...string) posture.Policy {
	return posture.Policy{Bindings: []posture.Binding{{Role: role, Members: members}}}
}

func TestNobodyInheritsThatEverybodyMayInvoke(t *testing.T) {
	check(t, inheritedInvokers, []row{
		{"a user may invoke everything", func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant(posture.RoleInvoker, "user:ci@example.com")
		}, nil},
		{"everybody has another role",
			func(p *posture.Posture, _ *policy.Wanted) { p.Project = grant("roles/viewer", "allUsers") }, nil},
		{"everybody", func(p *posture.Posture, _ *policy.Wanted) { p.Project = grant(posture.RoleInvoker, "allUsers") },
			[]Code{InheritedPublicInvoker}},
		{"everybody who is signed in, by a wider role", func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant("roles/run.admin", "user:ci@example.com", "allAuthenticatedUsers")
		}, []Code{InheritedPublicInvoker}},
		{"everybody, by a custom role", func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant("organizations/1/roles/shop", "allUsers")
		}, []Code{InheritedPublicInvoker}},
	})
	p := posturetest.Protected()
	p.Service.Ingress, p.Project = posture.IngressAll, grant(posture.RoleInvoker, "allUsers")
	if door.Exposed(door.Of(p)) != door.Yes {
		t.Errorf("doors %+v, want an open one", door.Of(p))
	}
}

func TestInheritedGrantsCount(t *testing.T) {
	bare := func(p *posture.Posture, _ *policy.Wanted) {
		p.Invokers, p.Backends[0].Members[0].Invokers, p.Backends[0].Access = posture.Policy{}, posture.Policy{}, posture.Policy{}
		p.Backends[0].IAPOn = false
	}
	with := func(change func(*posture.Posture, *policy.Wanted)) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, want *policy.Wanted) { bare(p, want); change(p, want) }
	}
	check(t, invokerGrant, []row{
		{"no grant anywhere", bare, []Code{AgentNotInvoker}},
		{"the project's policy grants",
			with(func(p *posture.Posture, _ *policy.Wanted) { p.Project = grant(posture.RoleInvoker, posturetest.Agent) }), nil},
		{"the project's policy grants by a wider role",
			with(func(p *posture.Posture, _ *policy.Wanted) { p.Project = grant("roles/run.admin", posturetest.Agent) }), nil},
		{"the project's policy grants by a basic role", with(func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant("roles/editor", posturetest.Agent)
		}), nil},
		{"the project's policy grants by a custom role", with(func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant("projects/demo-project/roles/shop", posturetest.Agent)
		}), []Code{AgentNotInvoker}},
		{"the project's policy grants under a condition", with(func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant(posture.RoleInvoker, posturetest.Agent)
			p.Project.Bindings[0].Condition = "true"
		}), []Code{AgentNotInvoker}},
	})
	check(t, serviceAgent, []row{
		{"not named anywhere", bare, []Code{AgentNotProvisioned}},
		{"the project's policy names it",
			with(func(p *posture.Posture, _ *policy.Wanted) { p.Project = grant("roles/viewer", posturetest.Agent) }), nil},
	})
	check(t, accessors, []row{
		{"no access anywhere", bare, []Code{AccessorMissing}},
		{"by the project's policy",
			with(func(p *posture.Posture,
				_ *policy.Wanted) {
				p.Project = grant(posture.RoleAccessor, posturetest.Alice)
			}), nil},
		{"by a policy above in IAP", with(func(p *posture.Posture, _ *policy.Wanted) {
			p.Backends[0].Inherited = []posture.Policy{{}, grant(posture.RoleAccessor, posturetest.Alice)}
		}), nil},
		{"somebody else by the project's policy", with(func(p *posture.Posture, _ *policy.Wanted) {
			p.Project = grant(posture.RoleAccessor, "user:bob@example.com")
		}), []Code{AccessorMissing}},
	})
	unnamed := func(_ *posture.Posture, want *policy.Wanted) { want.Access = nil }
	check(t, accessKnown, []row{
		{"nobody", with(unnamed), []Code{NoAccessor}},
		{"somebody by the project's policy", with(func(p *posture.Posture, want *policy.Wanted) {
			unnamed(p, want)
			p.Project = grant(posture.RoleAccessor, "group:staff@example.com")
		}), nil},
		{"somebody by a policy above in IAP", with(func(p *posture.Posture, want *policy.Wanted) {
			unnamed(p, want)
			p.Backends[0].Inherited = []posture.Policy{grant(posture.RoleAccessor, "group:staff@example.com")}
		}), nil},
	})
}
