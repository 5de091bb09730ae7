package compute_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAHealthCheckIsFilledUpForItsProtocol(t *testing.T) {
	c := newCloud(t)
	ignored := cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "id" || k == "creationTimestamp" })
	c.must("POST", "global/healthChecks", `{"name":"hc","type":"HTTP","httpHealthCheck":{}}`)
	want := map[string]any{ // recorded, but for the id
		"kind": "compute#healthCheck", "name": "hc", "selfLink": googleLink + "global/healthChecks/hc", "type": "HTTP",
		"checkIntervalSec": json.Number("5"), "timeoutSec": json.Number("5"), "healthyThreshold": json.Number("2"),
		"unhealthyThreshold": json.Number("2"),
		"httpHealthCheck":    map[string]any{"port": json.Number("80"), "proxyHeader": "NONE", "requestPath": "/"},
	}
	if diff := cmp.Diff(want, c.must("GET", "global/healthChecks/hc", ""), ignored); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, probe := range map[string]string{
		"tcp": `"type":"TCP","tcpHealthCheck":{}`, "ssl": `"type":"SSL","sslHealthCheck":{}`,
		"http2": `"type":"HTTP2","http2HealthCheck":{}`, "grpc": `"type":"GRPC","grpcHealthCheck":{"port":50051}`,
		"tls":     `"type":"GRPC_WITH_TLS","grpcTlsHealthCheck":{"port":443}`,
		"serving": `"type":"HTTPS","httpsHealthCheck":{"portSpecification":"USE_SERVING_PORT"}`,
	} {
		c.must("POST", "regions/us-central1/healthChecks", `{"name":"`+name+`",`+probe+`}`)
	}
	if probe := c.must("GET", "regions/us-central1/healthChecks/serving", "")["httpsHealthCheck"].(map[string]any); probe["port"] != nil {
		t.Errorf("a probe of the serving port: %v", probe)
	}
	c.must("PUT", "global/healthChecks/hc", `{"name":"hc","type":"TCP","tcpHealthCheck":{"port":25}}`)
	if got := c.must("GET", "global/healthChecks/hc", ""); got["type"] != "TCP" || got["httpHealthCheck"] != nil {
		t.Errorf("after an update: %v", got)
	}
	for body, want := range map[string]string{
		`{"name":"x","tcpHealthCheck":{}}`:                                   "Required field 'resource.type' not specified",
		`{"name":"x","type":"HTTP"}`:                                         "Invalid value for field 'resource.httpHealthCheck': ''. HTTP healthCheck missing.",
		`{"name":"x","type":"TCP","tcpHealthCheck":{},"httpHealthCheck":{}}`: "'resource.httpHealthCheck': ''. It does not fit the type TCP.",
		`{"name":"x","type":"INVALID"}`:                                      "'resource.type': 'INVALID'",
		`{"name":"x","type":"GRPC","grpcHealthCheck":{}}`:                    "Required field 'resource.grpcHealthCheck.port' not specified",
		`{"name":"x","type":"TCP","tcpHealthCheck":{},"timeoutSec":9}`:       "TimeoutSec should be less than checkIntervalSec.",
	} {
		if status, message, _ := c.refused("POST", "global/healthChecks", body); status != 400 || !strings.Contains(message, want) {
			t.Errorf("%s: %d %q, want %q", body, status, message, want)
		}
	}
}

func TestWhoUsesAHealthCheckIsNamedAsGoogleDoes(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/healthChecks", `{"name":"hc","type":"TCP","tcpHealthCheck":{}}`)
	c.must("POST", "global/backendServices", `{"name":"be","healthChecks":["global/healthChecks/hc"]}`)
	c.must("POST", "regions/us-central1/backendServices", `{"name":"rbe","healthChecks":["global/healthChecks/hc"]}`)
	_, message, reason := c.refused("DELETE", "global/healthChecks/hc", "")
	const want = "The health_check resource 'GLOBAL:global/PROJECT:123456789012/HEALTH_CHECK:hc' is already being used by 'GLOBAL:global/PROJECT:123456789012/BACKEND_SERVICE:be'"
	if message != want || reason != "resourceInUseByAnotherResource" {
		t.Errorf("%s %q, want %q", reason, message, want)
	}
	c.must("DELETE", "global/backendServices/be", "")
	c.must("DELETE", "regions/us-central1/backendServices/rbe", "")
	c.must("DELETE", "global/healthChecks/hc", "")
}

func TestTheHealthOfServerlessBackendsIsRefused(t *testing.T) {
	c := newCloud(t)
	c.chain()
	c.must("POST", "regions/us-central1/networkEndpointGroups", `{"name":"internet","networkEndpointType":"INTERNET_FQDN_PORT"}`)
	c.must("POST", "regions/us-central1/backendServices",
		`{"name":"rbe","backends":[{"group":"regions/us-central1/networkEndpointGroups/internet"}]}`)
	const neg = `{"group":"regions/us-central1/networkEndpointGroups/neg"}`
	_, message, _ := c.refused("POST", "global/backendServices/be/getHealth", neg)
	if message != "GetHealth is not supported with Serverless Network Endpoint Group backends." {
		t.Errorf("a serverless backend: %q", message)
	}
	if _, message, _ = c.refused("POST", "regions/us-central1/backendServices/rbe/getHealth", neg); !strings.Contains(message, "not a backend") {
		t.Errorf("another group: %q", message)
	}
	got := c.must("POST", "regions/us-central1/backendServices/rbe/getHealth", strings.Replace(neg, "neg", "internet", 1))
	if diff := cmp.Diff(map[string]any{"kind": "compute#backendServiceGroupHealth"}, got); diff != "" {
		t.Errorf("other backends (-want +got):\n%s", diff)
	}
	for _, record := range c.audit() {
		if strings.HasSuffix(record.Method, "getHealth") {
			t.Error("reading the health is logged as a write")
		}
	}
}

