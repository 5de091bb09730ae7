package iam_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/iam"
)

// withoutEtags compares answers but for their versions.
var withoutEtags = cmpopts.IgnoreMapEntries(func(key string, _ any) bool { return key == "etag" })

// call makes one call as somebody and returns its answer.
func call(t *testing.T, s *apiserver.Server, who, verb, path, body string) (int, map[string]any) {
	t.Helper()
	request := httptest.NewRequest(verb, path, strings.NewReader(body))
	if who != "" {
		request.Header.Set("Authorization", "Bearer "+who)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, request)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s: %d %q is not a JSON object", verb, path, w.Code, w.Body)
	}
	return w.Code, answer
}

const collection = "/v1/projects/demo-project/roles"

func TestACustomRoleIsMadeChangedAndDeletedAndAllowsWhatItSays(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	s.Serve(iam.New(s))
	const reader = "user:reader@example.com"
	s.SeedPolicy("projects/demo-project", []any{
		map[string]any{"role": "projects/demo-project/roles/reader", "members": []any{reader}}})
	for _, step := range []struct {
		name, who, verb, path, body string
		status                      int
		want                        map[string]any
	}{
		{"before the role is there, it allows nothing", reader, "GET", collection, "", 403, nil},
		{"made", "", "POST", collection, `{"roleId":"reader","role":{"title":"Reader","includedPermissions":["iam.roles.list"],"stage":"GA"}}`, 200,
			map[string]any{"name": "projects/demo-project/roles/reader", "title": "Reader", "stage": "GA",
				"includedPermissions": []any{"iam.roles.list"}}},
		{"it allows what it says", reader, "GET", collection, "", 200,
			map[string]any{"roles": []any{map[string]any{"name": "projects/demo-project/roles/reader", "title": "Reader",
				"stage": "GA"}}}},
		{"and nothing else", reader, "GET", collection + "/reader", "", 403, nil},
		{"made again", "", "POST", collection, `{"roleId":"reader","role":{}}`, 409, nil},
		{"changed where the mask says", "", "PATCH", collection + "/reader?updateMask=included_permissions",
			`{"title":"X","includedPermissions":["iam.roles.get"]}`, 200,
			map[string]any{"name": "projects/demo-project/roles/reader", "title": "Reader", "stage": "GA",
				"includedPermissions": []any{"iam.roles.get"}}},
		{"it allows what it says now", reader, "GET", collection + "/reader", "", 200,
			map[string]any{"name": "projects/demo-project/roles/reader", "title": "Reader", "stage": "GA",
				"includedPermissions": []any{"iam.roles.get"}}},
		{"and no longer what it said", reader, "GET", collection, "", 403, nil},
		{"a permission that is none", "", "PATCH", collection + "/reader", `{"includedPermissions":["*"]}`, 400, nil},
		{"a field that is none", "", "PATCH", collection + "/reader", `{"permissions":[]}`, 400, nil},
		{"an id that is none", "", "POST", collection, `{"roleId":"a b","role":{}}`, 400, nil},
		{"a role that is not there", "", "GET", collection + "/writer", "", 404, nil},
		{"deleted", "", "DELETE", collection + "/reader", "", 200, nil},
		{"afterwards it allows nothing", reader, "GET", collection + "/reader", "", 403, nil},
		{"none is left", "", "GET", collection + "?view=FULL", "", 200, map[string]any{}},
		{"but for those that are deleted", "", "GET", collection + "?showDeleted=true", "", 200,
			map[string]any{"roles": []any{map[string]any{"name": "projects/demo-project/roles/reader", "title": "Reader",
				"stage": "GA", "deleted": true}}}},
		{"which cannot be changed", "", "PATCH", collection + "/reader", `{"title":"X"}`, 400, nil},
		{"restored", "", "POST", collection + "/reader:undelete", "", 200,
			map[string]any{"name": "projects/demo-project/roles/reader", "title": "Reader", "stage": "GA",
				"includedPermissions": []any{"iam.roles.get"}}},
		{"it allows again what it says", reader, "GET", collection + "/reader", "", 200, nil},
	} {
		status, answer := call(t, s, step.who, step.verb, step.path, step.body)
		if status != step.status {
			t.Errorf("%s: %d %v, want %d", step.name, status, answer, step.status)
		}
		if diff := cmp.Diff(step.want, answer, withoutEtags); step.want != nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// gcloud writes bytes in the URL-safe alphabet, and answers are in the other one.
func TestAnEtagIsTheSameInBothAlphabets(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	s.Serve(iam.New(s))
	call(t, s, "", "POST", collection, `{"roleId":"reader","role":{"title":"Reader"}}`)
	etagInBoth := func() (standard, urlSafe string) {
		for range 10_000 {
			_, answer := call(t, s, "", "PATCH", collection+"/reader", `{"title":"Reader"}`)
			if standard, _ = answer["etag"].(string); strings.ContainsAny(standard, "+/") {
				return standard, strings.NewReplacer("+", "-", "/", "_").Replace(standard)
			}
		}
		t.Fatalf("no etag differs in the two alphabets; the last was %s", standard)
		return "", ""
	}
	standard, sent := etagInBoth()
	status, answer := call(t, s, "", "PATCH", collection+"/reader", `{"title":"Reads","etag":"`+sent+`"}`)
	if status != 200 || answer["title"] != "Reads" {
		t.Errorf("%s sent as %s: %d %v, want 200", standard, sent, status, answer)
	}
	if status, answer := call(t, s, "", "PATCH", collection+"/reader", `{"etag":"`+sent+`"}`); status != 409 {
		t.Errorf("the etag before: %d %v, want 409", status, answer)
	}
	standard, sent = etagInBoth()
	if status, answer := call(t, s, "", "DELETE", collection+"/reader?etag="+sent, ""); status != 200 {
		t.Errorf("deleted with %s, sent as %s: %d %v, want 200", standard, sent, status, answer)
	}
}
