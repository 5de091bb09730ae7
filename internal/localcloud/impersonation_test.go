package localcloud

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const (
	borrower = "serviceAccount:guard@demo-project.iam.gserviceaccount.com"
	writer   = "writer@demo-project.iam.gserviceaccount.com"
	lending  = "/v1/projects/-/serviceAccounts/" + writer + ":generateAccessToken"
)

// lends is a cloud in which the borrower only looks, and the writer may deploy.
func lends(t *testing.T) func(who, path, body string) (int, map[string]any) {
	t.Helper()
	cloud := New(Options{Discovery: discovery.Judge(t), Grants: []resourcemanager.Grant{
		{Role: "roles/viewer", Member: borrower}, {Role: "roles/run.admin", Member: "serviceAccount:" + writer},
		{Role: "roles/iam.serviceAccountUser", Member: "serviceAccount:" + writer},
	}})
	t.Cleanup(cloud.Close)
	return func(who, path, body string) (int, map[string]any) {
		t.Helper()
		request := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
		if who != "" {
			request.Header.Set("Authorization", "Bearer "+who)
		}
		w := httptest.NewRecorder()
		cloud.ServeHTTP(w, request)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %d %s: %v", path, w.Code, w.Body, err)
		}
		return w.Code, answer
	}
}

// mayLend lets the borrower impersonate the writer.
const mayLend = `{"policy":{"bindings":[{"role":"roles/iam.serviceAccountTokenCreator","members":["` +
	borrower + `"]}]}}`

func TestImpersonationNeedsThePermissionOnTheAccount(t *testing.T) {
	call := lends(t)
	const scope = `{"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"600s"}`
	for _, who := range []string{borrower, ""} { // the project's owner may not either
		status, answer := call(who, lending, scope)
		want := map[string]any{"error": map[string]any{
			"code": 403.0, "message": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", "status": "PERMISSION_DENIED",
			"details": []any{map[string]any{
				"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED",
				"domain":   "iam.googleapis.com",
				"metadata": map[string]any{"permission": "iam.serviceAccounts.getAccessToken"},
			}},
		}}
		if diff := cmp.Diff(want, answer); status != http.StatusForbidden || diff != "" {
			t.Errorf("%q: %d (-want +got):\n%s", who, status, diff)
		}
	}
	if status, answer := call("", "/v1/projects/demo-project/serviceAccounts/"+writer+":setIamPolicy",
		mayLend); status != http.StatusOK {
		t.Fatalf("letting it: %d %v", status, answer)
	}
	for _, tc := range []struct {
		name, path, body string
		status           int
	}{
		{"what is asked for", lending, scope, 200},
		{"as long as can be", lending, `{"scope":["s"]}`, 200},
		{"without a scope", lending, `{}`, 400},
		{"longer than an hour", lending, `{"scope":["s"],"lifetime":"3601s"}`, 400},
		{"a lifetime that is none", lending, `{"scope":["s"],"lifetime":"long"}`, 400},
		{"with delegates", lending, `{"scope":["s"],"delegates":["x"]}`, 400},
		{"a field that is none", lending, `{"scope":["s"],"audience":"x"}`, 400},
		{"another account", strings.Replace(lending, "writer@", "guard@", 1), scope, 403},
	} {
		status, answer := call(borrower, tc.path, tc.body)
		if status != tc.status || status == 200 && (answer["accessToken"] == nil || answer["expireTime"] == nil) {
			t.Errorf("%s: %d %v, want %d", tc.name, status, answer, tc.status)
		}
	}
}

func TestAnImpersonatedWriteIsLoggedWithItsDelegation(t *testing.T) {
	call := lends(t)
	call("", "/v1/projects/demo-project/serviceAccounts/"+writer+":setIamPolicy", mayLend)
	_, lent := call(borrower, lending, `{"scope":["s"]}`)
	token, _ := lent["accessToken"].(string)
	const service = `{"template":{"containers":[{"image":"us-docker.pkg.dev/cloudrun/container/hello"}]}}`
	if status, answer := call(borrower, "/v2/projects/demo-project/locations/us-central1/services?serviceId=a",
		service); status != http.StatusForbidden {
		t.Errorf("with its own token: %d %v, want 403", status, answer)
	}
	if status, answer := call(token, "/v2/projects/demo-project/locations/us-central1/services?serviceId=a",
		service); status != http.StatusOK {
		t.Fatalf("with the lent token: %d %v", status, answer)
	}
	logged := func(method string) map[string]any {
		t.Helper()
		_, answer := call("", "/v2/entries:list", `{"filter":"protoPayload.methodName=\"`+method+`\" -severity=\"ERROR\""}`)
		entries, _ := answer["entries"].([]any)
		if len(entries) != 1 {
			t.Fatalf("%s: %d entries, want one", method, len(entries))
		}
		return entries[0].(map[string]any)
	}
	want := map[string]any{
		"principalEmail": writer, "principalSubject": "serviceAccount:" + writer,
		"serviceAccountDelegationInfo": []any{map[string]any{
			"firstPartyPrincipal": map[string]any{"principalEmail": apiserver.Principal(borrower).Email()},
			"principalSubject":    borrower,
		}},
	}
	got := logged("google.cloud.run.v2.Services.CreateService")["protoPayload"].(map[string]any)["authenticationInfo"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the write (-want +got):\n%s", diff)
	}
	entry := logged("GenerateAccessToken")
	payload := entry["protoPayload"].(map[string]any)
	if text, _ := json.Marshal(entry); strings.Contains(string(text), token) {
		t.Errorf("the token stands in the log: %s", text)
	}
	if resource := entry["resource"].(map[string]any); resource["type"] != "service_account" ||
		resource["labels"].(map[string]any)["email_id"] != writer ||
		!strings.HasSuffix(entry["logName"].(string), "data_access") ||
		payload["request"].(map[string]any)["name"] != "projects/-/serviceAccounts/"+writer {
		t.Errorf("the token's entry is %v", entry)
	}
}
