package run_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/run"
)

const (
	regionalHost = "us-central1-run.googleapis.com"
	location     = "/v2/projects/demo-project/locations/us-central1"
	knative      = "/apis/serving.knative.dev/v1/namespaces/demo-project"
	minimal      = `{"template":{"containers":[{"image":"us-docker.pkg.dev/cloudrun/container/hello"}]}}`
)

// cloud is a Cloud Run that is served over HTTP, with the audit records that
// it wrote.
type cloud struct {
	*testing.T
	run    *run.Run
	core   *apiserver.Server
	server *httptest.Server
	host   string // that calls are made to

	mu      sync.Mutex
	records []apiserver.AuditRecord
}

func start(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{T: t, host: regionalHost}
	core := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now, Audit: func(record apiserver.AuditRecord) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.records = append(c.records, record)
	}})
	core.SeedPolicy("projects/demo-project", []any{
		map[string]any{"role": "roles/editor", "members": []any{"user:alice@example.com"}},
		map[string]any{"role": "roles/run.admin", "members": []any{"user:alice@example.com"}},
	})
	c.run, c.core = run.New(core), core
	core.Serve(c.run.API())
	c.server = httptest.NewServer(core)
	t.Cleanup(func() {
		c.server.Close()
		core.Close()
	})
	return c
}

func (c *cloud) audit() []apiserver.AuditRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]apiserver.AuditRecord(nil), c.records...)
}

// call makes one API call, at the regional host so that v1 knows its region.
func (c *cloud) call(verb, path, body string) (int, map[string]any) {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), verb, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	request.Host = c.host
	request.Header.Set("Authorization", "Bearer user:alice@example.com")
	answer, err := c.server.Client().Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var decoded map[string]any
	if err := decoder.Decode(&decoded); err != nil {
		c.Fatalf("%s %s: answer %q: %v", verb, path, raw, err)
	}
	return answer.StatusCode, decoded
}

// must makes a call that succeeds.
func (c *cloud) must(verb, path, body string) map[string]any {
	c.Helper()
	status, got := c.call(verb, path, body)
	if status != http.StatusOK {
		c.Fatalf("%s %s: got %d %v", verb, path, status, got)
	}
	return got
}

// settled makes a call and lets what it began become ready only when it has
// been answered, so that log entries have one order.
func (c *cloud) settled(verb, path, body string) (int, map[string]any) {
	c.Helper()
	c.run.Hold()
	defer c.run.Release()
	return c.call(verb, path, body)
}

// write makes a v2 write and returns its finished operation.
func (c *cloud) write(verb, path, body string) map[string]any {
	c.Helper()
	status, operation := c.settled(verb, path, body)
	if status != http.StatusOK {
		c.Fatalf("%s %s: got %d %v", verb, path, status, operation)
	}
	done := c.must("POST", "/v2/"+operation["name"].(string)+":wait", `{"timeout":"30s"}`)
	if done["done"] != true {
		c.Fatalf("operation %v is not done", done)
	}
	return done
}

func (c *cloud) get(service string) map[string]any {
	c.Helper()
	return c.must("GET", location+"/services/"+service, "")
}

func (c *cloud) getV1(service string) map[string]any {
	c.Helper()
	return c.must("GET", knative+"/services/"+service, "")
}

// at walks a path of keys and indexes: at(x, "status", "conditions", 0, "type").
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}
