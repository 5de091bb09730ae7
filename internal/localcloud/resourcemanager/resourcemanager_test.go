package resourcemanager_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

func call(t *testing.T, s *apiserver.Server, verb, path, body string) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(verb, path, strings.NewReader(body)))
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s: %v: %s", verb, path, err, w.Body)
	}
	return w.Code, answer
}

// versions compares answers but for what changes with each write.
var versions = cmpopts.IgnoreMapEntries(func(key string, _ any) bool {
	return key == "etag" || key == "createTime" || key == "updateTime"
})

func TestTheProjectIsTheSameByIDAndByNumber(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	status, byID := call(t, s, "GET", "/v1/projects/demo-project", "")
	_, byNumber := call(t, s, "GET", "/v1/projects/123456789012", "")
	if diff := cmp.Diff(byID, byNumber); status != 200 || diff != "" || byID["projectNumber"] != "123456789012" {
		t.Errorf("%d %v\n%s", status, byID, diff)
	}
	if _, v3 := call(t, s, "GET", "/v3/projects/demo-project", ""); v3["name"] != "projects/123456789012" ||
		v3["state"] != "ACTIVE" || v3["projectNumber"] != nil {
		t.Errorf("v3: %v", v3)
	}
	_, ancestry := call(t, s, "POST", "/v1/projects/demo-project:getAncestry", "")
	if all := ancestry["ancestor"].([]any); len(all) != 2 {
		t.Errorf("ancestry: %v, want the project in an organization", ancestry)
	}
}

func TestAProjectMovesIntoAFolder(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	for i, parent := range []string{"organizations/987654321098", "folders/410000000001"} {
		status, made := call(t, s, "POST", "/v3/folders", `{"parent": "`+parent+`", "displayName": "f"}`)
		want := map[string]any{"name": fmt.Sprintf("folders/41000000000%d", i+1), "displayName": "f", "parent": parent,
			"state": "ACTIVE", "@type": "type.googleapis.com/google.cloud.resourcemanager.v3.Folder"}
		if diff := cmp.Diff(want, made["response"], versions); status != 200 || diff != "" || made["done"] != true {
			t.Errorf("%d %v (-want +got):\n%s", status, made, diff)
		}
	}
	for _, parent := range []string{"folders/410000000009", "organizations/1"} {
		if status, _ := call(t, s, "POST", "/v3/projects/demo-project:move", `{"destinationParent": "`+parent+
			`"}`); status != 403 {
			t.Errorf("moving below %s: %d, want 403", parent, status)
		}
	}
	if status, moved := call(t, s, "POST", "/v3/projects/demo-project:move",
		`{"destinationParent": "folders/410000000002"}`); status != 200 {
		t.Errorf("%d %v", status, moved)
	}
	_, ancestry := call(t, s, "POST", "/v1/projects/demo-project:getAncestry", "")
	var kinds []string
	for _, each := range ancestry["ancestor"].([]any) {
		id := each.(map[string]any)["resourceId"].(map[string]any)
		kinds = append(kinds, id["type"].(string)+" "+id["id"].(string))
	}
	want := []string{"project demo-project", "folder 410000000002", "folder 410000000001", "organization 987654321098"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, v1 := call(t, s, "GET", "/v1/projects/demo-project", "")
	if diff := cmp.Diff(map[string]any{"type": "folder", "id": "410000000002"}, v1["parent"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Reset()
	if _, v3 := call(t, s, "GET", "/v3/projects/demo-project", ""); v3["parent"] != "organizations/987654321098" {
		t.Errorf("after a reset: %v", v3)
	}
}

func TestAProjectInheritsFromTheFoldersAboveIt(t *testing.T) {
	const writer = "user:writer@example.com"
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	for i, parent := range []string{"organizations/987654321098", "folders/410000000001", "organizations/987654321098"} {
		call(t, s, "POST", "/v3/folders", fmt.Sprintf(`{"parent": %q, "displayName": "f%d"}`, parent, i))
	}
	grant := `{"policy": {"bindings": [{"role": "roles/run.admin", "members": ["` + writer + `"]}]}}`
	if status, answer := call(t, s, "POST", "/v3/folders/410000000001:setIamPolicy", grant); status != 200 {
		t.Fatalf("%d %v", status, answer)
	}
	if status, _ := call(t, s, "POST", "/v3/folders/410000000009:setIamPolicy", grant); status != 403 {
		t.Errorf("no folder: %d, want 403", status)
	}
	if _, policy := call(t, s, "POST", "/v3/folders/410000000001:getIamPolicy", ""); !strings.Contains(
		fmt.Sprint(policy), writer) {
		t.Errorf("the folder's policy is %v", policy)
	}
	for parent, want := range map[string]bool{"organizations/987654321098": false, "folders/410000000001": true,
		"folders/410000000002": true, "folders/410000000003": false} {
		if status, answer := call(t, s, "POST", "/v3/projects/demo-project:move", `{"destinationParent": "`+parent+
			`"}`); status != 200 {
			t.Fatalf("%d %v", status, answer)
		}
		asked := apiserver.Access{Principal: writer, Permission: "run.services.update",
			Resource: "projects/demo-project/locations/l/services/s"}
		if got := s.Allowed(asked); got != want {
			t.Errorf("below %s: %t, want %t", parent, got, want)
		}
	}
}

func TestAProjectWithoutOrganizationHasNoParent(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{WithoutOrganization: true}))
	for _, path := range []string{"/v1/projects/demo-project", "/v3/projects/demo-project"} {
		if status, project := call(t, s, "GET", path, ""); status != 200 || project["projectId"] != "demo-project" ||
			project["parent"] != nil {
			t.Errorf("%s: %d %v, want a project without parent", path, status, project)
		}
	}
	_, ancestry := call(t, s, "POST", "/v1/projects/demo-project:getAncestry", "")
	if all := ancestry["ancestor"].([]any); len(all) != 1 {
		t.Errorf("ancestry: %v, want the project alone", ancestry)
	}
}

func TestAnUnknownProjectIsForbiddenAndNotMissing(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	status, got := call(t, s, "GET", "/v1/projects/other-project", "")
	want := map[string]any{"error": map[string]any{"code": 403.0, "message": "The caller does not have permission",
		"status": "PERMISSION_DENIED"}}
	if diff := cmp.Diff(want, got); status != 403 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", status, diff)
	}
}

func TestTheProjectsPolicyNamesItsOwnerFromTheStart(t *testing.T) {
	var records []apiserver.AuditRecord
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now,
		Audit: func(r apiserver.AuditRecord) { records = append(records, r) }})
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	owner := []any{map[string]any{"role": "roles/owner", "members": []any{"user:owner@example.com"}}}
	_, first := call(t, s, "POST", "/v1/projects/demo-project:getIamPolicy", "{}")
	if diff := cmp.Diff(owner, first["bindings"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	status, set := call(t, s, "POST", "/v3/projects/123456789012:setIamPolicy",
		`{"policy":{"etag":"`+first["etag"].(string)+`"}}`)
	if status != 200 || set["bindings"] != nil {
		t.Errorf("setting an empty one: %d %v", status, set)
	}
	if len(records) != 1 || records[0].Method != "SetIamPolicy" || records[0].ResourceType != "project" ||
		records[0].ResourceName != "projects/demo-project" {
		t.Errorf("records %+v", records)
	}
	s.Reset()
	if _, again := call(t, s, "POST", "/v1/projects/demo-project:getIamPolicy", "{}"); cmp.Diff(owner,
		again["bindings"]) != "" {
		t.Errorf("after a reset: %v", again)
	}
}