func TestTheDefaultNetworkHasASubnetworkInEveryRegion(t *testing.T) {
	c := newCloud(t)
	network := c.must("GET", "global/networks/default", "")
	subnets, _ := network["subnetworks"].([]any)
	if len(subnets) != len(names(c.must("GET", "regions", ""))) || network["autoCreateSubnetworks"] != true ||
		!strings.HasPrefix(network["selfLinkWithId"].(string), googleLink+"global/networks/") {
		t.Errorf("%v", network)
	}
	subnet := c.must("GET", "regions/europe-west1/subnetworks/default", "")
	if subnet["ipCidrRange"] != "10.132.0.0/20" || subnet["gatewayAddress"] != "10.132.0.1" || subnet["purpose"] != "PRIVATE" {
		t.Errorf("%v", subnet)
	}
	_, message, reason := c.refused("DELETE", "regions/europe-west1/subnetworks/default", "")
	if reason != "invalidResourceUsage" || message != "Invalid resource usage: 'Cannot delete auto subnetwork from an auto subnet mode network.'." {
		t.Errorf("deleting it: %s %q", reason, message)
	}
	c.must("POST", "regions/europe-west1/addresses", `{"name":"ip","addressType":"INTERNAL","subnetwork":"regions/europe-west1/subnetworks/default"}`)
	if _, message, _ = c.refused("DELETE", "global/networks/default", ""); !strings.Contains(message,
		"The subnetwork resource 'projects/demo-project/regions/europe-west1/subnetworks/default' is already being used by") {
		t.Errorf("deleting the network: %q", message)
	}
	c.must("DELETE", "regions/europe-west1/addresses/ip", "")
	c.must("DELETE", "global/networks/default", "")
	if status, _, _ := c.refused("GET", "regions/europe-west1/subnetworks/default", ""); status != 404 {
		t.Errorf("the subnetworks of a network that is gone: %d, want 404", status)
	}
	c.server.Reset()
	c.must("GET", "regions/europe-west1/subnetworks/default", "")
}

func TestSubnetworksHaveRangesOfTheirOwn(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/networks", `{"name":"n","autoCreateSubnetworks":false}`)
	c.must("POST", "global/networks", `{"name":"auto","autoCreateSubnetworks":true}`)
	c.must("POST", "regions/us-central1/subnetworks", `{"name":"a","network":"global/networks/n","ipCidrRange":"10.0.0.0/24"}`)
	c.must("POST", "regions/us-east1/subnetworks", `{"name":"elsewhere","network":"global/networks/auto","ipCidrRange":"10.0.0.0/24"}`)
	c.must("POST", "regions/us-central1/subnetworks", `{"name":"proxies","network":"global/networks/n","ipCidrRange":"10.129.0.0/23",
		"purpose":"REGIONAL_MANAGED_PROXY","role":"ACTIVE"}`)
	for name, want := range map[string][]any{"a": {"IPV4_ONLY", nil}, "proxies": {nil, "READY"}} { // recorded
		got := c.must("GET", "regions/us-central1/subnetworks/"+name, "")
		if diff := cmp.Diff(want, []any{got["stackType"], got["state"]}); diff != "" {
			t.Errorf("%s: stack type and state (-want +got):\n%s", name, diff)
		}
	}
	if got := c.must("GET", "global/networks/n", "")["routingConfig"]; got.(map[string]any)["routingMode"] != "REGIONAL" {
		t.Errorf("routingConfig %v", got)
	}
	for body, want := range map[string]string{
		`"ipCidrRange":"10.0.0.128/25","network":"global/networks/n"`:    "Invalid IPCidrRange: 10.0.0.128/25 conflicts with existing subnetwork 'a' in region 'us-central1'.",
		`"ipCidrRange":"10.128.0.0/24","network":"global/networks/auto"`: "conflicts with existing subnetwork 'auto' in region 'us-central1'.",
		`"ipCidrRange":"10.1.0.1/24","network":"global/networks/n"`:      "'resource.ipCidrRange': '10.1.0.1/24'",
		`"ipCidrRange":"ten","network":"global/networks/n"`:              "'resource.ipCidrRange': 'ten'",
		`"network":"global/networks/n"`:                                  "Required field 'resource.ipCidrRange' not specified",
		`"ipCidrRange":"10.1.0.0/24"`:                                    "Required field 'resource.network' not specified",
		`"ipCidrRange":"10.1.0.0/24","network":"global/networks/none"`:   "The resource 'projects/demo-project/global/networks/none' was not found",
	} {
		if _, message, _ := c.refused("POST", "regions/us-east1/subnetworks", `{"name":"x",`+body+`}`); !strings.Contains(message, want) {
			t.Errorf("%s: %q, want %q", body, message, want)
		}
	}
	if _, message, _ := c.refused("DELETE", "global/networks/n", ""); !strings.Contains(message, "subnetworks/a'") {
		t.Errorf("deleting a network that is used: %q", message)
	}
	if _, message, _ := c.refused("DELETE", "global/networks/auto", ""); !strings.Contains(message, "subnetworks/elsewhere'") {
		t.Errorf("deleting an auto mode network that is used: %q", message)
	}
	if _, message, _ := c.refused("POST", "global/networks", `{"name":"old"}`); !strings.Contains(message, "autoCreateSubnetworks") {
		t.Errorf("a legacy network: %q", message)
	}
}
