package loop

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// masked puts one load balancer before every service of the scenario's first
// region: its NEG picks the service by the request's host.
func masked(r *withfunction.Env) {
	project, region := "projects/"+playground.Project, "/regions/"+playground.Scenario[0].Region
	for _, part := range []struct {
		collection string
		body       map[string]any
	}{
		{region + "/networkEndpointGroups", map[string]any{"name": "all-neg", "networkEndpointType": "SERVERLESS",
			"cloudRun": map[string]any{"urlMask": "<service>.example.com"}}},
		{"/global/backendServices", map[string]any{"name": "all-backend", "loadBalancingScheme": "EXTERNAL_MANAGED",
			"protocol": "HTTPS",
			"backends": []any{map[string]any{"group": project + region + "/networkEndpointGroups/all-neg"}}}},
		{"/global/urlMaps", map[string]any{"name": "all-map", "defaultService": project +
			"/global/backendServices/all-backend"}},
		{"/global/sslCertificates", map[string]any{"name": "all-certificate", "type": "MANAGED",
			"managed": map[string]any{"domains": []any{"a.example.com"}}}},
		{"/global/targetHttpsProxies", map[string]any{"name": "all-proxy", "urlMap": project + "/global/urlMaps/all-map",
			"sslCertificates": []any{project + "/global/sslCertificates/all-certificate"}}},
		{"/global/forwardingRules", map[string]any{"name": "all-https",
			"target":    project + "/global/targetHttpsProxies/all-proxy",
			"portRange": "443", "loadBalancingScheme": "EXTERNAL_MANAGED", "IPProtocol": "TCP"}},
	} {
		r.Call(http.MethodPost, "/compute/v1/"+project+part.collection, part.body)
	}
}

func TestEveryServiceBehindAURLMaskIsProtectedAndLaterOnesToo(t *testing.T) {
	t.Parallel()
	r := start(t)
	service := func(name string) playground.LoadBalanced {
		return playground.LoadBalanced{Service: name, Region: playground.Scenario[0].Region}
	}
	r.Deploy(service("cart"), service("shop"))
	masked(r)
	r.Until("cart is protected", r.Safe("cart"))
	r.Until("shop is protected", r.Safe("shop"))
	r.Deploy(service("late"))
	r.Until("what was deployed later is protected", r.Safe("late"))
	granted := slices.ContainsFunc(r.OwnWrites(), func(write string) bool {
		return strings.Contains(write, "services.setIamPolicy") && strings.HasSuffix(write, "services/late")
	})
	if !granted {
		t.Errorf("writes %q, want the agent's grant on late", r.OwnWrites())
	}
	if last := r.LastOf("late"); len(last.Doors) == 0 || last.Exposed != door.No {
		t.Errorf("late: exposed %v, doors %+v", last.Exposed, last.Doors)
	}
}
