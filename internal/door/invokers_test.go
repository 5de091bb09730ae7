package door

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestInvokersAreListedWhereOnlyIAMGuardsADoor(t *testing.T) {
	const bob, robot = "user:bob@example.com", "serviceAccount:robot@demo-project.iam.gserviceaccount.com"
	open := func(p *posture.Posture) { p.Service.Ingress = posture.IngressAll } // for those that the invoker check lets in
	grant := func(policy *posture.Policy, condition, role string, members ...string) {
		policy.Bindings = append(policy.Bindings, posture.Binding{Role: role, Members: members, Condition: condition})
	}
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   []Named
	}{
		{"no door is kept by IAM alone", func(p *posture.Posture) { grant(&p.Invokers, "", posture.RoleInvoker, bob) }, nil},
		{"nobody but IAP's agent", open, nil},
		{"named members", func(p *posture.Posture) { open(p); grant(&p.Invokers, "", posture.RoleInvoker, bob, robot) },
			[]Named{{Member: bob}, {Member: robot}}},
		{"an administrator", func(p *posture.Posture) { open(p); grant(&p.Invokers, "", "roles/run.admin", bob) },
			[]Named{{Member: bob}}},
		{"under a condition", func(p *posture.Posture) { open(p); grant(&p.Invokers, "x", posture.RoleInvoker, bob) },
			[]Named{{Member: bob, Conditional: true}}},
		{"under a condition, and without", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "", posture.RoleInvoker, bob)
			grant(&p.Invokers, "x", posture.RoleInvoker, bob)
		}, []Named{{Member: bob}}},
		{"by two roles", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "", posture.RoleInvoker, bob)
			grant(&p.Invokers, "", "roles/run.admin", bob)
		}, []Named{{Member: bob}}},
		{"under a condition here, by the project without", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "x", posture.RoleInvoker, bob)
			grant(&p.Project, "", posture.RoleInvoker, bob)
		}, []Named{{Member: bob, Conditional: true}, {Member: bob, Inherited: true}}},
		{"by the project", func(p *posture.Posture) { open(p); grant(&p.Project, "", posture.RoleInvoker, bob) },
			[]Named{{Member: bob, Inherited: true}}},
		{"an owner of the project", func(p *posture.Posture) { open(p); grant(&p.Project, "", "roles/owner", bob) },
			[]Named{{Member: bob, Inherited: true}}},
		{"who was deleted", func(p *posture.Posture) {
			open(p)
			grant(&p.Invokers, "", posture.RoleInvoker, "deleted:"+bob+"?uid=1")
		}, nil},
		{"who may only look", func(p *posture.Posture) { open(p); grant(&p.Invokers, "", "roles/run.viewer", bob) }, nil},
	} {
		p := posturetest.Protected()
		tc.change(&p)
		got := NamedInvokers(p)
		if diff := cmp.Diff(tc.want, got.Named); diff != "" || got.LeftOff != 0 {
			t.Errorf("%s: %d left off (-want +got):\n%s", tc.name, got.LeftOff, diff)
		}
	}
}

func TestALongListOfInvokersIsCut(t *testing.T) {
	p := posturetest.Protected()
	p.Service.Ingress = posture.IngressAll
	var members []string
	for i := range maxNamed + 3 {
		members = append(members, fmt.Sprintf("user:%d@example.com", i))
	}
	p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: members}}
	if list := NamedInvokers(p); len(list.Named) != maxNamed || list.LeftOff != 3 {
		t.Errorf("%d listed and %d left off, want %d and 3", len(list.Named), list.LeftOff, maxNamed)
	}
}

