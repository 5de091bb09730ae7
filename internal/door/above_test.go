package door

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestPoliciesAboveTheProjectCount(t *testing.T) {
	const bob, gmail, folder = "user:bob@example.com", "domain:gmail.com", "folders/1"
	grant := func(role string, members ...string) []posture.AccessPolicy {
		policy := posture.Policy{Bindings: []posture.Binding{{Role: role, Members: members}}}
		return []posture.AccessPolicy{{Resource: folder, Policy: policy}, {Resource: "organizations/9"}}
	}
	unread := []posture.AccessPolicy{{Resource: folder}, {Resource: "organizations/9", Policy: posture.Policy{Unread: "denied"}}}
	trust := posture.Trust{Domains: []string{"example.com"}}
	for _, tc := range []struct {
		name           string
		above          []posture.AccessPolicy
		trust          posture.Trust
		own, balancer  Guard
		invokers, pass []Named
	}{
		{"nothing", grant("roles/viewer", gmail), trust, GuardIAM, GuardIAP, nil, nil},
		{"a named invoker", grant(posture.RoleInvoker, bob), trust, GuardIAM, GuardIAP, []Named{{bob, false, true}}, nil},
		{"a named accessor", grant(posture.RoleAccessor, bob), trust, GuardIAM, GuardIAP, nil, []Named{{bob, false, true}}},
		{"a wide invoker", grant(posture.RoleInvoker, gmail), posture.Trust{}, GuardSignedIn, GuardIAP, nil, nil},
		{"a wide accessor", grant(posture.RoleAccessor, gmail), posture.Trust{}, GuardIAM, GuardSignedIn, nil,
			[]Named{{gmail, false, true}}},
		{"a group that outsiders can join", grant(posture.RoleInvoker, "group:all@evil.example"), trust,
			GuardSignedIn, GuardIAP, nil, nil},
		{"not read", unread, posture.Trust{}, GuardUnknown, GuardUnknown, nil, nil},
		{"not read, where outsiders count", unread, trust, GuardUnknown, GuardUnknown, nil, nil},
	} {
		p := posturetest.Protected()
		p.Service.Ingress, p.Above, p.Trust = posture.IngressAll, tc.above, tc.trust
		p.Invokers = posture.Policy{}
		p.Backends[0].Access = posture.Policy{}
		doors := Of(p)
		got := []Guard{doors[0].Guard, doors[len(doors)-1].Guard}
		if diff := cmp.Diff([]Guard{tc.own, tc.balancer}, got); diff != "" {
			t.Errorf("%s: guards of the service and the load balancer (-want +got):\n%s", tc.name, diff)
		}
		listed := [][]Named{NamedInvokers(p).Named, NamedAccessors(p).Named}
		if diff := cmp.Diff([][]Named{tc.invokers, tc.pass}, listed); diff != "" {
			t.Errorf("%s: invokers and accessors (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestTheAgentInvokesByAPolicyAbove(t *testing.T) {
	p := posturetest.Protected()
	p.Invokers = posture.Policy{}
	p.Above = []posture.AccessPolicy{{Resource: "folders/1"}, {Resource: "organizations/9", Policy: posture.Policy{
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{p.Agent()}}}}}}
	if at, found := InheritedInvoker(p); !found || at.Resource != "organizations/9" {
		t.Errorf("inherited from %q, %t; want from the organization", at.Resource, found)
	}
}
