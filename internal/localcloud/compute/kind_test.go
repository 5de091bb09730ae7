package compute_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// example is a resource of a kind: what is sent beside its name, and how the collection
// of its first user begins, "" = nothing uses it. SCOPE is where it is.
type example struct{ collection, body, patch, user string }

// examples are one of each kind, each after those that it names.
var examples = []example{
	{"networks", `"autoCreateSubnetworks":false,"mtu":1460`, `{"mtu":1500}`, ""},
	{"subnetworks", `"network":"global/networks/default","ipCidrRange":"192.168.0.0/24"`, `{"privateIpGoogleAccess":true}`, ""},
	{"networkEndpointGroups", `"networkEndpointType":"SERVERLESS","cloudRun":{"service":"shop"}`, "", ""},
	{"healthChecks", `"type":"HTTPS","httpsHealthCheck":{"requestPath":"/live"}`, `{"checkIntervalSec":9}`, "backendServices"},
	{"sslPolicies", `"profile":"MODERN"`, `{"profile":"RESTRICTED"}`, "targetHttpsProxies"},
	{"securityPolicies", `"description":"d"`, `{"description":"other"}`, ""},
	{"sslCertificates", `"type":"MANAGED","managed":{"domains":["shop.example.com"]}`, "", "targetHttpsProxies"},
	{"backendServices", `"healthChecks":["SCOPE/healthChecks/x"],"loadBalancingScheme":"EXTERNAL_MANAGED"`,
		`{"description":"other"}`, "target"},
	{"backendBuckets", `"bucketName":"pictures"`, `{"enableCdn":true}`, "urlMaps"},
	{"urlMaps", `"defaultService":"SCOPE/backendServices/x","pathMatchers":[{"name":"m","defaultService":"BUCKET"}]`,
		`{"description":"other"}`, "target"},
	{"targetHttpProxies", `"urlMap":"SCOPE/urlMaps/x"`, `{"httpKeepAliveTimeoutSec":30}`, "forwardingRules"},
	{"targetHttpsProxies", `"urlMap":"SCOPE/urlMaps/x","sslCertificates":["SCOPE/sslCertificates/x"],"sslPolicy":"SCOPE/sslPolicies/x"`,
		`{"httpKeepAliveTimeoutSec":30,"fingerprint":"FINGERPRINT"}`, ""},
	{"targetGrpcProxies", `"urlMap":"SCOPE/urlMaps/x"`, `{"validateForProxyless":true,"fingerprint":"FINGERPRINT"}`, ""},
	{"targetTcpProxies", `"service":"SCOPE/backendServices/x"`, "", ""},
	{"targetSslProxies", `"service":"SCOPE/backendServices/x","sslCertificates":["SCOPE/sslCertificates/x"]`, "", ""},
	{"addresses", `"description":"d"`, "", "forwardingRules"},
	{"forwardingRules", `"IPAddress":"SCOPE/addresses/x","portRange":"80","target":"SCOPE/targetHttpProxies/x"`,
		`{"allowGlobalAccess":true}`, ""},
}

// methods are the last parts of the ids of the routes of v1, by verb and path from the
// project on, with {region} and {name}.
func (c *cloud) methods() map[string]bool {
	all := map[string]bool{}
	for _, route := range c.server.Routes() {
		if path, ok := strings.CutPrefix(route.Path, "/compute/v1/projects/{project}/"); ok {
			all[route.Verb+" "+path] = true
		}
	}
	return all
}

func TestEveryKindIsCreatedReadListedChangedAndDeleted(t *testing.T) {
	c := newCloud(t)
	served := c.methods()
	known := map[string]bool{}
	for template, scope := range map[string]string{"global": "global", "regions/{region}": "regions/europe-west1"} {
		t.Run(template, func(t *testing.T) {
			c := newCloud(t)
			var made []example
			for _, e := range examples {
				collection := template + "/" + e.collection
				if !served["POST "+collection] {
					continue
				}
				known["POST "+collection] = true
				bucket := scope + "/backendServices/x" // there are no regional buckets in v1
				if scope == "global" {
					bucket = "global/backendBuckets/x"
				}
				e.body = strings.NewReplacer("SCOPE", scope, "BUCKET", bucket).Replace(e.body)
				c.create(e, scope)
				c.refuses(e, scope)
				if served["GET aggregated/"+e.collection] {
					items := c.must("GET", "aggregated/"+e.collection, "")["items"].(map[string]any)
					if all := names(map[string]any{"items": items[scope].(map[string]any)[e.collection]}); !slices.Contains(all, "x") {
						t.Errorf("%s: the aggregated list has %v in %s", e.collection, all, scope)
					}
				}
				if is, want := served["PATCH "+collection+"/{name}"], e.patch != ""; is != want && scope == "global" {
					t.Errorf("%s: a PATCH is served: %v, want %v", e.collection, is, want)
				} else if is {
					c.patches(e, scope)
				}
				made = append(made, e)
			}
			for _, e := range made {
				if e.user == "" || e.collection == "backendBuckets" && scope != "global" {
					continue
				}
				_, message, reason := c.refused("DELETE", scope+"/"+e.collection+"/x", "")
				if reason != "resourceInUseByAnotherResource" || !strings.Contains(message, "already being used by") ||
					e.collection != "healthChecks" && !strings.Contains(message, "by 'projects/demo-project/"+scope+"/"+e.user) {
					t.Errorf("%s, which %s use: %s %q", e.collection, e.user, reason, message)
				}
			}
			for _, e := range slices.Backward(made) {
				path := scope + "/" + e.collection + "/x"
				c.must("DELETE", path, "")
				if status, _, _ := c.refused("GET", path, ""); status != 404 {
					t.Errorf("%s after its end: %d, want 404", path, status)
				}
			}
		})
	}
	for route := range served {
		path, isInsert := strings.CutPrefix(route, "POST ")
		if isInsert && !strings.Contains(path, "{name}") && !known[route] {
			t.Errorf("%s has no example", path)
		}
	}
}

