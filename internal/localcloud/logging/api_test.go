package logging_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// call makes one API call and returns status and body.
func call(t *testing.T, server *httptest.Server, verb, path, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return answer.StatusCode, decoded
}

func serve(t *testing.T, to *published) (*logging.Router, *apiserver.Server, *httptest.Server) {
	t.Helper()
	router := logging.New(logging.Options{Clock: clock, Publish: to.publish})
	core := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: clock, Audit: router.Audit})
	core.Serve(router.API(core))
	server := httptest.NewServer(core)
	t.Cleanup(server.Close)
	return router, core, server
}

func TestSinksAreMadeChangedAndDeletedThroughTheAPI(t *testing.T) {
	var to published
	_, core, server := serve(t, &to)
	const sinks, one = "/v2/projects/demo-project/sinks", "/v2/projects/demo-project/sinks/tour"
	create := `{"name":"tour","destination":"pubsub.googleapis.com/projects/demo-project/topics/tour","filter":"severity>=INFO"}`
	steps := []struct {
		name, verb, path, body string
		status                 int
		want                   map[string]any // fields of the answer
	}{
		{"none yet", "GET", sinks, "", 200, map[string]any{"sinks": nil}},
		{"create", "POST", sinks + "?uniqueWriterIdentity=True", create, 200, map[string]any{"name": "tour",
			"writerIdentity": "serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com"}},
		{"create again", "POST", sinks, create, 409, nil},
		{"get by project number", "GET", "/v2/projects/123456789012/sinks/tour", "", 200,
			map[string]any{"filter": "severity>=INFO"}},
		{"patch one field", "PATCH", one + "?updateMask=filter", `{"filter":"severity>=ERROR","description":"d"}`, 200,
			map[string]any{"filter": "severity>=ERROR", "description": nil,
				"destination": "pubsub.googleapis.com/projects/demo-project/topics/tour"}},
		{"patch to a filter that is none", "PATCH", one + "?updateMask=filter", `{"filter":"severity>="}`, 400, nil},
		{"patch an unknown field", "PATCH", one + "?updateMask=color", `{}`, 400, nil},
		{"send an unknown field", "POST", sinks, `{"name":"b","color":"red"}`, 400, nil},
		{"a destination that is none", "POST", sinks, `{"name":"b","destination":"ftp://x"}`, 400, nil},
		{"a name that is none", "POST", sinks, `{"name":"a/b","destination":"storage.googleapis.com/x"}`, 400, nil},
		{"get another", "GET", sinks + "/none", "", 404, nil},
		{"delete", "DELETE", one, "", 200, map[string]any{}},
		{"delete again", "DELETE", one, "", 404, nil},
	}
	for _, step := range steps {
		status, got := call(t, server, step.verb, step.path, step.body)
		if status != step.status {
			t.Errorf("%s: got %d %v, want %d", step.name, status, got, step.status)
		}
		for field, want := range step.want {
			if diff := cmp.Diff(want, got[field]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", step.name, field, diff)
			}
		}
	}
	// While it existed, the sink selected the entry that made it, in which it is
	// there already, and after the patch the refused call.
	want := []string{"projects/demo-project/topics/tour google.logging.v2.ConfigServiceV2.CreateSink"}
	if diff := cmp.Diff(want, to.got[:1]); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	core.Reset()
	if _, got := call(t, server, "GET", sinks, ""); len(got) != 0 {
		t.Errorf("after a reset: %v", got)
	}
}

func TestEntriesAreListedFilteredAndPaged(t *testing.T) {
	var to published
	router, _, server := serve(t, &to)
	for i := range 5 {
		record := runRecord(fmt.Sprint("Method", i))
		record.Time = start.Add(time.Duration(i%3) * time.Second)
		router.Audit(record)
	}
	list := func(body string) (methods []string, next any) {
		t.Helper()
		status, got := call(t, server, "POST", "/v2/entries:list", body)
		if status != http.StatusOK {
			t.Fatalf("got %d %v", status, got)
		}
		all, _ := got["entries"].([]any)
		for _, each := range all {
			method, _ := each.(map[string]any)["protoPayload"].(map[string]any)["methodName"].(string)
			methods = append(methods, strings.TrimPrefix(method, "google.cloud.run.v1.Services."))
		}
		return methods, got["nextPageToken"]
	}
	// Of entries of one time the later one is the newer one.
	oldest, newest := []string{"Method0", "Method3", "Method1", "Method4", "Method2"},
		[]string{"Method2", "Method4", "Method1", "Method3", "Method0"}
	cases := []struct {
		name, body string
		want       []string
		next       bool
	}{
		{"oldest first", `{}`, oldest, false},
		{"newest first, a page", `{"orderBy":"timestamp desc","pageSize":2}`, newest[:2], true},
		{"oldest first, a page", `{"pageSize":3}`, oldest[:3], true},
		{"as gcloud reads", `{"filter":"timestamp>=\"2026-11-23T09:00:02Z\" AND protoPayload.serviceName=\"run.googleapis.com\"",
			"orderBy":"timestamp desc","pageSize":5,"resourceNames":["projects/demo-project"]}`, newest[:1], false},
		{"a time", `{"filter":"timestamp>\"2026-11-23T09:00:01Z\" timestamp<=\"2026-11-23T09:00:01.5Z\""}`, oldest[2:4], false},
		{"nothing", `{"filter":"severity=ERROR"}`, nil, false},
	}
	for _, c := range cases {
		got, next := list(c.body)
		if diff := cmp.Diff(c.want, got); diff != "" || (next != nil) != c.next {
			t.Errorf("%s: next page %v, want one: %v; entries (-want +got):\n%s", c.name, next, c.next, diff)
		}
	}
	for order, want := range map[string][]string{"timestamp asc": oldest, "timestamp desc": newest} {
		var all []string
		for token := any(""); token != nil; {
			var page []string
			page, token = list(fmt.Sprintf(`{"orderBy":%q,"pageSize":2,"pageToken":%q}`, order, token))
			all = append(all, page...)
			router.Audit(runRecord("Later")) // what comes in meanwhile is not in between
		}
		all = slices.DeleteFunc(all, func(method string) bool { return method == "Later" })
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("%s, page by page (-want +got):\n%s", order, diff)
		}
	}
	for _, body := range []string{`{"filter":"("}`, `{"orderBy":"severity"}`, `{"pageSize":-1}`, `{"pageToken":"x"}`} {
		if status, got := call(t, server, "POST", "/v2/entries:list", body); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %v, want 400", body, status, got)
		}
	}
}