func TestPublicInvokersExposeADoor(t *testing.T) {
	const signedIn = "any Google account may invoke it (allAuthenticatedUsers)"
	for _, tc := range []struct {
		name   string
		change func(*posture.Posture)
		want   Guard
		why    string
	}{
		{"everybody", func(p *posture.Posture) { p.Invokers.Bindings[0].Members = []string{"allUsers"} }, GuardOpen, ""},
		{"any Google account", func(p *posture.Posture) {
			p.Invokers.Bindings[0].Members = []string{"allAuthenticatedUsers"}
		}, GuardSignedIn, signedIn},
		{"both", func(p *posture.Posture) {
			p.Invokers.Bindings[0].Members = []string{"allAuthenticatedUsers", "allUsers"}
		}, GuardOpen, ""},
		{"any Google account, by the project", func(p *posture.Posture) {
			p.Project.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allAuthenticatedUsers"}}}
		}, GuardSignedIn, signedIn},
		{"the check is off", func(p *posture.Posture) {
			p.Invokers.Bindings[0].Members, p.Service.InvokerCheckOff = []string{"allAuthenticatedUsers"}, true
		}, GuardOpen, ""},
		{"under a condition", func(p *posture.Posture) {
			p.Invokers.Bindings[0] = posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}, Condition: "c"}
		}, GuardOpen, ""},
		{"in a role that invokes among other things", func(p *posture.Posture) {
			p.Invokers.Bindings[0] = posture.Binding{Role: "roles/run.developer", Members: []string{"allUsers"}}
		}, GuardOpen, ""},
		{"in a custom role", func(p *posture.Posture) {
			p.Roles = map[string]posture.Role{"projects/demo-project/roles/shop": {Invokes: true}}
			p.Invokers.Bindings[0] = posture.Binding{Role: "projects/demo-project/roles/shop", Members: []string{"allUsers"}}
		}, GuardOpen, ""},
		{"in a role that no table has", func(p *posture.Posture) {
			p.Invokers.Bindings[0] = posture.Binding{Role: "roles/run.newcomer", Members: []string{"allUsers"}}
		}, GuardOpen, ""},
		{"in a role that can write the policy", func(p *posture.Posture) {
			p.Invokers.Bindings[0] = posture.Binding{Role: "roles/iam.securityAdmin", Members: []string{"allUsers"}}
		}, GuardOpen, ""},
		{"nobody, as far as is known: the project's policy is unread",
			func(p *posture.Posture) { p.Project.Unread = "forbidden" }, GuardUnknown, "forbidden"},
		{"any account by the project, and the service's policy is unread", func(p *posture.Posture) {
			p.Project.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"domain:gmail.com"}}}
			p.Invokers = posture.Policy{Unread: "forbidden"}
		}, GuardSignedIn,
			"any Google account may invoke it (domain:gmail.com); whether everybody gets in is not known: forbidden"},
		{"everybody, and the project's policy is unread", func(p *posture.Posture) {
			p.Invokers.Bindings[0].Members, p.Project.Unread = []string{"allUsers"}, "forbidden"
		}, GuardOpen, ""},
		{"in a role that only reads", func(p *posture.Posture) {
			p.Invokers.Bindings[0] = posture.Binding{Role: "roles/run.viewer", Members: []string{"allUsers"}}
		}, GuardIAM, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := posturetest.Protected()
			p.Service.Ingress = posture.IngressAll
			p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker}}
			tc.change(&p)
			door := Of(p)[0]
			if door.Guard != tc.want || door.Why != tc.why {
				t.Errorf("%+v, want %s with %q", door, tc.want, tc.why)
			}
			if (Exposed(Of(p)) == Yes) != tc.want.Exposed() {
				t.Errorf("exposed %s at %s", Exposed(Of(p)), tc.want)
			}
		})
	}
}

