package door

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAnInstanceHasTheGuardsOfItsSettings(t *testing.T) {
	const url = "https://hello-123456789012.us-central1.run.app"
	grant := func(role string, members ...string) posture.Policy {
		return posture.Policy{Bindings: []posture.Binding{{Role: role, Members: members}}}
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   Guard
		why    string
	}{
		{"nobody is an invoker", func(*posture.Posture) {}, GuardIAM, ""},
		{"everybody is", func(p *posture.Posture) { p.Invokers = grant(posture.RoleInvoker, "allUsers") }, GuardOpen, ""},
		{"in a role for services alone", func(p *posture.Posture) { p.Invokers = grant(servicesInvoker, "allUsers") }, GuardIAM, ""},
		{"in a role that nobody knows", func(p *posture.Posture) { p.Invokers = grant("roles/run.newcomer", "allUsers") },
			GuardOpen, ""},
		{"in a custom role for services alone", func(p *posture.Posture) {
			p.Invokers, p.Roles = grant("projects/p/roles/r", "allUsers"), map[string]posture.Role{"projects/p/roles/r": {Invokes: true}}
		}, GuardIAM, ""},
		{"in a custom role for instances", func(p *posture.Posture) {
			p.Invokers = grant("projects/p/roles/r", "allUsers")
			p.Roles = map[string]posture.Role{"projects/p/roles/r": {InvokesInstances: true}}
		}, GuardOpen, ""},
		{"the check is off", func(p *posture.Posture) { p.Service.InvokerCheckOff = true }, GuardOpen, ""},
		{"its ingress", func(p *posture.Posture) { p.Service.InvokerCheckOff, p.Service.Ingress = true, posture.IngressInternal },
			GuardIngress, ""},
		{"its URL is off", func(p *posture.Posture) { p.Service.InvokerCheckOff, p.Service.DefaultURLDisabled = true, true },
			GuardClosed, ""},
		{"IAP", func(p *posture.Posture) { p.Service.IAPOn = true }, GuardIAP, ""},
		{"IAP lets everybody in, in the region", func(p *posture.Posture) {
			p.Service.IAPOn, p.DirectAccess = true, grant(posture.RoleAccessor, "allUsers")
		}, GuardOpen, "IAP lets everybody in (allUsers)"},
		{"it is unread", func(p *posture.Posture) { p.ServiceUnread = "403" }, GuardUnknown, "403"},
		{"its policy is unread", func(p *posture.Posture) { p.Invokers.Unread = "403" }, GuardUnknown, "403"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target := posturetest.Hello
			target.Instance = true
			p := posture.Posture{Target: target, ProjectNumber: posturetest.Number, DirectInherited: make([]posture.Policy, 1),
				Service: posture.Service{Ingress: posture.IngressAll, URLs: []string{url}}}
			tc.change(&p)
			want := []Door{{Kind: DefaultURL, Address: url, Via: "projects/demo-project/locations/us-central1/instances/hello",
				Guard: tc.want, Why: tc.why}}
			if diff := cmp.Diff(want, Of(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
