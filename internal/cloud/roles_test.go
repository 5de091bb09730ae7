package cloud_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// role makes a custom role of the project, with permissions, and gives it to members of
// the service's policy.
func (l local) role(id, permission string) {
	l.t.Helper()
	l.owner(http.MethodPost, "/v1/projects/demo-project/roles",
		`{"roleId":"`+id+`","role":{"title":"`+id+`","includedPermissions":["`+permission+`"]}}`)
}

// owner makes a call as the project's owner.
func (l local) owner(method, path, body string) {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), method, l.URL()+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		l.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		l.t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}

// invokers replaces the service's policy: member I has the custom role I.
func (l local) invokers(members ...string) {
	l.t.Helper()
	var bindings []string
	for i, member := range members {
		bindings = append(bindings, fmt.Sprintf(`{"role":"projects/demo-project/roles/role%d","members":[%q]}`, i, member))
	}
	l.owner(http.MethodPost, "/v2/"+hello.Name()+":setIamPolicy",
		`{"policy":{"bindings":[`+strings.Join(bindings, ",")+`]}}`)
}

// roleReads counts the reads of custom roles of one look.
func (l local) roleReads(clients *cloud.Cloud) (posture.Posture, int) {
	l.t.Helper()
	before := l.countOf("iam.projects.roles.get")
	p, err := clients.Observe(l.t.Context(), hello)
	if err != nil {
		l.t.Fatal(err)
	}
	return p, l.countOf("iam.projects.roles.get") - before
}

func (l local) countOf(method string) (count int) {
	for _, one := range l.everyCall() {
		if one.Method == method {
			count++
		}
	}
	return count
}

func TestCustomRolesAreReadWhereTheyDecide(t *testing.T) {
	const bob, robot = "user:bob@example.com", "serviceAccount:robot@other.iam.gserviceaccount.com"
	l := start(t)
	for i := range 2 {
		l.role(fmt.Sprintf("role%d", i), []string{"run.routes.invoke", "run.services.get"}[i])
	}
	clients := l.clients()
	for _, tc := range []struct {
		name    string
		members []string
		looks   []int // reads of roles in one look after the other
	}{
		{"nobody has one", nil, []int{0}},
		{"a service account has one", []string{robot}, []int{0}},
		{"people have them", []string{bob, bob}, []int{2, 0}},
		{"what is kept does not count for the public", []string{bob, "allUsers"}, []int{1, 1}},
	} {
		l.invokers(tc.members...)
		for i, want := range tc.looks {
			if _, reads := l.roleReads(clients); reads != want {
				t.Errorf("%s, look %d: %d roles read, want %d", tc.name, i+1, reads, want)
			}
		}
	}
	p, _ := l.roleReads(clients)
	want := map[string]posture.Role{"projects/demo-project/roles/role0": {Invokes: true}, "projects/demo-project/roles/role1": {}}
	if diff := cmp.Diff(want, p.Roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

func TestAChangeOfACustomRoleIsSeenAtOnce(t *testing.T) {
	const role = "projects/demo-project/roles/role0"
	l := start(t)
	l.role("role0", "run.services.get")
	l.invokers("group:team@example.com")
	clients := l.clients()
	look := func() posture.Role {
		p, _ := l.roleReads(clients)
		return p.Roles[role]
	}
	before := look()
	l.owner(http.MethodPatch, "/v1/"+role+"?updateMask=includedPermissions", `{"includedPermissions":["run.routes.invoke"]}`)
	kept := look()
	clients.Refresh(event.Cause{Kind: event.RoleChanged, Resource: role}, posture.Target{})
	if after := look(); before.Invokes || kept.Invokes || !after.Invokes {
		t.Errorf("invokes: %t, then kept %t, then %t; want it from the event on", before.Invokes, kept.Invokes, after.Invokes)
	}
	l.owner(http.MethodDelete, "/v1/"+role, "")
	clients.Refresh(event.Cause{Kind: event.RoleChanged, Resource: role}, posture.Target{})
	if after := look(); after != (posture.Role{}) {
		t.Errorf("a deleted role is %+v, want that it contains nothing", after)
	}
}

func TestRolesAboveTheBoundAreNotRead(t *testing.T) {
	l := start(t)
	var members []string
	for i := range 23 {
		l.role(fmt.Sprintf("role%d", i), "run.services.get")
		members = append(members, "user:bob@example.com")
	}
	members[22] = "allUsers"
	l.invokers(members...)
	p, reads := l.roleReads(l.clients())
	unread := 0
	for _, role := range p.Roles {
		if role.Unread != "" {
			unread++
		}
	}
	if public := p.Roles["projects/demo-project/roles/role22"]; reads != 20 || unread != 3 || public.Unread != "" {
		t.Errorf("%d roles read, %d not, that of everybody %+v; want 20, 3, and it among the read", reads, unread, public)
	}
	if len(p.Unread) != 1 || p.Unread[0].Resource != "projects/demo-project/roles" {
		t.Errorf("unread: %+v, want the roles once", p.Unread)
	}
}
