package localcloud_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

func TestWhoMayDoWhatIsAskedAboutTheResourceThatIsMeant(t *testing.T) {
	const (
		deployer = "user:deployer@example.com" // may deploy, may not act as any account
		patcher  = "user:patcher@example.com"  // may update, may not read
		guest    = "user:guest@example.com"    // holds roles on single resources only
		proxies  = "/compute/v1/projects/demo-project/targetHttpProxies"
		knative  = "/apis/serving.knative.dev/v1/namespaces/demo-project/services/hello"
		iap      = "/v1/projects/demo-project/iap_web/compute/services/be:getIamPolicy"
		actAs    = "Permission 'iam.serviceaccounts.actAs' denied on service account 123456789012-compute@developer.gserviceaccount.com (or it may not exist)."
	)
	b := newBench(t, localcloud.Options{
		Roles: []apiserver.Role{{Name: "projects/demo-project/roles/patcher",
			Permissions: []string{"compute.backendServices.update", "run.services.update"}}},
		Grants: []resourcemanager.Grant{
			{Role: "roles/run.developer", Member: deployer}, {Role: "projects/demo-project/roles/patcher", Member: patcher},
		},
	})
	b.must("POST", run+"/hello:setIamPolicy", `{"policy":{"bindings":[{"role":"roles/run.viewer","members":["`+
		guest+`"]}]}}`)
	b.must("POST", strings.Replace(iap, "getIamPolicy", "setIamPolicy", 1),
		`{"policy":{"bindings":[{"role":"roles/iap.admin","members":["`+guest+`"]}]}}`)
	for _, tc := range []struct {
		name, who, host, verb, path, body string
		status                            int
		message                           string
	}{
		{"a service that would run as somebody", deployer, "", "POST", run + "?serviceId=x",
			`{"template":{"containers":[{"image":"i"}]}}`, 403, actAs},
		{"a change of what runs as somebody", deployer, "", "PATCH", run + "/hello?updateMask=description",
			`{"description":"x"}`, 403, actAs},
		{"the same through the older API", deployer, "us-central1-run.googleapis.com", "PUT", knative,
			`{"metadata":{"name":"hello"},"spec":{"template":{"spec":{"containers":[{"image":"i"}]}}}}`, 403, actAs},
		{"reading needs no account", deployer, "", "GET", run + "/hello", "", 200, ""},
		{"a patch reads what it changes", patcher, "", "PATCH", backend + "/be", `{"description":"x"}`, 403,
			"Required 'compute.backendServices.get' permission for 'projects/demo-project/global/backendServices/be'"},
		{"so it does in Cloud Run", patcher, "", "PATCH", run + "/hello", `{}`, 403,
			"Permission 'run.services.get' denied on resource '//run.googleapis.com/projects/demo-project/locations/us-central1/services/hello'"},
		{"what is new has a name", guest, "", "POST", backend, `{"name":"new"}`, 403,
			"Required 'compute.backendServices.create' permission for 'projects/demo-project/global/backendServices/new'"},
		{"a path without its scope", guest, "", "POST", proxies + "/p/setUrlMap", `{"urlMap":"m"}`, 403,
			"Required 'compute.targetHttpProxies.setUrlMap' permission for 'projects/demo-project/global/targetHttpProxies/p'"},
		{"a role on one service", guest, "", "GET", run + "/hello", "", 200, ""},
		{"through the older API too", guest, "us-central1-run.googleapis.com", "GET", knative, "", 200, ""},
		{"… in its own region only", guest, "europe-west1-run.googleapis.com", "GET", knative, "", 403,
			"projects/demo-project/locations/europe-west1/services/hello"},
		{"… and no other service", guest, "", "GET", run, "", 403, "run.services.list"},
		{"a role on one backend service behind IAP, by its name", guest, "", "POST", iap, `{}`, 200, ""},
		{"… and not on all of them", guest, "", "POST", "/v1/projects/demo-project/iap_web/compute:getIamPolicy", `{}`,
			403, "iap.webTypes.getIamPolicy"},
		{"an unknown caller", "user:stranger@example.com", "", "GET", backend + "/be", "", 403,
			"Required 'compute.backendServices.get' permission"},
		{"a token that names nobody is the owner's", "anything", "", "GET", backend + "/be", "", 200, ""},
	} {
		r := request(t, tc.verb, b.base+tc.path, tc.body)
		r.Header.Set("Authorization", "Bearer "+tc.who)
		if tc.host != "" {
			r.Host = tc.host
		}
		status, text := send(t, r)
		var answer map[string]any
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%s: %d %q is not a JSON object", tc.name, status, text)
		}
		if status != tc.status || tc.message != "" && !strings.Contains(message(answer), tc.message) {
			t.Errorf("%s: %d %q, want %d … %q", tc.name, status, message(answer), tc.status, tc.message)
		}
	}
}
