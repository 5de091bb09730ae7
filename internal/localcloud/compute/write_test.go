package compute_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAWriteIsAnOperationThatRunsAndEnds(t *testing.T) {
	c := newCloud(t)
	for _, tc := range []struct{ path, body, scope, kind string }{
		{"global/backendServices", `{"name":"be"}`, "global", "insert"},
		{"regions/europe-west1/backendServices", `{"name":"be"}`, "regions/europe-west1", "insert"},
		{"regions/us-central1/networkEndpointGroups",
			`{"name":"n","networkEndpointType":"SERVERLESS","cloudRun":{"urlMask":"<service>"}}`,
			"regions/us-central1", "compute.regionNetworkEndpointGroups.insert"},
	} {
		_, started := c.call("POST", tc.path, tc.body)
		if started["status"] != "RUNNING" || started["progress"] != json.Number("0") ||
			started["operationType"] != tc.kind || started["endTime"] != nil {
			t.Errorf("%s: the first answer is %v", tc.path, started)
		}
		name := started["name"].(string)
		if !regexp.MustCompile(`^operation-\d{13}-[0-9a-f]{13}-[0-9a-f]{8}-[0-9a-f]{8}$`).MatchString(name) {
			t.Errorf("%s: name %q", tc.path, name)
		}
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[78]:00$`).MatchString(
			started["insertTime"].(string)) {
			t.Errorf("%s: insertTime %q, want milliseconds and a Pacific offset", tc.path, started["insertTime"])
		}
		if got, want := started["selfLink"], googleLink+tc.scope+"/operations/"+name; got != want {
			t.Errorf("%s: selfLink %v, want %v", tc.path, got, want)
		}
		_, done := c.call("POST", tc.scope+"/operations/"+name+"/wait", "")
		want := map[string]any{}
		for key, value := range started {
			want[key] = value
		}
		want["status"], want["progress"] = "DONE", json.Number("100")
		if diff := cmp.Diff(want, done, cmpopts.IgnoreMapEntries(
			func(k string, _ any) bool { return k == "endTime" })); diff != "" || done["endTime"] == nil {
			t.Errorf("%s: when done (-want +got):\n%s", tc.path, diff)
		}
		if _, read := c.call("GET", tc.scope+"/operations/"+name, ""); read["status"] != "DONE" {
			t.Errorf("%s: read again: %v", tc.path, read)
		}
		other := "regions/us-east1"
		if status, _, _ := c.refused("GET", other+"/operations/"+name, ""); status != 404 {
			t.Errorf("%s: in another scope: %d, want 404", tc.path, status)
		}
		if status, _ := c.call("DELETE", tc.scope+"/operations/"+name, ""); status != 204 {
			t.Errorf("%s: deleting the operation: %d, want 204", tc.path, status)
		}
	}
}

func TestTheSameRequestIDIsTheSameOperation(t *testing.T) {
	c := newCloud(t)
	const id = "?requestId=0b1f2a6e-0000-4000-8000-000000000001"
	first := c.must("POST", "global/backendServices"+id, `{"name":"be"}`)
	again := c.must("POST", "global/backendServices"+id, `{"name":"be"}`)
	if first["name"] != again["name"] {
		t.Errorf("operations %v and %v, want the same", first["name"], again["name"])
	}
	const gone = "?requestId=0b1f2a6e-0000-4000-8000-000000000002"
	c.must("DELETE", "global/backendServices/be"+gone, "")
	if status, answer := c.call("DELETE", "global/backendServices/be"+gone, ""); status != 200 {
		t.Errorf("a repeated delete: %d %v", status, answer)
	}
}

func TestReferencesComeBackInFullAndInTheVersionOfTheCall(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	for name, form := range map[string]string{
		"a": "https://www.googleapis.com/compute/beta/projects/demo-project/global/backendServices/be",
		"b": "http://compute.googleapis.com/projects/demo-project/global/backendServices/be",
		"c": "projects/123456789012/global/backendServices/be",
		"d": "global/backendServices/be",
	} {
		c.must("POST", "global/urlMaps", `{"name":"`+name+`","defaultService":"`+form+`"}`)
		for version, path := range map[string]string{"v1": "global/urlMaps/" + name,
			"beta": "/compute/beta/projects/demo-project/global/urlMaps/" + name} {
			want := "https://www.googleapis.com/compute/" + version + "/projects/demo-project/global/backendServices/be"
			if got := c.must("GET", path, "")["defaultService"]; got != want {
				t.Errorf("%s through %s is %v, want %v", form, version, got, want)
			}
		}
	}
}

func TestFieldsOfLaterVersionsSurviveAsTheyWereSent(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "/compute/beta/projects/demo-project/global/backendServices",
		`{"name":"be","futureField":{"deep":[1.50,12345678901234567890]},"localityLbPolicy":"RING_HASH"}`)
	c.must("PATCH", "global/backendServices/be", `{"iap":{"enabled":true}}`)
	got := c.must("GET", "/compute/beta/projects/demo-project/global/backendServices/be", "")
	want := map[string]any{"deep": []any{json.Number("1.50"), json.Number("12345678901234567890")}}
	if diff := cmp.Diff(want, got["futureField"]); diff != "" || got["localityLbPolicy"] != "RING_HASH" {
		t.Errorf("%v (-want +got):\n%s", got, diff)
	}
}

func TestWhatWasSentIsKeptInTheFormOfItsType(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be","timeoutSec":"40","enableCDN":"true","port":8e1,
		"maxStreamDuration":{"seconds":5},"usedBy":[{"reference":"mine"}],"securityPolicy":"mine"}`)
	got := c.must("GET", "global/backendServices/be", "")
	want := map[string]any{
		"timeoutSec": json.Number("40"), "enableCDN": true, "port": json.Number("80"),
		"maxStreamDuration": map[string]any{"seconds": "5"}, // int64
		"usedBy":            nil, "securityPolicy": nil,     // only the server writes them
	}
	for field, value := range want {
		if diff := cmp.Diff(value, got[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
}

func TestAStaleFingerprintIsRefused(t *testing.T) {
	c := newCloud(t)
	c.chain()
	for _, tc := range []struct {
		name, verb, path, body, message, reason string
		status                                  int
	}{
		{"PATCH of a backend service with another's", "PATCH", "global/backendServices/be",
			`{"fingerprint":"AAAAAAAAAAA="}`, "Invalid fingerprint.", "conditionNotMet", 412},
		{"PUT of a backend service without one", "PUT", "global/backendServices/be", `{}`,
			"Required field 'resource.fingerprint' not specified", "required", 400},
		{"PUT of a URL map with another's", "PUT", "global/urlMaps/um", `{"fingerprint":"AAAAAAAAAAA="}`,
			"Invalid fingerprint.", "conditionNotMet", 412},
		{"PATCH of an HTTPS proxy without one", "PATCH", "global/targetHttpsProxies/thp", `{"description":"x"}`,
			"Required field 'resource.fingerprint' not specified", "required", 400},
		{"labels without their fingerprint", "POST", "global/forwardingRules/fr/setLabels", `{"labels":{"a":"b"}}`,
			"Required field 'labelFingerprint' not specified", "required", 400},
		{"labels with another's", "POST", "global/forwardingRules/fr/setLabels",
			`{"labels":{"a":"b"},"labelFingerprint":"AAAAAAAAAAA="}`, "Invalid fingerprint.", "conditionNotMet", 412},
	} {
		before := c.must("GET", strings.TrimSuffix(tc.path, "/setLabels"), "")
		status, message, reason := c.refused(tc.verb, tc.path, tc.body)
		if status != tc.status || message != tc.message || reason != tc.reason {
			t.Errorf("%s: %d %q %q", tc.name, status, message, reason)
		}
		if diff := cmp.Diff(before, c.must("GET", strings.TrimSuffix(tc.path, "/setLabels"), "")); diff != "" {
			t.Errorf("%s changed the resource:\n%s", tc.name, diff)
		}
	}
}

func TestOfManyWritersWithOneFingerprintExactlyOneWins(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	fingerprint := c.must("GET", "global/backendServices/be", "")["fingerprint"].(string)
	statuses := make(chan int)
	for i := range 16 {
		go func() {
			status, _ := c.call("PATCH", "global/backendServices/be",
				fmt.Sprintf(`{"fingerprint":%q,"description":"%d"}`, fingerprint, i))
			statuses <- status
		}()
	}
	got := map[int]int{}
	for range 16 {
		got[<-statuses]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 412: 15}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheFingerprintIsThatOfTheContents(t *testing.T) {
	c := newCloud(t)
	c.chain()
	read := func(path string) (string, string) {
		r := c.must("GET", path, "")
		label, _ := r["labelFingerprint"].(string)
		return r["fingerprint"].(string), label
	}
	backend, _ := read("global/backendServices/be")
	c.must("POST", "global/urlMaps", `{"name":"second","defaultService":"global/backendServices/be"}`)
	if now, _ := read("global/backendServices/be"); now != backend {
		t.Error("a new usedBy changes the fingerprint of the backend service")
	}
	c.must("PATCH", "global/backendServices/be", `{"description":"new","fingerprint":"`+backend+`"}`)
	if now, _ := read("global/backendServices/be"); now == backend {
		t.Error("a patch leaves the fingerprint of the backend service")
	}
	rule, labels := read("global/forwardingRules/fr")
	if labels != "42WmSpB8rSM=" {
		t.Errorf("labelFingerprint of no labels is %q", labels)
	}
	answer := c.must("POST", "global/forwardingRules/fr/setLabels", `{"labels":{"team":"a"},"labelFingerprint":"`+
		labels+`"}`)
	if answer["status"] != "DONE" || answer["endTime"] == nil {
		t.Errorf("setLabels answers %v, want it to be done at once", answer)
	}
	if now, nowLabels := read("global/forwardingRules/fr"); now != rule || nowLabels == labels {
		t.Errorf("after setLabels: fingerprint %q (was %q), labelFingerprint %q (was %q)", now, rule, nowLabels, labels)
	}
	c.must("POST", "global/targetHttpProxies", `{"name":"plain","urlMap":"global/urlMaps/um"}`)
	c.must("POST", "global/forwardingRules/fr/setTarget", `{"target":"global/targetHttpProxies/plain"}`)
	if now, _ := read("global/forwardingRules/fr"); now == rule {
		t.Error("setTarget leaves the fingerprint of the forwarding rule")
	}
}

func TestWhatIsInUseCannotBeDeleted(t *testing.T) {
	c := newCloud(t)
	c.chain()
	const p = "projects/demo-project/"
	for _, tc := range []struct{ path, kind, user string }{
		{"regions/us-central1/networkEndpointGroups/neg", "network_endpoint_group", "global/backendServices/be"},
		{"global/backendServices/be", "backend_service", "global/urlMaps/um"},
		{"global/urlMaps/um", "url_map", "global/targetHttpsProxies/thp"},
		{"global/sslCertificates/cert", "ssl_certificate", "global/targetHttpsProxies/thp"},
		{"global/targetHttpsProxies/thp", "target_https_proxy", "global/forwardingRules/fr"},
		{"global/addresses/ip", "address", "global/forwardingRules/fr"},
	} {
		status, message, reason := c.refused("DELETE", tc.path, "")
		want := "The " + tc.kind + " resource '" + p + tc.path + "' is already being used by '" + p + tc.user + "'"
		if status != 400 || message != want || reason != "resourceInUseByAnotherResource" {
			t.Errorf("%s: %d %q %q, want %q", tc.path, status, message, reason, want)
		}
	}
	for _, path := range []string{
		"global/forwardingRules/fr", "global/addresses/ip", "global/targetHttpsProxies/thp", "global/sslCertificates/cert",
		"global/urlMaps/um", "global/backendServices/be", "regions/us-central1/networkEndpointGroups/neg",
	} {
		c.must("DELETE", path, "")
		if status, message, reason := c.refused("GET", path, ""); status != 404 || reason != "notFound" ||
			message != "The resource '"+p+path+"' was not found" {
			t.Errorf("%s after its end: %d %q %q", path, status, message, reason)
		}
	}
}

func TestWhatGoogleRefusesIsRefused(t *testing.T) {
	c := newCloud(t)
	c.chain()
	c.must("POST", "regions/europe-west1/networkEndpointGroups",
		`{"name":"far","networkEndpointType":"SERVERLESS","cloudRun":{"service":"hello"}}`)
	c.must("POST", "regions/us-central1/backendServices", `{"name":"rbe"}`)
	c.must("POST", "regions/us-central1/urlMaps",
		`{"name":"rum","defaultService":"regions/us-central1/backendServices/rbe"}`)
	c.must("POST", "global/healthChecks", `{"name":"h","type":"TCP","tcpHealthCheck":{}}`)
	const serverless = `"backends":[{"group":"regions/us-central1/networkEndpointGroups/neg"}]`
	for _, tc := range []struct {
		name, verb, path, body string
		status                 int
		message                string
	}{
		{"nothing", "POST", "global/backendServices", ``, 400, "Required field 'resource' not specified"},
		{"no name", "POST", "global/backendServices", `{"description":"x"}`, 400,
			"Required field 'resource.name' not specified"},
		{"a field that is not there", "POST", "global/backendServices", `{"name":"x","colour":"red"}`, 400,
			`Invalid JSON payload received. Unknown name "colour": Cannot find field.`},
		{"a field that a message does not have", "PATCH", "global/backendServices/be", `{"iap":{"enable":true}}`, 400,
			`Unknown name "enable" at 'iap': Cannot find field.`},
		{"a field that an entry does not have", "PATCH", "global/backendServices/be",
			`{"backends":[{"group":"g","url":"u"}]}`, 400, `Unknown name "url" at 'backends[0]': Cannot find field.`},
		{"a field that a message deep inside does not have", "PATCH", "global/backendServices/be",
			`{"cdnPolicy":{"cacheKeyPolicy":{"hosts":true}}}`, 400,
			`Unknown name "hosts" at 'cdnPolicy.cacheKeyPolicy': Cannot find field.`},
		{"a text for a number", "POST", "global/backendServices", `{"name":"x","timeoutSec":"soon"}`, 400,
			"Invalid value for field 'resource.timeoutSec': 'soon'. Must be of type TYPE_INT32."},
		{"a number for a text", "POST", "global/backendServices", `{"name":5}`, 400, "'resource.name': '5'"},
		{"a number out of its range", "POST", "global/backendServices", `{"name":"x","port":2147483648}`, 400,
			"'resource.port': '2147483648'"},
		{"an object for a list", "POST", "global/backendServices", `{"name":"x","backends":{}}`, 400,
			"'resource.backends': '{}'"},
		{"a wrong type through beta", "PATCH", "/compute/beta/projects/demo-project/global/backendServices/be",
			`{"timeoutSec":[]}`, 400, `Unknown name "timeoutSec": Proto field is not repeating, cannot start list.`},
		{"a wrong value through beta", "PATCH", "/compute/beta/projects/demo-project/global/backendServices/be",
			`{"protocol":"GOPHER"}`, 400, "'resource.protocol': 'GOPHER'. It is not a valid enum value."},
		{"a wrong type in a custom method", "POST", "global/forwardingRules/fr/setTarget", `{"target":{}}`, 400,
			"'resource.target': '{}'"},
		{"a type of zonal NEGs", "POST", "regions/us-central1/networkEndpointGroups",
			`{"name":"x","networkEndpointType":"GCE_VM_IP_PORT"}`, 400, "'resource.networkEndpointType': 'GCE_VM_IP_PORT'"},
		{"a field that a PUT does not have", "PUT", "global/urlMaps/um", `{"name":"um","service":"x"}`, 400,
			`Unknown name "service": Cannot find field.`},
		{"a field that a custom method does not have", "POST", "global/forwardingRules/fr/setTarget", `{"targetUrl":"x"}`,
			400, `Unknown name "targetUrl": Cannot find field.`},
		{"a balancing mode that is none", "PATCH", "global/backendServices/be",
			`{"backends":[{"group":"regions/us-central1/networkEndpointGroups/neg","balancingMode":"FAIR"}]}`, 400,
			"'resource.backends[0].balancingMode': 'FAIR'"},
		{"a name in the path outside the grammar", "GET", "global/backendServices/No_Name", "", 400,
			"Invalid value for field 'backendService': 'No_Name'. Must be a match of regex '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?|[1-9][0-9]{0,19}'"},
		{"a number that nothing has", "GET", "global/backendServices/12345", "", 404, "backendServices/12345' was not found"},
		{"a global URL map for a regional backend service", "POST", "global/urlMaps",
			`{"name":"x","defaultService":"regions/us-central1/backendServices/rbe"}`, 400, "must be in the same scope"},
		{"a regional proxy for a global URL map", "POST", "regions/us-central1/targetHttpProxies",
			`{"name":"x","urlMap":"global/urlMaps/um"}`, 400, "must be in the same scope"},
		{"a name outside the grammar", "POST", "global/backendServices", `{"name":"No_Name"}`, 400,
			"Invalid value for field 'resource.name': 'No_Name'. Must be a match of regex"},
		{"a name of 64 characters", "POST", "global/backendServices", `{"name":"` + strings.Repeat("a", 64) + `"}`, 400,
			"Must be a match of regex"},
		{"a name that is taken", "POST", "global/backendServices", `{"name":"be"}`, 409,
			"The resource 'projects/demo-project/global/backendServices/be' already exists"},
		{"an unknown region", "POST", "regions/moon-east1/backendServices", `{"name":"x"}`, 400,
			"Invalid value for field 'region': 'moon-east1'. Unknown region."},
		{"an unknown enum value", "POST", "global/backendServices", `{"name":"x","protocol":"GOPHER"}`, 400,
			"'resource.protocol': 'GOPHER'"},
		{"a patch to an unknown enum value", "PATCH", "global/backendServices/be", `{"loadBalancingScheme":"SIDEWAYS"}`,
			400, "'resource.loadBalancingScheme': 'SIDEWAYS'"},
		{"a reference to nothing", "POST", "global/urlMaps", `{"name":"x","defaultService":"global/backendServices/none"}`,
			404, "The resource 'projects/demo-project/global/backendServices/none' was not found"},
		{"a reference that is not a link", "POST", "global/urlMaps", `{"name":"x","defaultService":"be"}`, 400,
			"'resource.defaultService': 'be'. The URL is malformed."},
		{"a reference deep inside", "POST", "global/urlMaps",
			`{"name":"x","defaultService":"global/backendServices/be","pathMatchers":[{"name":"m","pathRules":[{"paths":["/"],"service":"global/backendServices/none"}]}]}`, 404, "backendServices/none' was not found"},
		{"a path matcher that is not there", "POST", "global/urlMaps",
			`{"name":"x","defaultService":"global/backendServices/be","hostRules":[{"hosts":["*"],"pathMatcher":"none"}]}`,
			400, "'resource.hostRules[0].pathMatcher': 'none'"},
		{"a URL map without a default", "POST", "global/urlMaps", `{"name":"x"}`, 400,
			"Required field 'resource.defaultService'"},
		{"a proxy without a URL map", "POST", "global/targetHttpProxies", `{"name":"x"}`, 400,
			"Required field 'resource.urlMap'"},
		{"an HTTPS proxy without a certificate", "POST", "global/targetHttpsProxies",
			`{"name":"x","urlMap":"global/urlMaps/um"}`, 400, "Required field 'resource.sslCertificates'"},
		{"a QUIC setting on a regional proxy", "POST", "regions/us-central1/targetHttpsProxies",
			`{"name":"x","urlMap":"regions/us-central1/urlMaps/rum","certificateMap":"m","quicOverride":"ENABLE"}`, 400,
			"QUIC override is supported only with global TargetHttpsProxy."},
		{"a forwarding rule without a target", "POST", "global/forwardingRules", `{"name":"x","portRange":"80"}`, 400,
			"Required field 'resource.target'"},
		{"a port that is none", "POST", "global/forwardingRules",
			`{"name":"x","portRange":"https","target":"global/targetHttpsProxies/thp"}`, 400, "'resource.portRange': 'https'"},
		{"a second rule on the same address and port", "POST", "global/forwardingRules",
			`{"name":"x","portRange":"443","IPAddress":"global/addresses/ip","target":"global/targetHttpsProxies/thp"}`, 400,
			"in-use and would result in a conflict"},
		{"an address that is not reserved", "POST", "global/forwardingRules",
			`{"name":"x","portRange":"80","IPAddress":"global/addresses/none","target":"global/targetHttpsProxies/thp"}`, 404,
			"addresses/none' was not found"},
		{"a certificate that does not parse", "POST", "global/sslCertificates",
			`{"name":"x","certificate":"nonsense","privateKey":"k"}`, 400, "The SSL certificate could not be parsed."},
		{"a certificate without a key", "POST", "global/sslCertificates", `{"name":"x","certificate":"nonsense"}`, 400,
			"Required field 'resource.privateKey'"},
		{"a managed certificate without domains", "POST", "global/sslCertificates", `{"name":"x","type":"MANAGED"}`, 400,
			"Required field 'resource.managed.domains'"},
		{"a NEG without a type", "POST", "regions/us-central1/networkEndpointGroups", `{"name":"x"}`, 400,
			"Required field 'resource.networkEndpointType'"},
		{"a serverless NEG that points nowhere", "POST", "regions/us-central1/networkEndpointGroups",
			`{"name":"x","networkEndpointType":"SERVERLESS"}`, 400, "Exactly one of"},
		{"a serverless NEG without a service", "POST", "regions/us-central1/networkEndpointGroups",
			`{"name":"x","networkEndpointType":"SERVERLESS","cloudRun":{"tag":"t"}}`, 400, "Either service or urlMask"},
		{"a serverless backend with a health check", "POST", "global/backendServices", `{"name":"x",` + serverless +
			`,"healthChecks":["global/healthChecks/h"]}`, 400,
			"Invalid value for field 'resource.healthChecks': ''. A backend service cannot have a healthcheck with Serverless network endpoint group backends."},
		{"a serverless backend with a timeout", "POST", "global/backendServices", `{"name":"x",` + serverless +
			`,"timeoutSec":120}`, 400, "Invalid value for field 'resource.timeoutSec': '120'. Timeout sec is not supported for a backend service with Serverless network endpoint groups."},
		{"a timeout on a serverless backend", "PATCH", "global/backendServices/be", `{"timeoutSec":120}`, 400,
			"Timeout sec is not supported"},
		{"a serverless backend with a utilization", "POST", "global/backendServices",
			`{"name":"x","backends":[{"group":"regions/us-central1/networkEndpointGroups/neg","maxUtilization":0.8}]}`, 400,
			"Invalid value for field 'resource.backends[0].maxUtilization': '0.8'. Max utilization is not supported for Serverless network endpoint groups."},
		{"a NEG of another region", "POST", "regions/us-central1/backendServices",
			`{"name":"x","backends":[{"group":"regions/europe-west1/networkEndpointGroups/far"}]}`, 400,
			"must be in the region of the backend service"},
		{"a backend without a group", "POST", "global/backendServices", `{"name":"x","backends":[{}]}`, 400,
			"Required field 'resource.backends[0].group'"},
		{"IAP with CDN", "POST", "global/backendServices", `{"name":"x","enableCDN":true,"iap":{"enabled":true}}`, 400,
			"IAP and Cloud CDN"},
		{"CDN with IAP", "PATCH", "global/backendServices/be", `{"enableCDN":true,"iap":{"enabled":true}}`, 400,
			"IAP and Cloud CDN"},
		{"IAP on a passthrough load balancer", "POST", "regions/us-central1/backendServices",
			`{"name":"x","loadBalancingScheme":"INTERNAL","iap":{"enabled":true}}`, 400,
			"IAP is not supported for load balancing scheme INTERNAL"},
		{"IAP on TCP", "POST", "global/backendServices", `{"name":"x","protocol":"TCP","iap":{"enabled":true}}`, 400,
			"IAP is not supported for protocol TCP"},
		{"IAP that is neither on nor off", "PATCH", "global/backendServices/be", `{"iap":{"enabled":"yes"}}`, 400,
			"'resource.iap.enabled': 'yes'"},
		{"a body that is not JSON", "PATCH", "global/backendServices/be", `{`, 400, "Invalid JSON payload received"},
		{"a write to nothing", "PATCH", "global/backendServices/none", `{}`, 404, "backendServices/none' was not found"},
		{"a project that is not there", "GET", "/compute/v1/projects/other/global/backendServices/be", "", 404,
			"The resource 'projects/other' was not found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, message, _ := c.refused(tc.verb, tc.path, tc.body)
			if status != tc.status || !strings.Contains(message, tc.message) {
				t.Errorf("got %d %q, want %d … %q", status, message, tc.status, tc.message)
			}
		})
	}
	id := c.must("GET", "global/backendServices/be", "")["id"].(string)
	if byID := c.must("GET", "global/backendServices/"+id, ""); byID["name"] != "be" {
		t.Errorf("number %s is %v", id, byID["name"])
	}
	if got := c.must("GET", "global/backendServices", ""); len(got["items"].([]any)) != 1 {
		t.Errorf("refused inserts left something: %v", got)
	}
}
