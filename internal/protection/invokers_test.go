package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestNobodyInvokesUnnamed(t *testing.T) {
	add := func(role, condition string, members ...string) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, _ *policy.Wanted) {
			p.Invokers.Bindings = append(p.Invokers.Bindings,
				posture.Binding{Role: role, Members: members, Condition: condition})
		}
	}
	check(t, publicInvokers, []row{
		{"allUsers", add(posture.RoleInvoker, "", "allUsers"), []Code{PublicInvoker}},
		{"allAuthenticatedUsers", add(posture.RoleInvoker, "", "allAuthenticatedUsers"), []Code{PublicInvoker}},
		{"under a condition", add(posture.RoleInvoker, "true", "allUsers"), []Code{PublicInvoker}},
		{"in two roles", func(p *posture.Posture, want *policy.Wanted) {
			add(posture.RoleInvoker, "", "allUsers")(p, want)
			add("roles/run.admin", "", "allUsers")(p, want)
		}, []Code{PublicInvoker, PublicInvoker}},
		{"a role that invokes among other things", add("roles/run.developer", "", "allUsers"), []Code{PublicInvoker}},
		{"a custom role", add("projects/demo-project/roles/shop", "", "allUsers", "user:bob@example.com"),
			[]Code{PublicInvoker}},
		{"a role that no table has", add("roles/run.newcomer", "", "allAuthenticatedUsers"), []Code{PublicInvoker}},
		{"a role that does not let them invoke", add("roles/run.viewer", "", "allUsers"), nil},
		{"the rule keeps them", func(p *posture.Posture, want *policy.Wanted) {
			add(posture.RoleInvoker, "", "allUsers")(p, want)
			want.KeepInvokers = true
		}, nil},
		{"named invokers stay", add(posture.RoleInvoker, "", "user:bob@example.com", "domain:example.com"), nil},
	})
	check(t, invokerCheck, []row{
		{"the check is off", func(p *posture.Posture, _ *policy.Wanted) { p.Service.InvokerCheckOff = true },
			[]Code{InvokerCheckOff}},
		{"the check is off behind IAP at the service", func(p *posture.Posture, _ *policy.Wanted) {
			p.Service.InvokerCheckOff, p.Service.IAPOn = true, true
		}, nil},
		{"the check is off, and the ingress lets nobody in", func(p *posture.Posture, _ *policy.Wanted) {
			p.Service.InvokerCheckOff, p.Service.Ingress = true, posture.IngressNone
		}, nil},
		{"the check is off, and the rule keeps invokers", func(p *posture.Posture, want *policy.Wanted) {
			p.Service.InvokerCheckOff, want.KeepInvokers = true, true
		}, nil},
	})
}
