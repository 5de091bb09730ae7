package door

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestAListThatMayLackSomebodyIsALowerBound(t *testing.T) {
	const alice, robot, unread = "user:alice@example.com", "serviceAccount:robot@a.iam.gserviceaccount.com", "denied"
	const pool = "principal://iam.googleapis.com/locations/global/workforcePools/a/"
	give := func(policy *posture.Policy, role, condition, member string) {
		binding := posture.Binding{Role: role, Condition: condition, Members: []string{member}}
		policy.Bindings = append(policy.Bindings, binding)
	}
	access := func(p *posture.Posture) *posture.Policy { return &p.Backends[0].Access }
	for _, tc := range []struct {
		name                string
		change              func(*posture.Posture)
		accessors, invokers bool
	}{
		{"everything is read, and everybody is named", func(p *posture.Posture) {
			give(access(p), posture.RoleAccessor, "", alice)
			give(&p.Invokers, posture.RoleInvoker, "", robot)
		}, false, false},
		{"a group has access", func(p *posture.Posture) { give(access(p), posture.RoleAccessor, "", "group:a@example.com") },
			true, false},
		{"a domain invokes", func(p *posture.Posture) { give(&p.Invokers, posture.RoleInvoker, "", "domain:example.com") },
			false, true},
		{"a pool has access", func(p *posture.Posture) {
			give(access(p), posture.RoleAccessor, "", "principalSet"+pool[len("principal"):]+"*")
		}, true, false},
		{"one of a pool has access", func(p *posture.Posture) {
			give(access(p), posture.RoleAccessor, "", pool+"subject/b")
		}, false, false},
		{"a condition depends on the request", func(p *posture.Posture) {
			give(access(p), posture.RoleAccessor, `request.path == "/a"`, alice)
			give(&p.Invokers, posture.RoleInvoker, `request.path == "/a"`, alice)
		}, true, true},
		{"a condition has expired", func(p *posture.Posture) {
			give(access(p), posture.RoleAccessor, `request.time < timestamp("2020-01-01T00:00:00Z")`, alice)
		}, false, false},
		{"a group has another role", func(p *posture.Posture) {
			give(&p.Project, "roles/viewer", "", "group:a@example.com")
			give(&p.Project, "roles/storage.admin", "", "group:a@example.com")
		}, false, false},
		{"a custom role of an account is not read", func(p *posture.Posture) {
			give(&p.Project, "projects/demo-project/roles/a", "", robot)
		}, true, true},
		{"a custom role of IAP's agent alone is not read",
			func(p *posture.Posture) { give(&p.Invokers, "projects/demo-project/roles/a", "", p.Agent()) }, false, false},
		{"the policy of the service is not read", func(p *posture.Posture) { p.Invokers.Unread = unread }, false, true},
		{"the policy of the backend service is not read",
			func(p *posture.Posture) { access(p).Unread = unread }, true, false},
		{"an inherited policy of IAP's is not read", func(p *posture.Posture) {
			p.Backends[0].Inherited = []posture.Policy{{Unread: unread}}
		}, true, false},
		{"the policy of the organization is not read", func(p *posture.Posture) {
			p.Above = []posture.AccessPolicy{{Resource: "organizations/9", Policy: posture.Policy{Unread: unread}}}
		}, true, true},
		{"what is above is not known", func(p *posture.Posture) { p.Ancestors.Unread = unread }, true, true},
		{"settings are not read", func(p *posture.Posture) { p.Backends[0].Settings.Unread = unread }, true, false},
		{"settings above are not read",
			func(p *posture.Posture) { p.Backends[0].Settings.UnreadAbove = unread }, true, false},
		{"Identity Platform signs in", func(p *posture.Posture) { p.Backends[0].Settings.LoginPage = "https://a.example" },
			true, false},
		{"settings of an IAP that is off are not read", func(p *posture.Posture) { p.DirectSettings.Unread = unread },
			false, false},
	} {
		p := posturetest.Protected()
		p.Service.Ingress, p.ObservedAt = posture.IngressAll, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
		*access(&p) = posture.Policy{}
		tc.change(&p)
		if got := NamedAccessors(p).AtLeast; got != tc.accessors {
			t.Errorf("%s: accessors are a lower bound: %t, want %t", tc.name, got, tc.accessors)
		}
		if got := NamedInvokers(p).AtLeast; got != tc.invokers {
			t.Errorf("%s: invokers are a lower bound: %t, want %t", tc.name, got, tc.invokers)
		}
	}
}