// create makes an example, and reads it by itself and in a list.
func (c *cloud) create(e example, scope string) {
	c.t.Helper()
	c.must("POST", scope+"/"+e.collection, `{"name":"x",`+e.body+`}`)
	got := c.must("GET", scope+"/"+e.collection+"/x", "")
	for _, field := range []string{"id", "creationTimestamp"} {
		if got[field] == nil {
			c.t.Errorf("%s has no %s", e.collection, field)
		}
	}
	if got["kind"] != "compute#"+message(e) || got["name"] != "x" || got["selfLink"] != googleLink+scope+"/"+e.collection+"/x" {
		c.t.Errorf("%s: %v %v %v", e.collection, got["kind"], got["name"], got["selfLink"])
	}
	if all := names(c.must("GET", scope+"/"+e.collection, "")); !slices.Contains(all, "x") {
		c.t.Errorf("%s: the list has %v", e.collection, all)
	}
	if all := names(c.must("GET", scope+"/"+e.collection+"?filter="+url.QueryEscape("name=other"), "")); all != nil {
		c.t.Errorf("%s: the filtered list has %v", e.collection, all)
	}
}

// message is the name of a kind's resource: "urlMap".
func message(e example) string {
	one := strings.TrimSuffix(e.collection, "s")
	for plural, singular := range map[string]string{"Policie": "Policy", "addresse": "address", "Proxie": "Proxy"} {
		one = strings.Replace(one, plural, singular, 1)
	}
	return one
}

// refuses sends what no resource of the kind can be.
func (c *cloud) refuses(e example, scope string) {
	c.t.Helper()
	bad := map[string]string{
		`"nonsense":1`:    `Unknown name "nonsense": Cannot find field.`,
		`"description":5`: "Invalid value for field 'resource.description': '5'. Must be of type TYPE_STRING.",
	}
	fields := schema.Of("compute/v1").Message(strings.ToUpper(message(e)[:1]) + message(e)[1:]).Fields
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if field := fields[name]; field.Enum != nil && !field.ReadOnly && !strings.Contains(e.body, `"`+name+`"`) {
			bad[fmt.Sprintf("%q:%q", name, "SIDEWAYS")] = "'resource." + name + "': 'SIDEWAYS'. It is not a valid enum value."
		}
	}
	for field, want := range bad {
		status, message, _ := c.refused("POST", scope+"/"+e.collection, `{"name":"y",`+e.body+","+field+`}`)
		if status != 400 || !strings.Contains(message, want) {
			c.t.Errorf("%s with %s: %d %q, want %q", e.collection, field, status, message, want)
		}
	}
	if status, _, reason := c.refused("POST", scope+"/"+e.collection, `{"name":"x",`+e.body+`}`); status != 409 {
		c.t.Errorf("a second one of %s: %d %s, want 409", e.collection, status, reason)
	}
}

// patches changes an example and reads what was sent.
func (c *cloud) patches(e example, scope string) {
	c.t.Helper()
	path := scope + "/" + e.collection + "/x"
	before := c.must("GET", path, "")
	fingerprint, _ := before["fingerprint"].(string)
	text := strings.Replace(e.patch, "FINGERPRINT", fingerprint, 1)
	c.must("PATCH", path, text)
	after := c.must("GET", path, "")
	var sent map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&sent); err != nil {
		c.t.Fatal(err)
	}
	delete(sent, "fingerprint")
	for field, want := range sent {
		if diff := cmp.Diff(want, after[field]); diff != "" {
			c.t.Errorf("%s: %s (-want +got):\n%s", e.collection, field, diff)
		}
	}
	if fingerprint != "" && after["fingerprint"] == fingerprint {
		c.t.Errorf("%s: a patch leaves the fingerprint", e.collection)
	}
}
