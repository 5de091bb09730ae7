package posture

import "testing"

func TestTheAgentIsProvisionedUnlessABindingNamesIt(t *testing.T) {
	revoke := func(p *Posture, _ *Wanted) {
		p.Invokers.Bindings = nil
		p.Backends[0].Members[0].Invokers.Bindings = nil
	}
	check(t, serviceAgent, []row{
		{"no binding names it", revoke, []Code{AgentNotProvisioned}},
		{"a binding names it as deleted", func(p *Posture, want *Wanted) {
			revoke(p, want)
			p.Invokers.Bindings = []Binding{{Role: RoleInvoker, Members: []string{"deleted:" + agent + "?uid=1"}}}
		}, []Code{AgentNotProvisioned}},
		{"a neighbour's binding names it", func(p *Posture, want *Wanted) {
			revoke(p, want)
			p.Backends[0].Members = append(p.Backends[0].Members, Member{Target: other, Invokers: protected().Invokers})
		}, nil},
	})
}
