package iap_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/iap"
)

// directory knows one backend service in each of two scopes, and one service.
var directory = iap.Directory{
	BackendService: func(_ apiserver.Project, region, nameOrID string) (name, id string, ok bool) {
		known := map[string]string{"": "1000000000000000001", "europe-west1": "1000000000000000002"}
		id = known[region]
		return "be", id, id != "" && (nameOrID == "be" || nameOrID == id)
	},
	RunService: func(_ apiserver.Project, region, name string) bool { return region == "us-central1" && name == "hello" },
}

func newKernel(t *testing.T, audit func(apiserver.AuditRecord)) *apiserver.Server {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now, Audit: audit})
	s.Serve(iap.New(s, directory).API())
	t.Cleanup(s.Close)
	return s
}

func call(t *testing.T, s *apiserver.Server, verb, path, body string) (int, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(verb, "/v1/projects/"+path, strings.NewReader(body)))
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s: %v: %s", verb, path, err, w.Body)
	}
	return w.Code, answer
}

func TestNamesAreTheSameResourceHoweverTheyAreWritten(t *testing.T) {
	for path, want := range map[string]string{
		"demo-project":                                              "projects/123456789012",
		"demo-project/iap_web":                                      "projects/123456789012/iap_web",
		"123456789012/iap_web":                                      "projects/123456789012/iap_web",
		"demo-project/iap_web/compute":                              "projects/123456789012/iap_web/compute",
		"demo-project/iap_web/compute/services/be":                  "projects/123456789012/iap_web/compute/services/1000000000000000001",
		"demo-project/iap_web/compute/services/1000000000000000001": "projects/123456789012/iap_web/compute/services/1000000000000000001",
		"demo-project/iap_web/compute-europe-west1/services/be":     "projects/123456789012/iap_web/compute-europe-west1/services/1000000000000000002",
		"demo-project/iap_web/cloud_run-us-central1/services/hello": "projects/123456789012/iap_web/cloud_run-us-central1/services/hello",
		"demo-project/iap_web/cloud_run-us-central1":                "projects/123456789012/iap_web/cloud_run-us-central1",
	} {
		status, got := call(t, newKernel(t, nil), "GET", path+":iapSettings", "")
		if diff := cmp.Diff(map[string]any{"name": want}, got); status != 200 || diff != "" {
			t.Errorf("%s: %d (-want +got):\n%s", path, status, diff)
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	s := newKernel(t, nil)
	for _, path := range []string{
		"demo-project/iap_web/compute/services/none",
		"demo-project/iap_web/compute-us-east1/services/be",
		"demo-project/iap_web/cloud_run-us-central1/services/none",
		"demo-project/iap_web/cloud-run-us-central1/services/hello",
		"demo-project/iap_web/cloud_run/services/hello",
		"demo-project/iap_web/compute/services/..",
	} {
		for _, verb := range []string{":getIamPolicy", ":setIamPolicy"} {
			if status, answer := call(t, s, "POST", path+verb, `{"policy":{}}`); status != 404 {
				t.Errorf("%s%s: %d %v, want 404", path, verb, status, answer)
			}
		}
	}
}

func TestAPolicyIsOneUnderAllNames(t *testing.T) {
	var records []apiserver.AuditRecord
	s := newKernel(t, func(r apiserver.AuditRecord) { records = append(records, r) })
	status, set := call(t, s, "POST", "demo-project/iap_web/compute/services/be:setIamPolicy",
		`{"policy":{"etag":"ACAB","bindings":[{"role":"roles/iap.httpsResourceAccessor","members":["user:alice@example.com"]}]}}`)
	if status != 200 {
		t.Fatalf("%d %v", status, set)
	}
	_, got := call(t, s, "POST", "123456789012/iap_web/compute/services/1000000000000000001:getIamPolicy",
		`{"options":{"requestedPolicyVersion":3}}`)
	if diff := cmp.Diff(set, got); diff != "" {
		t.Errorf("by number and id (-set +got):\n%s", diff)
	}
	if _, other := call(t, s, "POST", "demo-project/iap_web/compute-europe-west1/services/be:getIamPolicy",
		""); other["etag"] != "ACAB" {
		t.Errorf("the regional one of the same name: %v, want a policy that was never set", other)
	}
	policies := s.State()["iamPolicies"].(map[string]any)
	if policies["projects/123456789012/iap_web/compute/services/be"] == nil {
		t.Errorf("the state shows %v, want the backend service by name", policies)
	}

	const name = "projects/123456789012/iap_web/compute/services/1000000000000000001"
	r := records[0]
	if len(records) != 1 || r.ResourceName != name || r.Request["resource"] != name ||
		r.ResourceType != "gce_backend_service" ||
		r.Response["@type"] != "type.googleapis.com/google.iam.v1.Policy" ||
		r.Authorization[0] != (apiserver.Authorization{Permission: "iap.webServices.setIamPolicy", Resource: name,
			Granted: true}) {
		t.Errorf("%d records: %+v", len(records), r)
	}
	if diff := cmp.Diff(map[string]string{"project_id": "demo-project", "backend_service_id": "", "location": ""},
		r.Labels); diff != "" {
		t.Errorf("labels as recorded (-want +got):\n%s", diff)
	}
}

func TestSettingsAreWrittenAsTheMaskSays(t *testing.T) {
	const path = "demo-project/iap_web/compute/services/be:iapSettings"
	const name = "projects/123456789012/iap_web/compute/services/1000000000000000001"
	cors := func(on bool) map[string]any {
		return map[string]any{"corsSettings": map[string]any{"allowHttpOptions": on}}
	}
	for _, tc := range []struct {
		what, mask, body string
		want             map[string]any
	}{
		{"a body replaces everything", "", `{"name":"x","applicationSettings":{"cookieDomain":".b"}}`,
			map[string]any{"name": name, "applicationSettings": map[string]any{"cookieDomain": ".b"}}},
		{"only a name clears everything", "", `{"name":"x"}`, map[string]any{"name": name}},
		{"a masked field is written and false is kept", "iapSettings.accessSettings.corsSettings.allowHttpOptions",
			`{"accessSettings":{"corsSettings":{"allowHttpOptions":false}}}`,
			map[string]any{"name": name, "accessSettings": cors(false),
				"applicationSettings": map[string]any{"cookieDomain": ".a"}}},
		{"a masked field that is absent is cleared", "iapSettings.applicationSettings.cookieDomain", `{}`,
			map[string]any{"name": name, "accessSettings": cors(true)}},
		{"two fields, in the other spelling", "iapSettings.access_settings.cors_settings.allow_http_options,iapSettings.application_settings.cookie_domain",
			`{"access_settings":{"cors_settings":{"allow_http_options":false}},"application_settings":{"cookie_domain":".c"}}`,
			map[string]any{"name": name, "accessSettings": cors(false),
				"applicationSettings": map[string]any{"cookieDomain": ".c"}}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			s := newKernel(t, nil)
			call(t, s, "PATCH", path, `{"accessSettings":{"corsSettings":{"allowHttpOptions":true}},"applicationSettings":{"cookieDomain":".a"}}`)
			query := ""
			if tc.mask != "" {
				query = "?updateMask=" + tc.mask
			}
			_, patched := call(t, s, "PATCH", path+query, tc.body)
			if diff := cmp.Diff(tc.want, patched); diff != "" {
				t.Errorf("patch answers (-want +got):\n%s", diff)
			}
			if _, got := call(t, s, "GET", path, ""); cmp.Diff(tc.want, got) != "" {
				t.Errorf("get answers %v, want %v", got, tc.want)
			}
		})
	}
}

func TestSettingsThatAreNoneAreRefused(t *testing.T) {
	const path = "demo-project/iap_web/compute/services/be:iapSettings"
	for _, tc := range []struct{ what, mask, body, want string }{
		{"an unknown field", "", `{"accessSettings":{"colour":1}}`, `Unknown name "colour" at 'iap_settings.access_settings'`},
		{"an unknown value", "", `{"accessSettings":{"reauthSettings":{"method":"OATH"}}}`, `"OATH"`},
		{"a wrong type", "", `{"accessSettings":{"corsSettings":{"allowHttpOptions":"perhaps"}}}`, `"perhaps"`},
		{"an unknown path", "iapSettings.accessSettings.colour", `{}`, "colour"},
		{"a path that ends with a dot", "iapSettings.accessSettings.", `{}`, "accessSettings."},
	} {
		t.Run(tc.what, func(t *testing.T) {
			query := ""
			if tc.mask != "" {
				query = "?updateMask=" + tc.mask
			}
			status, got := call(t, newKernel(t, nil), "PATCH", path+query, tc.body)
			failure, _ := got["error"].(map[string]any)
			if message, _ := failure["message"].(string); status != 400 || !strings.Contains(message, tc.want) {
				t.Errorf("%d %v, want a 400 with %s", status, got, tc.want)
			}
		})
	}
	// By number, and read by the owner.
	s := newKernel(t, nil)
	call(t, s, "PATCH", path, `{"accessSettings":{"reauthSettings":{"method":1,"maxAge":"60s","policyType":2}}}`)
	_, got := call(t, s, "GET", path, "")
	access, _ := got["accessSettings"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"reauthSettings": map[string]any{"method": "LOGIN", "maxAge": "60s", "policyType": "DEFAULT"}}, access); diff != "" {
		t.Errorf("settings by number (-want +got):\n%s", diff)
	}
}

func TestSettingsAreLoggedAsDataAccess(t *testing.T) {
	var records []apiserver.AuditRecord
	s := newKernel(t, func(r apiserver.AuditRecord) { records = append(records, r) })
	call(t, s, "PATCH", "demo-project/iap_web:iapSettings", `{"applicationSettings":{"cookieDomain":".a"}}`)
	if len(records) != 1 || records[0].Log != apiserver.DataAccess ||
		records[0].Method != "google.cloud.iap.v1.IdentityAwareProxyAdminService.UpdateIapSettings" {
		t.Errorf("%+v", records)
	}
}
