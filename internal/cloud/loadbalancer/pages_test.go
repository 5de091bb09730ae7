package loadbalancer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/posture"
)

// pages counts the requests for each aggregated list.
type pages struct {
	http.Handler

	mu    sync.Mutex
	asked map[string]int
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, list, ok := strings.Cut(r.URL.Path, "/aggregated/"); ok {
		p.mu.Lock()
		p.asked[list]++
		p.mu.Unlock()
	}
	p.Handler.ServeHTTP(w, r)
}

// A page has 500 items at most: what is on the next ones must be found too.
func TestWhatIsOnLaterPagesIsFound(t *testing.T) {
	const backends = 1001
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t)})
	defer cloud.Close()
	insert := func(path, body string) {
		t.Helper()
		recorder := httptest.NewRecorder()
		cloud.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "http://localhost/compute/v1/projects/demo-project/"+path,
			strings.NewReader(body)))
		if recorder.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", path, body, recorder.Code, recorder.Body)
		}
	}
	for i := range backends {
		insert("regions/us-central1/networkEndpointGroups", fmt.Sprintf(
			`{"name":"a-%04d","networkEndpointType":"SERVERLESS","cloudRun":{"service":"app-%04d"}}`, i, i))
		insert("global/backendServices", fmt.Sprintf(
			`{"name":"a-%04d","backends":[{"group":"regions/us-central1/networkEndpointGroups/a-%04d"}]}`, i, i))
	}
	counted := &pages{Handler: cloud, asked: map[string]int{}}
	server := httptest.NewServer(counted)
	defer server.Close()
	client, err := New(t.Context(), connect.Config{Endpoint: server.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := client.Inventory(t.Context(), "demo-project")
	if err != nil {
		t.Fatal(err)
	}
	if asked := counted.asked["backendServices"]; asked != 3 || counted.asked["networkEndpointGroups"] != 3 {
		t.Errorf("requests for pages %v, want 3 of each", counted.asked)
	}
	last := fmt.Sprintf("%04d", backends-1)
	found, err := client.Backends(t.Context(), inventory,
		posture.Target{Project: "demo-project", Location: "us-central1", Service: "app-" + last})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, backend := range found {
		names = append(names, backend.Name)
	}
	if diff := cmp.Diff([]string{"a-" + last}, names); diff != "" {
		t.Errorf("backend services of the last service (-want +got):\n%s", diff)
	}
}