func TestPublicAccessorsExposeADoorOfIAP(t *testing.T) {
	accessor := func(members ...string) posture.Policy {
		return posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleAccessor, Members: members}}}
	}
	const everybody, signedIn = "IAP lets everybody in (allUsers)", "IAP lets any Google account in " +
		"(allAuthenticatedUsers)"
	direct := func(p *posture.Posture) { p.Service.Ingress = posture.IngressAll; posturetest.DirectIAP(p, nil) }
	for _, tc := range []struct {
		name             string
		change           func(*posture.Posture)
		runApp, balancer Guard
		why              string // of the load balancer's door
	}{
		{"everybody at the backend service", func(p *posture.Posture) {
			p.Backends[0].Access = accessor(posturetest.Alice, "allUsers")
		}, GuardIngress, GuardOpen, everybody},
		{"any Google account at the backend service", func(p *posture.Posture) {
			p.Backends[0].Access = accessor(posturetest.Alice, "allAuthenticatedUsers")
		}, GuardIngress, GuardSignedIn, signedIn},
		{"everybody at all backend services", func(p *posture.Posture) {
			p.Backends[0].Inherited = []posture.Policy{accessor("allUsers"), {}}
		}, GuardIngress, GuardOpen, everybody},
		{"any Google account at all of IAP", func(p *posture.Posture) {
			p.Backends[0].Inherited = []posture.Policy{{}, accessor("allAuthenticatedUsers")}
		}, GuardIngress, GuardSignedIn, signedIn},
		{"everybody at the project", func(p *posture.Posture) { p.Project = accessor("allUsers") }, GuardIngress,
			GuardOpen, everybody},
		{"both, at two places", func(p *posture.Posture) {
			p.Backends[0].Access, p.Project = accessor("allAuthenticatedUsers"), accessor("allUsers")
		}, GuardIngress, GuardOpen, everybody},
		{"under a condition", func(p *posture.Posture) {
			p.Backends[0].Access = accessor("allUsers")
			p.Backends[0].Access.Bindings[0].Condition = "c"
		}, GuardIngress, GuardOpen, everybody},
		{"until a time that has passed", func(p *posture.Posture) {
			p.Backends[0].Access = accessor("allUsers")
			p.Backends[0].Access.Bindings[0].Condition = `request.time < timestamp("2020-01-01T00:00:00Z")`
			p.ObservedAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		}, GuardIngress, GuardIAP, ""},
		{"everybody at Gmail", func(p *posture.Posture) { p.Backends[0].Access = accessor("domain:gmail.com") },
			GuardIngress, GuardSignedIn, "IAP lets any Google account in (domain:gmail.com)"},
		{"a group that outsiders may join", func(p *posture.Posture) {
			p.Trust.Domains, p.Backends[0].Access = []string{"example.com"}, accessor("group:all@googlegroups.com")
		}, GuardIngress, GuardSignedIn, "IAP lets everybody who joins it in (group:all@googlegroups.com); where outsiders " +
			"cannot join, name it under access.trusted"},
		{"such a group, which the policy trusts", func(p *posture.Posture) {
			p.Trust = posture.Trust{Domains: []string{"example.com"}, Members: []string{"group:all@googlegroups.com"}}
			p.Backends[0].Access = accessor("group:all@googlegroups.com")
		}, GuardIngress, GuardIAP, ""},
		{"everybody, where Identity Platform signs in", func(p *posture.Posture) {
			p.Backends[0].Access, p.Backends[0].Settings = accessor("allUsers"), posture.IAPSettings{Tenants: []string{"_1"}}
		}, GuardIngress, GuardOpen, everybody},
		{"who can sign in was not read", func(p *posture.Posture) {
			p.Backends[0].Settings = posture.IAPSettings{Unread: "denied"}
		}, GuardIngress, GuardUnknown, "denied"},
		{"who has access was not read", func(p *posture.Posture) {
			p.Backends[0].Access = posture.Policy{Unread: "denied"}
		}, GuardIngress, GuardUnknown, "denied"},
		{"who has access above was not read", func(p *posture.Posture) {
			p.Backends[0].Inherited = []posture.Policy{{}, {Unread: "denied"}}
		}, GuardIngress, GuardUnknown, "denied"},
		{"everybody, and the rest was not read", func(p *posture.Posture) {
			p.Backends[0].Access = accessor("allUsers")
			p.Backends[0].Inherited = []posture.Policy{{}, {Unread: "denied"}}
		}, GuardIngress, GuardOpen, everybody},
		{"in a custom role", func(p *posture.Posture) {
			p.Roles = map[string]posture.Role{"organizations/1/roles/in": {PassesIAP: true}}
			p.Backends[0].Access.Bindings[0] = posture.Binding{Role: "organizations/1/roles/in", Members: []string{"allUsers"}}
		}, GuardIngress, GuardOpen, everybody},
		{"in a role that does not pass IAP", func(p *posture.Posture) {
			p.Backends[0].Access.Bindings[0] = posture.Binding{Role: "roles/iap.viewer", Members: []string{"allUsers"}}
		}, GuardIngress, GuardIAP, ""},
		{"everybody at the service itself", func(p *posture.Posture) {
			direct(p)
			p.DirectAccess = accessor("allUsers")
		}, GuardOpen, GuardOpen, everybody},
		{"any Google account at all services of the region", func(p *posture.Posture) {
			direct(p)
			p.DirectInherited = []posture.Policy{accessor("allAuthenticatedUsers"), {}}
		}, GuardSignedIn, GuardSignedIn, signedIn},
		{"everybody where IAP is off", func(p *posture.Posture) {
			p.DirectAccess, p.Backends[0].Access, p.Backends[0].IAPOn = accessor("allUsers"), accessor("allUsers"), false
		}, GuardIngress, GuardIAM, ""},
		{"everybody at one of two IAPs in a row", func(p *posture.Posture) {
			p.Service.IAPOn, p.Backends[0].Access = true, accessor("allUsers")
		}, GuardIngress, GuardIAP, twoIAPs},
		{"everybody, and the ingress closes", func(p *posture.Posture) {
			p.Service.Ingress, p.Backends[0].Access = posture.IngressInternal, accessor("allUsers")
		}, GuardIngress, GuardIngress, ""},
		{"nobody, as far as is known: the project's policy is unread",
			func(p *posture.Posture) { p.Project.Unread = "forbidden" }, GuardIngress, GuardUnknown, "forbidden"},
		{"any account, and a policy above is unread", func(p *posture.Posture) {
			p.Backends[0].Access = accessor("allAuthenticatedUsers")
			p.Backends[0].Inherited = []posture.Policy{{Unread: "forbidden"}}
		}, GuardIngress, GuardSignedIn,
			"IAP lets any Google account in (allAuthenticatedUsers); whether everybody gets in is not known: forbidden"},
		{"everybody at a frontend that was not read", func(p *posture.Posture) {
			p.Backends[0].Frontends[0].Unread, p.Backends[0].Access = "forbidden", accessor("allUsers")
		}, GuardIngress, GuardUnknown, "forbidden"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := posturetest.Protected()
			tc.change(&p)
			doors := Of(p)
			got := []Guard{doors[0].Guard, doors[1].Guard}
			if diff := cmp.Diff([]Guard{tc.runApp, tc.balancer}, got); diff != "" || doors[1].Why != tc.why {
				t.Errorf("why %q, want %q; guards (-want +got):\n%s", doors[1].Why, tc.why, diff)
			}
		})
	}
}

func TestEveryRoleIsKnownOnce(t *testing.T) {
	for _, role := range invokingRoles {
		if slices.Contains(harmlessRoles, role) {
			t.Errorf("%s stands in both tables", role)
		}
	}
	for role, want := range map[string]Knowledge{
		"roles/run.servicesInvoker": Yes, "roles/editor": Yes, "roles/viewer": No, posture.RoleAccessor: No,
		"roles/run.sshReader": Unknown, "projects/p/roles/r": Unknown, "organizations/1/roles/r": Unknown, "": Unknown,
	} {
		if got := RoleInvokes(posture.Posture{}, role); got != want {
			t.Errorf("RoleInvokes(%q) = %s, want %s", role, got, want)
		}
	}
}
