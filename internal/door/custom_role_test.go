package door

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

const visitors = "projects/demo-project/roles/visitors"

func TestACustomRoleCountsByWhatItContains(t *testing.T) {
	grant := func(role, member string) posture.Policy {
		return posture.Policy{Bindings: []posture.Binding{{Role: role, Members: []string{member}}}}
	}
	for _, tc := range []struct {
		name  string
		role  *posture.Role // nil = not among those that were looked for
		guard Guard
		why   string
	}{
		{"invokes", &posture.Role{Invokes: true}, GuardOpen, ""},
		{"invokes instances", &posture.Role{InvokesInstances: true}, GuardIAM, ""},
		{"administers", &posture.Role{Administers: true}, GuardOpen, ""},
		{"passes IAP", &posture.Role{PassesIAP: true}, GuardIAM, ""},
		{"contains nothing", &posture.Role{}, GuardIAM, ""},
		{"is not read", &posture.Role{Unread: "denied"}, GuardUnknown, "denied"},
		{"is not looked for", nil, GuardUnknown, "what the custom role " + visitors + " contains is not read"},
	} {
		p := posturetest.Protected()
		p.Service.Ingress, p.Invokers = posture.IngressAll, grant(visitors, allUsers)
		p.Roles = map[string]posture.Role{}
		if tc.role != nil {
			p.Roles[visitors] = *tc.role
		}
		want := Door{Kind: DefaultURL, Address: OwnDoors(p)[0].Address, Via: p.Target.Name(), Guard: tc.guard, Why: tc.why}
		if diff := cmp.Diff(want, OwnDoors(p)[0]); diff != "" {
			t.Errorf("a role that %s, for everybody (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestACustomRolePassesIAPByWhatItContains(t *testing.T) {
	for _, tc := range []struct {
		name   string
		role   posture.Role
		member string
		guard  Guard
		named  []Named
	}{
		{"passes", posture.Role{PassesIAP: true}, allUsers, GuardOpen, []Named{{Member: allUsers}}},
		{"passes", posture.Role{PassesIAP: true}, "user:bob@example.com", GuardIAP, []Named{{Member: "user:bob@example.com"}}},
		{"invokes", posture.Role{Invokes: true}, allUsers, GuardIAP, nil},
		{"invokes", posture.Role{Invokes: true}, "user:bob@example.com", GuardIAP, nil},
		{"is not read", posture.Role{Unread: "denied"}, allUsers, GuardUnknown, nil},
		{"is not read", posture.Role{Unread: "denied"}, "user:bob@example.com", GuardIAP, nil},
	} {
		p := posturetest.Protected()
		p.Backends[0].Access = posture.Policy{Bindings: []posture.Binding{{Role: visitors, Members: []string{tc.member}}}}
		p.Roles = map[string]posture.Role{visitors: tc.role}
		doors := Of(p)
		if got := doors[len(doors)-1].Guard; got != tc.guard {
			t.Errorf("a role that %s, for %s: guard %s, want %s", tc.name, tc.member, got, tc.guard)
		}
		named := NamedAccessors(p)
		if atLeast := tc.role.Unread != "" || tc.member == allUsers && tc.named != nil; named.AtLeast != atLeast {
			t.Errorf("a role that %s, for %s: at least %t, want %t", tc.name, tc.member, named.AtLeast, atLeast)
		}
		if diff := cmp.Diff(tc.named, named.Named); diff != "" {
			t.Errorf("a role that %s, for %s: accessors (-want +got):\n%s", tc.name, tc.member, diff)
		}
	}
}

func TestTheAgentInvokesByACustomRoleOfTheProject(t *testing.T) {
	p := posturetest.Protected()
	p.Invokers = posture.Policy{}
	p.Project = posture.Policy{Bindings: []posture.Binding{{Role: visitors, Members: []string{p.Agent()}}}}
	for _, tc := range []struct {
		role          posture.Role
		known, mayYet bool
	}{
		{posture.Role{Invokes: true}, true, true}, {posture.Role{Unread: "denied"}, false, true}, {posture.Role{}, false, false},
	} {
		p.Roles = map[string]posture.Role{visitors: tc.role}
		if InheritsInvoker(p) != tc.known || agentMayInvoke(p) != tc.mayYet {
			t.Errorf("%+v: inherits %t, may invoke %t", tc.role, InheritsInvoker(p), agentMayInvoke(p))
		}
	}
}
