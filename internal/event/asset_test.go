package event

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"
)

func TestAMessageOfAFeedMakesItsResourceBeLookedAt(t *testing.T) {
	const run, compute = "//run.googleapis.com/projects/", "//compute.googleapis.com/projects/"
	const iap = "//iap.googleapis.com/projects/"
	const hello, balancer = run + "demo-project/locations/us-central1/services/hello", compute + "demo-project/global/"
	policy := map[string]any{"iamPolicy": map[string]any{"bindings": []any{
		map[string]any{"role": "roles/run.invoker", "members": []string{"allUsers"}}}}}
	for _, tc := range []struct {
		name, asset string
		more        map[string]any // members of the asset
		deleted     bool
		want        string // as about writes it, or why it is ignored
	}{
		{"a service", hello, map[string]any{"resource": map[string]any{"data": map[string]any{"ingress": "all"}}}, false,
			"run-service-changed|demo-project|us-central1|hello||"},
		{"a service by name alone", hello, nil, false, "run-service-changed|demo-project|us-central1|hello||"},
		{"a service that is gone", hello, nil, true, "run-service-changed|demo-project|us-central1|hello||"},
		{"its policy", hello, policy, false, "run-iam-changed|demo-project|us-central1|hello||"},
		{"a global backend service", balancer + "backendServices/b", nil, false,
			"backend-service-changed|demo-project|global||b|projects/demo-project/global/backendServices/b"},
		{"a regional one that is gone", compute + "123456789012/regions/us-east1/backendServices/b", nil, true,
			"backend-service-changed|123456789012|us-east1||b|projects/123456789012/regions/us-east1/backendServices/b"},
		{"a NEG", compute + "demo-project/regions/us-east1/networkEndpointGroups/n", nil, false,
			"routing-changed|demo-project|us-east1|||projects/demo-project/regions/us-east1/networkEndpointGroups/n"},
		{"a URL map", balancer + "urlMaps/m", nil, false,
			"routing-changed|demo-project|global|||projects/demo-project/global/urlMaps/m"},
		{"a proxy", balancer + "targetHttpsProxies/p", nil, false,
			"routing-changed|demo-project|global|||projects/demo-project/global/targetHttpsProxies/p"},
		{"a forwarding rule", balancer + "forwardingRules/f", nil, false,
			"routing-changed|demo-project|global|||projects/demo-project/global/forwardingRules/f"},
		{"who passes IAP", iap + "123456789012/iap_web/compute/services/4242", policy, false,
			"iap-policy-changed|123456789012|global||4242|projects/123456789012/iap_web/compute/services/4242"},
		{"who passes IAP at a service", iap + "123456789012/iap_web/cloud_run-us-east1/services/s", policy, false,
			"iap-policy-changed|123456789012|us-east1|s||projects/123456789012/iap_web/cloud_run-us-east1/services/s"},
		{"a NEG of a zone", compute + "demo-project/zones/us-east1-b/networkEndpointGroups/n", nil, false, "unrelated"},
		{"a revision", hello + "/revisions/hello-00001", nil, false, "unrelated"},
		{"a job", run + "demo-project/locations/us-central1/jobs/j", nil, false, "unrelated"},
		{"a disk", compute + "demo-project/zones/us-east1-b/disks/d", nil, false, "unrelated"},
		{"a project", "//cloudresourcemanager.googleapis.com/projects/123456789012", policy, false, "unrelated"},
		{"a tunnel", iap + "123456789012/iap_tunnel", policy, false, "unrelated"},
		{"a lookalike", "//run.googleapis.com.evil.io/projects/p/locations/l/services/s", nil, false, "unrelated"},
		{"a name that is not full", "projects/demo-project/locations/us-central1/services/s", nil, false, "unreadable"},
		{"no location", run + "demo-project/services/hello", nil, false, "unreadable"},
		{"a name that is not valid", run + "demo-project/locations/us-central1/services/..", nil, false, "unreadable"},
		{"no name", "", nil, false, "unreadable"},
	} {
		asset := map[string]any{"name": tc.asset, "assetType": "x", "ancestors": []string{"projects/1"},
			"updateTime": "2026-11-28T12:00:00Z"}
		for name, value := range tc.more {
			asset[name] = value
		}
		body, err := json.Marshal(map[string]any{"asset": asset, "deleted": tc.deleted, "priorAssetState": "PRESENT",
			"priorAsset": asset, "window": map[string]any{"startTime": "2026-11-28T12:00:01Z"}})
		if err != nil {
			t.Fatal(err)
		}
		push, err := json.Marshal(map[string]any{"message": map[string]any{"data": base64.StdEncoding.EncodeToString(body),
			"messageId": "1"}, "subscription": "projects/p/subscriptions/s"})
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range [][]byte{body, push} {
			r := one(t, message, Self{})
			if got := outcome(r); got != tc.want {
				t.Errorf("%s: %q (%s), want %q", tc.name, got, r.Why, tc.want)
			}
			if at := time.Date(2026, 11, 28, 12, 0, 1, 0, time.UTC); r.Cause != nil && (!r.Cause.At.Equal(at) ||
				r.Cause.Key == "" || r.Cause.Principal != "") {
				t.Errorf("%s: at %v with key %q by %q", tc.name, r.Cause.At, r.Cause.Key, r.Cause.Principal)
			}
		}
	}
}

// A change that is delivered twice has one key, and another change of the same resource another one.
func TestAChangeOfAnAssetHasAKeyOfItsOwn(t *testing.T) {
	key := func(at, role string) string {
		t.Helper()
		r := one(t, []byte(`{"asset":{"name":"//run.googleapis.com/projects/demo-project/locations/us-central1/services/s",`+
			`"assetType":"run.googleapis.com/Service","iamPolicy":{"bindings":[{"role":"`+role+`"}]}},`+
			`"window":{"startTime":"`+at+`"}}`), Self{})
		if r.Cause == nil {
			t.Fatal(r.Why)
		}
		return r.Cause.Key
	}
	first := key("2026-11-28T12:00:00Z", "a")
	if again := key("2026-11-28T12:00:00Z", "a"); again != first {
		t.Errorf("the same change has the keys %q and %q", first, again)
	}
	if first == key("2026-11-28T12:00:01Z", "a") || first == key("2026-11-28T12:00:00Z", "b") {
		t.Error("two changes have one key")
	}
}
