package cloud_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestPoliciesAboveAreReadOnceForFiveMinutes(t *testing.T) {
	l := start(t)
	l.owner(http.MethodPost, "/v3/folders", `{"parent":"organizations/987654321098","displayName":"shops"}`)
	l.owner(http.MethodPost, "/v3/projects/demo-project:move", `{"destinationParent":"folders/410000000001"}`)
	l.owner(http.MethodPost, "/v3/folders/410000000001:setIamPolicy",
		`{"policy":{"bindings":[{"role":"roles/run.invoker","members":["user:bob@example.com"]}]}}`)
	l.inject(`[{"action": "status", "status": 403, "method": "cloudresourcemanager.organizations.getIamPolicy"}]`)
	clients := l.clients()
	for range 3 {
		p, err := clients.Observe(t.Context(), hello)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Above) != 2 || p.Above[1].Policy.Unread == "" {
			t.Fatalf("above: %+v, want the folder, and the organization unread", p.Above)
		}
		want := []posture.Binding{{Role: "roles/run.invoker", Members: []string{"user:bob@example.com"}}}
		if diff := cmp.Diff(want, p.Above[0].Policy.Bindings); diff != "" {
			t.Errorf("the folder's bindings (-want +got):\n%s", diff)
		}
		if !slices.ContainsFunc(p.Unread, func(u posture.Unread) bool {
			return u.Resource == "organizations/987654321098" && u.Permission == "resourcemanager.organizations.getIamPolicy"
		}) {
			t.Errorf("unread: %+v, want the organization's policy with the permission", p.Unread)
		}
	}
	calls := map[string]int{}
	for _, one := range l.everyCall() {
		if strings.HasPrefix(one.Method, "cloudresourcemanager.") && one.Method != "cloudresourcemanager.projects.get" &&
			one.Method != "cloudresourcemanager.projects.getIamPolicy" {
			calls[one.Method]++
		}
	}
	want := map[string]int{"cloudresourcemanager.projects.getAncestry": 1, "cloudresourcemanager.folders.getIamPolicy": 1,
		"cloudresourcemanager.organizations.getIamPolicy": 1}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls of three looks (-want +got):\n%s", diff)
	}
}

// A 404 may pass, and no person does anything about it.
func TestAMissingPolicyAboveIsReadAnew(t *testing.T) {
	l := start(t)
	l.inject(`[{"action": "status", "status": 404, "method": "cloudresourcemanager.organizations.getIamPolicy", "times": 1}]`)
	now := time.Now()
	clients, err := cloud.Connect(t.Context(), l.config(), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, unread := range []bool{true, false} {
		p, err := clients.Observe(t.Context(), hello)
		if err != nil || len(p.Above) != 1 || (p.Above[0].Policy.Unread != "") != unread {
			t.Errorf("above: %+v, %v; unread wanted: %t", p.Above, err, unread)
		}
		now = now.Add(time.Second)
	}
}
