package posture

import "testing"

func TestNobodyInvokesUnnamed(t *testing.T) {
	add := func(role, condition string, members ...string) func(*Posture, *Wanted) {
		return func(p *Posture, _ *Wanted) {
			p.Invokers.Bindings = append(p.Invokers.Bindings, Binding{Role: role, Members: members, Condition: condition})
		}
	}
	check(t, publicInvokers, []row{
		{"allUsers", add(RoleInvoker, "", "allUsers"), []Code{PublicInvoker}},
		{"allAuthenticatedUsers", add(RoleInvoker, "", "allAuthenticatedUsers"), []Code{PublicInvoker}},
		{"under a condition", add(RoleInvoker, "true", "allUsers"), []Code{PublicInvoker}},
		{"in two roles", func(p *Posture, want *Wanted) {
			add(RoleInvoker, "", "allUsers")(p, want)
			add("roles/run.admin", "", "allUsers")(p, want)
		}, []Code{PublicInvoker, PublicInvoker}},
		{"a role that does not let them invoke", add("roles/run.viewer", "", "allUsers"), nil},
		{"the rule keeps them", func(p *Posture, want *Wanted) {
			add(RoleInvoker, "", "allUsers")(p, want)
			want.KeepInvokers = true
		}, nil},
		{"named invokers stay", add(RoleInvoker, "", "user:bob@example.com", "domain:example.com"), nil},
	})
	check(t, invokerCheck, []row{
		{"the check is off", func(p *Posture, _ *Wanted) { p.Service.InvokerCheckOff = true }, []Code{InvokerCheckOff}},
		{"the check is off, and the rule keeps invokers", func(p *Posture, want *Wanted) { p.Service.InvokerCheckOff, want.KeepInvokers = true, true }, nil},
	})
}
