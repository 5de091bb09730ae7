package loadbalancer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// These are answers of two projects, a service's and that of its load balancers, as
// cross-project service referencing has them.
var answers = map[string]string{
	"/compute/v1/projects/demo-project/aggregated/networkEndpointGroups": `{"items":{"regions/us-central1":{
	  "networkEndpointGroups":[
		{"selfLink":"https://www.googleapis.com/compute/v1/projects/demo-project/regions/us-central1/networkEndpointGroups/neg","cloudRun":{"service":"hello"}}]}}}`,
	"/compute/v1/projects/demo-project/aggregated/backendServices": `{"items":{"global":{"backendServices":[` +
		sharedBackend + `]}}}`,
	"/compute/v1/projects/demo-project/global/backendServices/be": sharedBackend,
	"/compute/v1/projects/host-project/aggregated/urlMaps": `{"items":{"global":{"urlMaps":[
		{"selfLink":"projects/host-project/global/urlMaps/front","hostRules":[{"hosts":["shop.example.com"],
		  "pathMatcher":"m"}],
		 "pathMatchers":[{"name":"m","defaultService":"projects/demo-project/global/backendServices/be"}]}]}}}`,
	"/compute/v1/projects/host-project/aggregated/targetHttpsProxies": `{"items":{"global":{"targetHttpsProxies":[
		{"selfLink":"projects/host-project/global/targetHttpsProxies/p",
		  "urlMap":"projects/host-project/global/urlMaps/front"}]}}}`,
	"/compute/v1/projects/host-project/aggregated/forwardingRules": `{"items":{"global":{"forwardingRules":[
		{"selfLink":"projects/host-project/global/forwardingRules/r",
		  "target":"projects/host-project/global/targetHttpsProxies/p","IPAddress":"203.0.113.9"}]}}}`,
}

const sharedBackend = `{"name":"be","id":"7","fingerprint":"f",
  "selfLink":"projects/demo-project/global/backendServices/be","loadBalancingScheme":"EXTERNAL_MANAGED",
	"backends":[{"group":"projects/demo-project/regions/us-central1/networkEndpointGroups/neg"}],
	"usedBy":[{"reference":"https://www.googleapis.com/compute/v1/projects/host-project/global/urlMaps/front"}]}`

// observed reads the frontends of hello while requests for the project of the
// load balancers end with a status; 200 answers them.
func observed(t *testing.T, status int) ([]posture.Frontend, error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "host-project") && status != http.StatusOK {
			_, collection, _ := strings.Cut(r.URL.Path, "/aggregated/")
			if collection == "urlMaps" { // which every other read overtakes
				time.Sleep(20 * time.Millisecond)
			}
			http.Error(w, fmt.Sprintf(`{"error":{"code":403,"message":"Required 'compute.%s.list' permission for '%s'"}}`,
				collection, "projects/host-project"), status)
			return
		}
		body, ok := answers[r.URL.Path]
		if !ok {
			body = `{"items":{}}`
		}
		if _, list, ok := strings.Cut(r.URL.Path, "/v1/"); ok && strings.Contains(list, "/aggregated/") {
			body = fmt.Sprintf(`{"id":%q,`, list) + body[1:]
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	client, err := New(t.Context(), connect.Config{Endpoint: server.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := client.Inventory(t.Context(), "demo-project")
	if err != nil {
		t.Fatal(err)
	}
	backends, err := client.Backends(t.Context(), inventory,
		posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"})
	if err != nil {
		return nil, err
	}
	if len(backends) != 1 {
		t.Fatalf("backends %+v, want the one", backends)
	}
	return backends[0].Frontends, nil
}

func TestFrontendsInAnotherProjectAreFound(t *testing.T) {
	got, err := observed(t, http.StatusOK)
	want := []posture.Frontend{{Resource: "projects/host-project/global/forwardingRules/r", Address: "203.0.113.9",
		Hosts: []string{"shop.example.com"}, HTTPS: true}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAnUnreadableOtherProjectIsAnUnreadFact(t *testing.T) {
	got, err := observed(t, http.StatusForbidden)
	if err != nil || len(got) != 1 || got[0].Resource != "projects/host-project/global/urlMaps/front" ||
		!strings.Contains(got[0].Unread, "project host-project cannot be read") ||
		!strings.Contains(got[0].Unread, "compute.urlMaps.list") {
		t.Errorf("%v, %+v, want the URL map with the reason why it is not read, the same at each look", err, got)
	}
}

func TestAPassingFailureInAnotherProjectIsAnError(t *testing.T) {
	// 429 and not 500: Google's clients repeat the latter by themselves for long.
	if _, err := observed(t, http.StatusTooManyRequests); fault.ActionOf(err) != fault.Retry {
		t.Errorf("error %v, want one to be tried again", err)
	}
}
