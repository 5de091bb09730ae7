package door

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestWhoMayInvokeIsToldWhereOnlyThatKeepsADoor(t *testing.T) {
	const bob, robot = "user:bob@example.com", "serviceAccount:robot@demo-project.iam.gserviceaccount.com"
	open := func(p *posture.Posture) { p.Service.Ingress = posture.IngressAll } // to whom the invoker check lets in
	grant := func(policy *posture.Policy, condition, role string, members ...string) {
		policy.Bindings = append(policy.Bindings, posture.Binding{Role: role, Members: members, Condition: condition})
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []Invoker
	}{
		{"no door is kept by IAM alone", func(p *posture.Posture) { grant(&p.Invokers, "", posture.RoleInvoker, bob) }, nil},
		{"nobody but IAP's agent", open, nil},
		{"named members", func(p *posture.Posture) { open(p); grant(&p.Invokers, "", posture.RoleInvoker, bob, robot) }, []Invoker{{Member: bob}, {Member: robot}}},
		{"an administrator", func(p *posture.Posture) { open(p); grant(&p.Invokers, "", "roles/run.admin", bob) }, []Invoker{{Member: bob}}},
		{"under a condition", func(p *posture.Posture) { open(p); grant(&p.Invokers, "x", posture.RoleInvoker, bob) }, []Invoker{{Member: bob, Conditional: true}}},
		{"under a condition, and without", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "", posture.RoleInvoker, bob)
			grant(&p.Invokers, "x", posture.RoleInvoker, bob)
		}, []Invoker{{Member: bob}}},
		{"by two roles", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "", posture.RoleInvoker, bob)
			grant(&p.Invokers, "", "roles/run.admin", bob)
		}, []Invoker{{Member: bob}}},
		{"under a condition here, by the project without", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "x", posture.RoleInvoker, bob)
			grant(&p.Project, "", posture.RoleInvoker, bob)
		}, []Invoker{{Member: bob, Conditional: true}, {Member: bob, Inherited: true}}},
		{"by the project", func(p *posture.Posture) { open(p); grant(&p.Project, "", posture.RoleInvoker, bob) }, []Invoker{{Member: bob, Inherited: true}}},
		{"an owner of the project", func(p *posture.Posture) { open(p); grant(&p.Project, "", "roles/owner", bob) }, []Invoker{{Member: bob, Inherited: true}}},
		{"who was deleted", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "", posture.RoleInvoker, "deleted:"+bob+"?uid=1")
		}, nil},
		{"who may only look", func(p *posture.Posture) { open(p); grant(&p.Invokers, "", "roles/run.viewer", bob) }, nil},
	} {
		p := posturetest.Protected()
		tc.change(&p)
		got, leftOff := NamedInvokers(p)
		if diff := cmp.Diff(tc.want, got); diff != "" || leftOff != 0 {
			t.Errorf("%s: %d left off (-want +got):\n%s", tc.name, leftOff, diff)
		}
	}
}

func TestALongListOfInvokersIsCut(t *testing.T) {
	p := posturetest.Protected()
	p.Service.Ingress = posture.IngressAll
	var members []string
	for i := range MaxInvokers + 3 {
		members = append(members, fmt.Sprintf("user:%d@example.com", i))
	}
	p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: members}}
	if told, leftOff := NamedInvokers(p); len(told) != MaxInvokers || leftOff != 3 {
		t.Errorf("%d told and %d left off, want %d and 3", len(told), leftOff, MaxInvokers)
	}
}

func TestADoorThatIsOpenToWhoeverSignedInSaysSo(t *testing.T) {
	const signedIn = "whoever has any Google account may invoke it (allAuthenticatedUsers)"
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   string
	}{
		{"everybody", func(p *posture.Posture) { p.Invokers.Bindings[0].Members = []string{"allUsers"} }, ""},
		{"whoever signed in", func(p *posture.Posture) { p.Invokers.Bindings[0].Members = []string{"allAuthenticatedUsers"} }, signedIn},
		{"both", func(p *posture.Posture) {
			p.Invokers.Bindings[0].Members = []string{"allAuthenticatedUsers", "allUsers"}
		}, ""},
		{"whoever signed in, by the project", func(p *posture.Posture) {
			p.Project.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allAuthenticatedUsers"}}}
		}, signedIn},
		{"nobody is asked at all", func(p *posture.Posture) {
			p.Invokers.Bindings[0].Members, p.Service.InvokerCheckOff = []string{"allAuthenticatedUsers"}, true
		}, ""},
	} {
		p := posturetest.Protected()
		p.Service.Ingress = posture.IngressAll
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker}}
		tc.change(&p)
		if door := Of(p)[0]; door.Guard != GuardOpen || door.Why != tc.want {
			t.Errorf("%s: %+v, want an open door with %q", tc.name, door, tc.want)
		}
	}
}
