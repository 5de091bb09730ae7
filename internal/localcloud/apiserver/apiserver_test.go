package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// clock starts at the moment of the recorded etag BwYV1CSTacg= (wire.md 5) and
// stands still, so that only Stamp makes versions differ.
func clock() time.Time { return time.UnixMicro(1712850751154632) }

// fruits is a small API: what the server does for any API shows on it.
func fruits(s *Server, handle func(*Call) (any, error)) API {
	route := func(verb, path, method string, write bool) Route {
		r := Route{Verb: verb, Path: path, API: "run", ID: "run.fruits." + method, Permission: "run.fruits." + method,
			Write: write, Handle: handle}
		if write {
			r.AuditMethod = "google.fruits.v1.Fruits." + method
		}
		return r
	}
	return API{Name: "fruits", Routes: []Route{
		route("GET", "/v1/projects/{project}/fruits/{fruit}", "get", false),
		route("POST", "/v1/projects/{project}/fruits", "create", true),
		route("GET", "/v1/projects/{project}/fruits/{fruit}:getIamPolicy", "getIamPolicy", false),
		route("POST", "/v1/projects/{project}/fruits/{fruit}:setIamPolicy", "setIamPolicy", true),
	}}
}

func serveFruits(t *testing.T, options Options, handle func(*Call) (any, error)) *Server {
	t.Helper()
	if options.Clock == nil {
		options.Clock = clock
	}
	s := New(options)
	t.Cleanup(s.Close)
	s.Serve(fruits(s, handle))
	return s
}

func do(k http.Handler, verb, target, body string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(verb, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	k.ServeHTTP(w, request)
	return w
}

func decode(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("the answer is not a JSON object: %v: %s", err, w.Body)
	}
	return body
}

func echo(c *Call) (any, error) { return c.Body() }

