package loop

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// masked puts one load balancer before every service of the scenario's first
// region: its NEG picks the service by the request's host.
func masked(r *running) {
	project, region := "projects/"+stage.Project, "/regions/"+stage.Scenario[0].Region
	for _, part := range []struct {
		collection string
		body       map[string]any
	}{
		{region + "/networkEndpointGroups", map[string]any{"name": "all-neg", "networkEndpointType": "SERVERLESS",
			"cloudRun": map[string]any{"urlMask": "<service>.example.com"}}},
		{"/global/backendServices", map[string]any{"name": "all-backend", "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS",
			"backends": []any{map[string]any{"group": project + region + "/networkEndpointGroups/all-neg"}}}},
		{"/global/urlMaps", map[string]any{"name": "all-map", "defaultService": project + "/global/backendServices/all-backend"}},
		{"/global/sslCertificates", map[string]any{"name": "all-certificate", "type": "MANAGED",
			"managed": map[string]any{"domains": []any{"a.example.com"}}}},
		{"/global/targetHttpsProxies", map[string]any{"name": "all-proxy", "urlMap": project + "/global/urlMaps/all-map",
			"sslCertificates": []any{project + "/global/sslCertificates/all-certificate"}}},
		{"/global/forwardingRules", map[string]any{"name": "all-https", "target": project + "/global/targetHttpsProxies/all-proxy",
			"portRange": "443", "loadBalancingScheme": "EXTERNAL_MANAGED", "IPProtocol": "TCP"}},
	} {
		r.t.Helper()
		r.call(r.developer(), http.MethodPost, "/compute/v1/"+project+part.collection, part.body)
	}
}

func TestEveryServiceBehindAURLMaskIsProtectedAndLaterOnesToo(t *testing.T) {
	r := start(t, "", enforcing)
	service := func(name string) stage.LoadBalanced {
		return stage.LoadBalanced{Service: name, Region: stage.Scenario[0].Region}
	}
	deploy := func(name string) {
		t.Helper()
		if err := service(name).Deploy(t.Context(), r.developer()); err != nil {
			t.Fatal(err)
		}
	}
	safe := func(name string) func() bool {
		return func() bool {
			last := r.last(name)
			return last.Outcome == report.Protected || last.Outcome == report.Compliant
		}
	}
	deploy("cart")
	deploy("shop")
	masked(r)
	r.until("cart is protected", safe("cart"))
	r.until("shop is protected", safe("shop"))
	deploy("late")
	r.until("what was deployed later is protected", safe("late"))
	granted := slices.ContainsFunc(r.ownWrites(), func(write string) bool {
		return strings.Contains(write, "services.setIamPolicy") && strings.HasSuffix(write, "services/late")
	})
	if !granted {
		t.Errorf("writes %q, want the agent's grant on late", r.ownWrites())
	}
	if last := r.last("late"); len(last.Doors) == 0 || last.Exposed {
		t.Errorf("late: exposed %v, doors %+v", last.Exposed, last.Doors)
	}
}
