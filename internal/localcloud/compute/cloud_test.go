package compute_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// cloud is a Compute Engine over HTTP and the audit records it has left.
type cloud struct {
	t      *testing.T
	url    string
	server *apiserver.Server

	mu      sync.Mutex
	records []apiserver.AuditRecord
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t}
	c.server = apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe,
		Clock: time.Now,
		Audit: func(r apiserver.AuditRecord) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.records = append(c.records, r)
		},
	})
	c.server.Serve(compute.New(c.server).API())
	server := httptest.NewServer(c.server)
	c.url = server.URL + "/compute/v1/projects/demo-project/"
	t.Cleanup(func() { server.Close(); c.server.Close() })
	return c
}

func (c *cloud) audit() []apiserver.AuditRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]apiserver.AuditRecord(nil), c.records...)
}

// call sends a request; a path that starts with a slash is taken from the root.
func (c *cloud) call(verb, path, body string) (int, map[string]any) {
	c.t.Helper()
	url := c.url + path
	if strings.HasPrefix(path, "/") {
		url = c.url[:strings.Index(c.url, "/compute")] + path
	}
	request, err := http.NewRequest(verb, url, bytes.NewReader([]byte(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent {
		return response.StatusCode, nil
	}
	var answer map[string]any
	decoder := json.NewDecoder(response.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		c.t.Fatalf("%s %s: the answer is not a JSON object: %v", verb, path, err)
	}
	return response.StatusCode, answer
}

// must sends a request that has to succeed; a write is waited for.
func (c *cloud) must(verb, path, body string) map[string]any {
	c.t.Helper()
	status, answer := c.call(verb, path, body)
	if status != 200 {
		c.t.Fatalf("%s %s: %d %v", verb, path, status, answer)
	}
	if answer["kind"] == "compute#operation" && answer["status"] == "RUNNING" {
		_, link, _ := strings.Cut(answer["selfLink"].(string), "/projects/demo-project/")
		if status, done := c.call("POST", link+"/wait", ""); status != 200 || done["status"] != "DONE" {
			c.t.Fatalf("waiting for %s: %d %v", link, status, done)
		}
	}
	return answer
}

// refused sends a request that has to fail, and returns its error.
func (c *cloud) refused(verb, path, body string) (status int, message, reason string) {
	c.t.Helper()
	status, answer := c.call(verb, path, body)
	failure, ok := answer["error"].(map[string]any)
	if !ok {
		c.t.Fatalf("%s %s: %d %v, want an error", verb, path, status, answer)
	}
	if _, shown := failure["status"]; shown {
		c.t.Errorf("%s %s: the error shows a status, which compute does not: %v", verb, path, failure)
	}
	entry := failure["errors"].([]any)[0].(map[string]any)
	return status, failure["message"].(string), entry["reason"].(string)
}

// chain builds a load balancer with one serverless backend.
func (c *cloud) chain() {
	c.t.Helper()
	c.must("POST", "regions/us-central1/networkEndpointGroups",
		`{"name":"neg","networkEndpointType":"SERVERLESS","cloudRun":{"service":"hello"}}`)
	c.must("POST", "global/backendServices", `{"name":"be","loadBalancingScheme":"EXTERNAL_MANAGED","backends":[{"group":"regions/us-central1/networkEndpointGroups/neg"}]}`)
	c.must("POST", "global/urlMaps", `{"name":"um","defaultService":"global/backendServices/be"}`)
	c.must("POST", "global/sslCertificates", `{"name":"cert","type":"MANAGED","managed":{"domains":["app.example.com"]}}`)
	c.must("POST", "global/targetHttpsProxies", `{"name":"thp","urlMap":"global/urlMaps/um","sslCertificates":["global/sslCertificates/cert"]}`)
	c.must("POST", "global/addresses", `{"name":"ip"}`)
	c.must("POST", "global/forwardingRules", `{"name":"fr","IPAddress":"global/addresses/ip","portRange":"443","loadBalancingScheme":"EXTERNAL_MANAGED","target":"global/targetHttpsProxies/thp"}`)
}

const googleLink = "https://www.googleapis.com/compute/v1/projects/demo-project/"
