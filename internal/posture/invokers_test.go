package posture

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhoMayInvokeIsToldWhereOnlyThatKeepsADoor(t *testing.T) {
	const bob, robot = "user:bob@example.com", "serviceAccount:robot@demo-project.iam.gserviceaccount.com"
	open := func(p *Posture) { p.Service.Ingress = IngressAll } // to whom the invoker check lets in
	grant := func(policy *Policy, condition, role string, members ...string) {
		policy.Bindings = append(policy.Bindings, Binding{Role: role, Members: members, Condition: condition})
	}
	for _, tc := range []struct {
		name   string
		change func(*Posture)
		want   []Invoker
	}{
		{"no door is kept by IAM alone", func(p *Posture) { grant(&p.Invokers, "", RoleInvoker, bob) }, nil},
		{"nobody but IAP's agent", open, nil},
		{"named members", func(p *Posture) { open(p); grant(&p.Invokers, "", RoleInvoker, bob, robot) }, []Invoker{{Member: bob}, {Member: robot}}},
		{"an administrator", func(p *Posture) { open(p); grant(&p.Invokers, "", "roles/run.admin", bob) }, []Invoker{{Member: bob}}},
		{"under a condition", func(p *Posture) { open(p); grant(&p.Invokers, "x", RoleInvoker, bob) }, []Invoker{{Member: bob, Conditional: true}}},
		{"under a condition, and without", func(p *Posture) {
			open(p)
			grant(&p.Invokers, "", RoleInvoker, bob)
			grant(&p.Invokers, "x", RoleInvoker, bob)
		}, []Invoker{{Member: bob}}},
		{"by two roles", func(p *Posture) {
			open(p)
			grant(&p.Invokers, "", RoleInvoker, bob)
			grant(&p.Invokers, "", "roles/run.admin", bob)
		}, []Invoker{{Member: bob}}},
		{"under a condition here, by the project without", func(p *Posture) {
			open(p)
			grant(&p.Invokers, "x", RoleInvoker, bob)
			grant(&p.Project, "", RoleInvoker, bob)
		}, []Invoker{{Member: bob, Conditional: true}, {Member: bob, Inherited: true}}},
		{"by the project", func(p *Posture) { open(p); grant(&p.Project, "", RoleInvoker, bob) }, []Invoker{{Member: bob, Inherited: true}}},
		{"an owner of the project", func(p *Posture) { open(p); grant(&p.Project, "", "roles/owner", bob) }, []Invoker{{Member: bob, Inherited: true}}},
		{"who was deleted", func(p *Posture) { open(p); grant(&p.Invokers, "", RoleInvoker, "deleted:"+bob+"?uid=1") }, nil},
		{"who may only look", func(p *Posture) { open(p); grant(&p.Invokers, "", "roles/run.viewer", bob) }, nil},
	} {
		p := protected()
		tc.change(&p)
		got, leftOff := p.NamedInvokers()
		if diff := cmp.Diff(tc.want, got); diff != "" || leftOff != 0 {
			t.Errorf("%s: %d left off (-want +got):\n%s", tc.name, leftOff, diff)
		}
	}
}

func TestALongListOfInvokersIsCut(t *testing.T) {
	p := protected()
	p.Service.Ingress = IngressAll
	var members []string
	for i := range MaxInvokers + 3 {
		members = append(members, fmt.Sprintf("user:%d@example.com", i))
	}
	p.Invokers.Bindings = []Binding{{Role: RoleInvoker, Members: members}}
	if told, leftOff := p.NamedInvokers(); len(told) != MaxInvokers || leftOff != 3 {
		t.Errorf("%d told and %d left off, want %d and 3", len(told), leftOff, MaxInvokers)
	}
}

func TestADoorThatIsOpenToWhoeverSignedInSaysSo(t *testing.T) {
	const signedIn = "whoever has any Google account may invoke it (allAuthenticatedUsers)"
	for _, tc := range []struct {
		name   string
		change func(*Posture)
		want   string
	}{
		{"everybody", func(p *Posture) { p.Invokers.Bindings[0].Members = []string{"allUsers"} }, ""},
		{"whoever signed in", func(p *Posture) { p.Invokers.Bindings[0].Members = []string{"allAuthenticatedUsers"} }, signedIn},
		{"both", func(p *Posture) { p.Invokers.Bindings[0].Members = []string{"allAuthenticatedUsers", "allUsers"} }, ""},
		{"whoever signed in, by the project", func(p *Posture) {
			p.Project.Bindings = []Binding{{Role: RoleInvoker, Members: []string{"allAuthenticatedUsers"}}}
		}, signedIn},
		{"nobody is asked at all", func(p *Posture) {
			p.Invokers.Bindings[0].Members, p.Service.InvokerCheckOff = []string{"allAuthenticatedUsers"}, true
		}, ""},
	} {
		p := protected()
		p.Service.Ingress = IngressAll
		p.Invokers.Bindings = []Binding{{Role: RoleInvoker}}
		tc.change(&p)
		if door := p.Doors()[0]; door.Guard != GuardOpen || door.Why != tc.want {
			t.Errorf("%s: %+v, want an open door with %q", tc.name, door, tc.want)
		}
	}
}
