package compute_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// TestAFilterFindsAResourceByEachFieldItShows compares what is stored, what identifies a
// resource and what is computed when it is read.
func TestAFilterFindsAResourceByEachFieldItShows(t *testing.T) {
	c := newCloud(t)
	c.chain()
	fields := 0
	for _, of := range []string{
		"regions/us-central1/networkEndpointGroups", "global/backendServices", "global/urlMaps", "global/sslCertificates",
		"global/targetHttpsProxies", "global/addresses", "global/forwardingRules", "global/networks",
	} {
		shown := c.must("GET", of, "")["items"].([]any)[0].(map[string]any)
		for field, value := range shown {
			for value, want := range map[string]int{fmt.Sprint(value): 1, "another": 0} {
				filter := url.QueryEscape(field + "=" + strconv.Quote(value))
				found, _ := c.must("GET", of+"?filter="+filter, "")["items"].([]any)
				if len(found) != want {
					t.Errorf("%s with %s=%s: %d found, want %d", of, field, value, len(found), want)
				}
				fields++
			}
		}
	}
	if fields < 100 {
		t.Errorf("%d fields compared, want more", fields)
	}
}

// BenchmarkFilteredPage finds one of 10,000 backend services.
func BenchmarkFilteredPage(b *testing.B) {
	server := apiserver.New(apiserver.Options{Observe: discovery.Judge(b).Observe, Clock: time.Now})
	defer server.Close()
	server.Serve(compute.New(server).API())
	call := func(verb, path, body string) string {
		b.Helper()
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, httptest.NewRequest(verb, "http://localhost/compute/v1/projects/demo-project/"+path,
			strings.NewReader(body)))
		if answer.Code != http.StatusOK {
			b.Fatalf("%s %s: %d %s", verb, path, answer.Code, answer.Body)
		}
		return answer.Body.String()
	}
	for i := range 10_000 {
		call(http.MethodPost, "global/backendServices", fmt.Sprintf(`{"name":"be-%04d","protocol":"HTTPS"}`, i))
	}
	for name, filter := range map[string]string{
		"name":           "name%3Dbe-7777",
		"field":          "name:be-7777%20protocol%3DHTTPS",
		"field of all":   "protocol%3DGRPC",
		"computed field": "usedBy%3Dnone",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				answer := call(http.MethodGet, "aggregated/backendServices?filter="+filter, "")
				if found := strings.Contains(answer, "be-7777"); found != strings.Contains(filter, "7777") {
					b.Fatalf("found %v: %.300s", found, answer)
				}
			}
		})
	}
}