func TestAnswersArePrettyUnlessAskedOtherwise(t *testing.T) {
	s := serveFruits(t, Options{}, func(*Call) (any, error) {
		return map[string]any{"name": "x", "n": json.Number("10000000000000001")}, nil
	})
	for query, want := range map[string]string{
		"":                               "{\n  \"n\": 10000000000000001,\n  \"name\": \"x\"\n}\n",
		"?alt=json":                      "{\n  \"n\": 10000000000000001,\n  \"name\": \"x\"\n}\n",
		"?alt=json&prettyPrint=false":    "{\"n\":10000000000000001,\"name\":\"x\"}\n",
		"?prettyPrint=true&key=whatever": "{\n  \"n\": 10000000000000001,\n  \"name\": \"x\"\n}\n",
	} {
		w := do(s, "GET", "/v1/projects/demo-project/fruits/a"+query, "")
		if diff := cmp.Diff(want, w.Body.String()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
		for name, want := range map[string]string{"Content-Type": "application/json; charset=UTF-8", "Server": "ESF"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		if got := w.Header().Values("Vary"); len(got) != 3 {
			t.Errorf("Vary = %q, want three headers", got)
		}
	}
}

func TestErrorsHaveTheShapeOfTheirAPIAndClient(t *testing.T) {
	e := Aborted("Conflict")
	legacyList := []any{map[string]any{"message": "Conflict", "domain": "global", "reason": "aborted"}}
	for _, tc := range []struct {
		name, api, header, value string
		want                     map[string]any
	}{
		{"compute shows no status", "compute", "User-Agent", "curl/8",
			map[string]any{"code": 409, "message": "Conflict", "errors": legacyList}},
		{"other APIs show the status", "run", "User-Agent", "google-cloud-sdk gcloud/528",
			map[string]any{"code": 409, "message": "Conflict", "status": "ABORTED"}},
		{"Go clients get the legacy list too", "run", "User-Agent", "google-api-go-client/0.5",
			map[string]any{"code": 409, "message": "Conflict", "status": "ABORTED", "errors": legacyList}},
		{"so do generated clients", "iap", "X-Goog-Api-Client", "gl-go/1.26.0 gdcl/0.311.0",
			map[string]any{"code": 409, "message": "Conflict", "status": "ABORTED", "errors": legacyList}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(tc.header, tc.value)
			if diff := cmp.Diff(map[string]any{"error": tc.want}, errorBody(r, tc.api, e)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeAnsweredIsRefusedInJSON(t *testing.T) {
	s := serveFruits(t, Options{}, echo)
	for _, tc := range []struct {
		name, verb, path, body string
		status                 int
		message                string
	}{
		{"an unknown path", "GET", "/v9/nothing", "", 404, "/v9/nothing"},
		{"an unknown method", "PUT", "/v1/projects/demo-project/fruits", "{}", 404, "PUT"},
		{"an unknown custom verb", "GET", "/v1/projects/demo-project/fruits/a:peel", "", 404, "peel"},
		{"a slash that was escaped", "GET", "/v1/projects/demo-project/fruits/a%2Fb", "", 404, "a/b"},
		{"a project that is not ours", "GET", "/v1/projects/other-project/fruits/a", "", 403, "run.fruits.get"},
		{"half a body", "POST", "/v1/projects/demo-project/fruits", `{"a":`, 400, "Invalid JSON payload"},
		{"a body that is a list", "POST", "/v1/projects/demo-project/fruits", `[]`, 400, "Invalid JSON payload"},
		{"two bodies", "POST", "/v1/projects/demo-project/fruits", `{}{}`, 400, "Invalid JSON payload"},
		{"a body without end", "POST", "/v1/projects/demo-project/fruits", `{"a":"` + strings.Repeat("x", maxBody) + `"}`,
			400, "payload size exceeds"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := do(s, tc.verb, tc.path, tc.body)
			message := Text(Object(decode(t, w), "error"), "message")
			if w.Code != tc.status || !strings.Contains(message, tc.message) {
				t.Errorf("got %d %q, want %d … %q", w.Code, message, tc.status, tc.message)
			}
		})
	}
}

func TestADisabledAPIAnswersHowToEnableIt(t *testing.T) {
	s := serveFruits(t, Options{}, echo)
	s.SetEnabled(DefaultProject(), "run.googleapis.com", false)
	w := do(s, "GET", "/v1/projects/demo-project/fruits/a", "")
	e := Object(decode(t, w), "error")
	details := List(e, "details")
	if w.Code != 403 || len(details) != 3 || !strings.HasPrefix(Text(e, "message"),
		"Cloud Run Admin API has not been used in project 123456789012") {
		t.Fatalf("got %d %v", w.Code, e)
	}
	info := details[0].(map[string]any)
	if info["reason"] != "SERVICE_DISABLED" || Object(info, "metadata")["service"] != "run.googleapis.com" {
		t.Errorf("ErrorInfo = %v", info)
	}
	s.SetEnabled(DefaultProject(), "run.googleapis.com", true)
	if w := do(s, "GET", "/v1/projects/demo-project/fruits/a", ""); w.Code != 200 {
		t.Errorf("enabled again: %d %s", w.Code, w.Body)
	}
}

func TestEveryCallIsLoggedAndEveryWriteLeavesARecord(t *testing.T) {
	var records []AuditRecord
	s := serveFruits(t, Options{Audit: func(r AuditRecord) { records = append(records, r) }}, func(c *Call) (any, error) {
		if c.Query("fail") != "" {
			return nil, Denied("no")
		}
		return map[string]any{"ok": true}, nil
	})
	s.SeedPolicy("projects/demo-project", []any{
		map[string]any{"role": "roles/owner", "members": []any{"user:alice@example.com"}}})
	alice := []string{"Authorization", "Bearer user:alice@example.com", "User-Agent", "test/1"}
	do(s, "GET", "/v1/projects/123456789012/fruits/a", "")
	do(s, "POST", "/v1/projects/123456789012/fruits", `{"n":1}`, alice...)
	do(s, "POST", "/v1/projects/demo-project/fruits?fail=1", `{"n":2}`, alice...)
	do(s, "GET", "/nothing", "")

	const collection = "projects/demo-project/fruits"
	want := []CallEntry{
		{Owner, "run", "run.fruits.get", collection + "/a", 200, false},
		{"user:alice@example.com", "run", "run.fruits.create", collection, 200, true},
		{"user:alice@example.com", "run", "run.fruits.create", collection, 403, true},
		{Owner, "", "", "/nothing", 404, false},
	}
	if diff := cmp.Diff(want, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	record := func(granted bool, n, severity string) AuditRecord {
		return AuditRecord{
			Log: Activity, Service: "run.googleapis.com", Method: "google.fruits.v1.Fruits.create", ResourceName: collection,
			ResourceType: "audited_resource",
			Labels: map[string]string{"project_id": ProjectID, "service": "run.googleapis.com",
				"method": "google.fruits.v1.Fruits.create"},
			Principal: "user:alice@example.com", CallerIP: "192.0.2.1", UserAgent: "test/1",
			Authorization: []Authorization{{"run.fruits.create", collection, granted}},
			Request:       map[string]any{"n": json.Number(n)}, Time: clock(), Severity: severity,
		}
	}
	succeeded, failed := record(true, "1", "NOTICE"), record(false, "2", "ERROR")
	succeeded.Response = map[string]any{"ok": true}
	failed.Status = &Status{7, "no"}
	if diff := cmp.Diff([]AuditRecord{succeeded, failed}, records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestTheCallLogIsBounded(t *testing.T) {
	var log callLog
	for range maxCalls + 1 {
		log.add(CallEntry{Method: "old"})
	}
	log.add(CallEntry{Method: "new"})
	if n := len(log.entries); n > maxCalls || log.entries[n-1].Method != "new" {
		t.Errorf("%d entries, the last one is %q", n, log.entries[n-1].Method)
	}
}

func TestLatencyIsAddedToEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveFruits(t, Options{Latency: 30 * time.Millisecond}, echo)
		start := time.Now() // the bubble's clock: it moves only while everything sleeps
		do(s, "GET", "/v1/projects/demo-project/fruits/a", "")
		if got := time.Since(start); got != 30*time.Millisecond {
			t.Errorf("the call took %v, want 30ms", got)
		}
	})
}

func TestStampsNeverRepeat(t *testing.T) {
	s := New(Options{Clock: clock})
	first, second := s.Stamp(), s.Stamp()
	if !second.After(first) || second.Sub(first) != time.Microsecond {
		t.Errorf("stamps %v, %v: want one microsecond apart on a clock that stands still", first, second)
	}
}

func TestOperationsFinishLaterUnlessTheCloudIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Clock: time.Now, OperationTime: time.Second})
		defer s.Close()
		soon, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		start := func(name string) *Operation {
			o := s.StartOperation(name, map[string]any{"status": "RUNNING"})
			s.Later(s.OperationTime(), func() { o.Finish(map[string]any{"status": "DONE"}) })
			return o
		}
		kept := start("kept")
		if got := kept.Wait(soon); got["status"] != "RUNNING" {
			t.Errorf("after a millisecond: %v, want RUNNING", got)
		}
		if got := kept.Wait(context.Background()); got["status"] != "DONE" {
			t.Errorf("after waiting: %v, want DONE", got)
		}
		dropped := start("dropped")
		s.Reset()
		time.Sleep(time.Minute) // the bubble's clock
		if got := dropped.Body(); got["status"] != "RUNNING" {
			t.Errorf("after a reset: %v, want it to stay RUNNING", got)
		}
		if s.Operation("dropped") != nil {
			t.Error("a reset leaves the operation")
		}
	})
}

func TestClosingDoesNotWaitForWhatHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Clock: time.Now})
		ran := false
		s.Later(time.Hour, func() { ran = true })
		start := time.Now()
		s.Close()
		if waited := time.Since(start); waited != 0 || ran {
			t.Errorf("closing took %v and the work ran: %v; want it dropped at once", waited, ran)
		}
	})
}

func TestOldOperationsAreForgotten(t *testing.T) {
	s := New(Options{Clock: clock})
	for range maxOperations + 1 {
		s.StartOperation(NewUUID(), map[string]any{})
	}
	if n := len(s.Operations("", "", 0)); n != maxOperations {
		t.Errorf("%d operations are kept, want %d", n, maxOperations)
	}
}

func TestIDsHaveGooglesForm(t *testing.T) {
	if id := NewID(); len(id) != 19 || strings.Trim(id, "0123456789") != "" {
		t.Errorf("id %q, want 19 digits", id)
	}
	if id := NewUUID(); len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("uuid %q, want version 4", id)
	}
}

func TestMergePatchFollowsTheStandard(t *testing.T) {
	// The rows are RFC 7396, appendix A, as far as both sides are objects.
	for _, tc := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var target, patch, want map[string]any
		texts := []string{tc.target, tc.patch, tc.want}
		for i, into := range []*map[string]any{&target, &patch, &want} {
			if err := json.Unmarshal([]byte(texts[i]), into); err != nil {
				t.Fatal(err)
			}
		}
		Merge(target, patch)
		if diff := cmp.Diff(want, target); diff != "" {
			t.Errorf("%s + %s (-want +got):\n%s", tc.target, tc.patch, diff)
		}
	}
}

func TestASchemaErrorBecomesGooglesBadRequest(t *testing.T) {
	_, err := schema.Of("run/v2").Normalize("GoogleCloudRunV2Service", map[string]any{"colour": "red", "iapEnabled": "yes"})
	e := InvalidSchema(err)
	const unknown = `Invalid JSON payload received. Unknown name "colour" at 'service': Cannot find field.`
	const wrong = `Invalid value at 'service.iap_enabled' (TYPE_BOOL), "yes"`
	want := &Error{
		Code: 400, Status: "INVALID_ARGUMENT", Reason: "badRequest", Message: unknown + "\n" + wrong,
		Details: []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.BadRequest",
			"fieldViolations": []any{
				map[string]any{"field": "service", "description": unknown},
				map[string]any{"field": "service.iap_enabled", "description": wrong},
			},
		}},
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := InvalidSchema(errors.New("something else")); e.Code != 500 {
		t.Errorf("another error became %+v", e)
	}
}
