package networksecurity_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/networksecurity"
)

func TestPoliciesThatAreNotValidAreRefused(t *testing.T) {
	const (
		rule   = `"target":{"loadBalancingScheme":"EXTERNAL_MANAGED","resources":["projects/demo-project/global/forwardingRules/fr"]}`
		custom = `"action":"CUSTOM","customProvider":{"cloudIap":{}}`
	)
	for _, tc := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"a valid one", `{` + custom + `,` + rule + `}`, 200, "operations/"},
		{"no action", `{` + rule + `}`, 400, "action is required"},
		{"no provider", `{"action":"CUSTOM",` + rule + `}`, 400, "exactly one of cloud_iap and authz_extension"},
		{"two providers", `{"action":"CUSTOM","customProvider":{"cloudIap":{},"authzExtension":{"resources":["x"]}},` + rule + `}`,
			400, "exactly one of"},
		{"a provider without use", `{"action":"DENY","customProvider":{"cloudIap":{}},"httpRules":[{}],` + rule + `}`, 400,
			"the action CUSTOM alone"},
		{"a denial of nothing", `{"action":"DENY",` + rule + `}`, 400, "at least one rule"},
		{"a default with rules", `{"action":"DENY_BY_DEFAULT","httpRules":[{}],` + rule + `}`, 400, "must be empty"},
		{"no target", `{` + custom + `}`, 400, "target.resources"},
		{"a forwarding rule that is not there",
			`{` + custom + `,"target":{"resources":["projects/demo-project/global/forwardingRules/none"]}}`, 404, "was not found"},
		{"an unknown field", `{` + custom + `,"colour":1,` + rule + `}`, 400, `Unknown name \"colour\"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
			t.Cleanup(s.Close)
			s.Serve(networksecurity.New(s, func(path string) bool { return strings.HasSuffix(path, "/fr") }).API())
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest("POST",
				"/v1/projects/demo-project/locations/global/authzPolicies?authzPolicyId=p", strings.NewReader(tc.body)))
			if !json.Valid(w.Body.Bytes()) || w.Code != tc.status || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("%d %s, want %d with %q", w.Code, w.Body, tc.status, tc.want)
			}
		})
	}
}

func TestPoliciesAreFoundByTheirForwardingRule(t *testing.T) {
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	api := networksecurity.New(s, func(string) bool { return true })
	s.Serve(api.API())
	for id, link := range map[string]string{"a": "https://www.googleapis.com/compute/v1/projects/123456789012/global/forwardingRules/fr",
		"b": "//compute.googleapis.com/projects/demo-project/regions/us-central1/forwardingRules/fr"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/projects/demo-project/locations/global/authzPolicies?authzPolicyId="+id,
			strings.NewReader(`{"action":"DENY_BY_DEFAULT","target":{"resources":["`+link+`"]}}`)))
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	for rule, want := range map[string]int{"projects/demo-project/global/forwardingRules/fr": 1,
		"projects/demo-project/regions/us-central1/forwardingRules/fr": 1, "projects/demo-project/global/forwardingRules/f": 0} {
		if got := api.PoliciesAt(rule); len(got) != want {
			t.Errorf("%s has %d policies, want %d", rule, len(got), want)
		}
	}
}
