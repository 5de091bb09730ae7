package localcloud_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
)

// The shape is that of a recorded entry of a project.
func TestAProjectsPolicyEntrySaysWhatChanged(t *testing.T) {
	base := serve(t, localcloud.Options{})
	for _, bindings := range []string{
		`{"role": "roles/viewer", "members": ["user:a@example.com", "user:b@example.com"]}`,
		`{"role": "roles/viewer", "members": ["user:b@example.com"]},
			{"role": "roles/viewer", "members": ["user:b@example.com"], "condition": {"title": "t", "expression": "true"}}`,
	} {
		if status, answer := send(t, request(t, "POST", base+"/v1/projects/demo-project:setIamPolicy", `{"policy": {"version": 3,
			"bindings": [{"role": "roles/owner", "members": ["user:owner@example.com"]}, `+bindings+`]}}`)); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	_, text := send(t, request(t, "POST", base+"/v2/entries:list", `{"resourceNames": ["projects/demo-project"],
		"filter": "protoPayload.methodName=\"SetIamPolicy\"", "orderBy": "timestamp desc", "pageSize": 1}`))
	var listed struct {
		Entries []struct {
			Resource     map[string]any
			ProtoPayload struct {
				ServiceData       map[string]any
				AuthorizationInfo []any
				Request           struct{ Resource string }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &listed); err != nil || len(listed.Entries) != 1 {
		t.Fatalf("%s: %v, want one entry", text, err)
	}
	entry := listed.Entries[0]
	condition := map[string]any{"title": "t", "expression": "true"}
	for what, both := range map[string][2]any{
		"resource": {map[string]any{"type": "project", "labels": map[string]any{"project_id": "demo-project"}}, entry.Resource},
		"data": {map[string]any{"@type": "type.googleapis.com/google.iam.v1.logging.AuditData",
			"policyDelta": map[string]any{"bindingDeltas": []any{
				map[string]any{"action": "ADD", "role": "roles/viewer", "member": "user:b@example.com", "condition": condition},
				map[string]any{"action": "REMOVE", "role": "roles/viewer", "member": "user:a@example.com"},
			}}}, entry.ProtoPayload.ServiceData},
		"authorization": {[]any{map[string]any{"granted": true, "permission": "resourcemanager.projects.setIamPolicy",
			"resource": "projects/demo-project", "resourceAttributes": map[string]any{"name": "projects/demo-project",
				"service": "cloudresourcemanager.googleapis.com", "type": "cloudresourcemanager.googleapis.com/Project"}}},
			entry.ProtoPayload.AuthorizationInfo},
		"the request's resource": {"demo-project", entry.ProtoPayload.Request.Resource},
	} {
		if diff := cmp.Diff(both[0], both[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}
