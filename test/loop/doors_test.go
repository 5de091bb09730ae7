package loop

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// hash is what Google makes up in the older of a service's run.app addresses.
var hash = regexp.MustCompile(`hello-[a-z0-9]+-uc`)

func TestAReportNamesEveryWayIn(t *testing.T) {
	t.Parallel()
	r := withfunction.Start(t, withfunction.Options{
		Policy: "version: 1\nrules: [{name: everything, mode: report-only}]\n"})
	hello := playground.Scenario[0]
	r.Build(hello)
	global := "/compute/v1/projects/" + playground.Project + "/global/"
	backend := "projects/" + playground.Project + "/global/backendServices/" + hello.Backend()
	r.Call(http.MethodPatch, global+"urlMaps/hello-map", map[string]any{
		"hostRules": []any{map[string]any{"hosts": []any{hello.Host}, "pathMatcher": "m"}},
		"pathMatchers": []any{map[string]any{"name": "m", "defaultUrlRedirect": map[string]any{"hostRedirect": "example.com"},
			"pathRules": []any{map[string]any{"paths": []any{"/shop/*"}, "service": backend}}}},
		"defaultService": nil, "defaultUrlRedirect": map[string]any{"hostRedirect": "example.com"},
	})
	r.Call(http.MethodPost, global+"targetHttpProxies",
		map[string]any{"name": "plain", "urlMap": "projects/" + playground.Project + "/global/urlMaps/hello-map"})
	r.Call(http.MethodPost, global+"forwardingRules", map[string]any{"name": "hello-plain", "portRange": "80",
		"target":              "projects/" + playground.Project + "/global/targetHttpProxies/plain",
		"loadBalancingScheme": "EXTERNAL_MANAGED"})
	r.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=traffic", map[string]any{"traffic": []any{
		map[string]any{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100, "tag": "blue"},
	}})
	rules := "projects/" + playground.Project + "/global/forwardingRules/"
	want := []report.Door{
		{Kind: door.DefaultURL, Address: "https://hello-123456789012.us-central1.run.app", Via: hello.Name(),
			Guard: door.GuardOpen},
		{Kind: door.DefaultURL, Address: "https://hello-HASH-uc.a.run.app", Via: hello.Name(), Guard: door.GuardOpen},
		{Kind: door.TagURL, Address: "https://blue---hello-123456789012.us-central1.run.app", Via: hello.Name(),
			Guard: door.GuardOpen},
		{Kind: door.TagURL, Address: "https://blue---hello-HASH-uc.a.run.app", Via: hello.Name(), Guard: door.GuardOpen},
		{Kind: door.LoadBalancer, Address: "https://hello.example.com/shop/*", Via: rules + "hello-https",
			Backend: backend, Guard: door.GuardOpen},
		{Kind: door.LoadBalancer, Address: "http://hello.example.com/shop/*", Via: rules + "hello-plain",
			Backend: backend, Guard: door.GuardOpen},
	}
	r.Until("every door is reported", func() bool { return len(r.LastOf("hello").Doors) == len(want) })
	last := r.LastOf("hello")
	for i, door := range last.Doors[1:4] {
		last.Doors[i+1].Address = hash.ReplaceAllString(door.Address, "hello-HASH-uc")
	}
	if diff := cmp.Diff(want, last.Doors); diff != "" || last.Outcome != report.Waiting || last.Exposed != door.Yes {
		t.Errorf("outcome %s, exposed %v, doors (-want +got):\n%s", last.Outcome, last.Exposed, diff)
	}
}
