package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestTheAgentIsProvisionedUnlessABindingNamesIt(t *testing.T) {
	revoke := func(p *posture.Posture, _ *policy.Wanted) {
		p.Invokers.Bindings = nil
		p.Backends[0].Members[0].Invokers.Bindings = nil
	}
	check(t, serviceAgent, []row{
		{"no binding names it", revoke, []Code{AgentNotProvisioned}},
		{"a binding names it as deleted", func(p *posture.Posture, want *policy.Wanted) {
			revoke(p, want)
			p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker,
				Members: []string{"deleted:" + posturetest.Agent + "?uid=1"}}}
		}, []Code{AgentNotProvisioned}},
		{"a neighbour's binding names it", func(p *posture.Posture, want *policy.Wanted) {
			revoke(p, want)
			p.Backends[0].Members = append(p.Backends[0].Members,
				posture.Member{Target: posturetest.Other, Invokers: posturetest.Protected().Invokers})
		}, nil},
	})
}
