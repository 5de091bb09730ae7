package localcloud_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
)

// bench is a local cloud with a service and a backend service in it.
type bench struct {
	t    *testing.T
	base string
}

const (
	run     = "/v2/projects/demo-project/locations/us-central1/services"
	backend = "/compute/v1/projects/demo-project/global/backendServices"
)

func newBench(t *testing.T, options localcloud.Options) *bench {
	t.Helper()
	b := &bench{t, serve(t, options)}
	b.done(b.must("POST", backend, `{"name":"be"}`))
	b.done(b.must("POST", run+"?serviceId=hello", `{"template":{"containers":[{"image":"i"}]}}`))
	return b
}

func (b *bench) call(verb, path, body string) (int, map[string]any) {
	b.t.Helper()
	status, text := send(b.t, request(b.t, verb, b.base+path, body))
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		b.t.Fatalf("%s %s: %d %q is not a JSON object", verb, path, status, text)
	}
	return status, answer
}

func (b *bench) must(verb, path, body string) map[string]any {
	b.t.Helper()
	status, answer := b.call(verb, path, body)
	if status != 200 {
		b.t.Fatalf("%s %s: %d %v", verb, path, status, answer)
	}
	return answer
}

// done waits for an operation of either API and returns how it ended.
func (b *bench) done(operation map[string]any) map[string]any {
	b.t.Helper()
	if link, ok := operation["selfLink"].(string); ok {
		_, path, _ := strings.Cut(link, "/projects/")
		return b.must("POST", "/compute/v1/projects/"+path+"/wait", "")
	}
	return b.must("POST", "/v2/"+operation["name"].(string)+":wait", "")
}

func (b *bench) faults(list string) {
	b.t.Helper()
	if status, text := send(b.t, request(b.t, "POST", b.base+"/_local/faults", list)); status != 200 {
		b.t.Fatalf("setting %s: %d %s", list, status, text)
	}
}

// fired is how often each fault was met, and how often it went wrong.
func (b *bench) fired() string {
	b.t.Helper()
	_, text := send(b.t, request(b.t, "GET", b.base+"/_local/faults", ""))
	var list []struct{ Seen, Fired int }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		b.t.Fatalf("the faults read %s: %v", text, err)
	}
	return fmt.Sprint(list)
}

func message(answer map[string]any) string {
	failure, _ := answer["error"].(map[string]any)
	return fmt.Sprint(failure["message"])
}

func TestAnErrorIsAnsweredInTheFormOfTheAPI(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	for _, tc := range []struct {
		fault, verb, path string
		status            int
		want              map[string]any
	}{
		{`{"method":"compute.backendServices.get","action":"status","status":403,"reason":"rateLimitExceeded","times":1}`,
			"GET", backend + "/be", 403,
			map[string]any{"reason": "rateLimitExceeded", "status": nil}},
		{`{"method":"run.projects.locations.services.get","action":"status","status":429}`, "GET", run + "/hello", 429,
			map[string]any{"status": "RESOURCE_EXHAUSTED"}},
		{`{"method":"run.*","action":"status","status":503,"message":"try later"}`, "GET", run + "/hello", 503,
			map[string]any{"status": "UNAVAILABLE", "message": "try later"}},
		{`{"method":"compute.*","resource":"backendServices/be","action":"status","status":412}`, "PATCH",
			backend + "/be", 412,
			map[string]any{"reason": "conditionNotMet", "status": nil}},
		{`{"method":"run.*","principal":"user:owner@example.com","action":"status","status":409}`, "PATCH",
			run + "/hello", 409,
			map[string]any{"status": "ABORTED"}},
		{`{"method":"compute.*","action":"status","status":403}`, "GET", backend + "/be", 403,
			map[string]any{"message": "Required 'compute.backendServices.get' permission for 'projects/demo-project/global/backendServices/be'"}},
		{`{"method":"run.*","action":"status","status":500}`, "GET", run, 500, map[string]any{"status": "INTERNAL"}},
	} {
		b.faults("[" + tc.fault + "]")
		status, answer := b.call(tc.verb, tc.path, "{}")
		failure, _ := answer["error"].(map[string]any)
		if list, ok := failure["errors"].([]any); ok {
			failure["reason"] = list[0].(map[string]any)["reason"]
		}
		if status != tc.status {
			t.Errorf("%s: %d, want %d", tc.fault, status, tc.status)
		}
		for key, want := range tc.want {
			if failure[key] != want {
				t.Errorf("%s: %s is %v, want %v", tc.fault, key, failure[key], want)
			}
		}
	}
}

func TestWhatIsCountedGoesWrongAsOftenAsWasSaid(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	for _, tc := range []struct{ fault, want, fired string }{
		{`{"method":"run.*","action":"status","status":503,"times":2}`, "503 503 200 200 200 200", "[{6 2}]"},
		{`{"method":"run.*","action":"status","status":503}`, "503 503 503 503 503 503", "[{6 6}]"},
		{`{"method":"run.*","action":"status","status":503,"every":3}`, "200 200 503 200 200 503", "[{6 2}]"},
		{`{"method":"run.*","action":"status","status":503,"every":2,"times":1}`, "200 503 200 200 200 200", "[{6 1}]"},
		{`{"method":"run.*","action":"status","status":503,"principal":"user:dev@example.com"}`,
			"200 200 200 200 200 200", "[{0 0}]"},
		{`{"method":"run.*","action":"status","status":503,"resource":"services/other"}`,
			"200 200 200 200 200 200", "[{0 0}]"},
		{`{"method":"compute.*","action":"status","status":503}`, "200 200 200 200 200 200", "[{0 0}]"},
	} {
		b.faults("[" + tc.fault + "]")
		var got []string
		for range 6 {
			status, _ := b.call("GET", run+"/hello", "")
			got = append(got, fmt.Sprint(status))
		}
		if diff := cmp.Diff([]string{tc.want, tc.fired}, []string{strings.Join(got, " "), b.fired()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.fault, diff)
		}
	}
	for _, clear := range []*http.Request{request(t, "DELETE", b.base+"/_local/faults", ""),
		request(t, "POST", b.base+"/_local/faults", "[]"), request(t, "POST", b.base+"/_local/reset", "")} {
		b.faults(`[{"method":"run.*","action":"status","status":503}]`)
		if send(t, clear); b.fired() != "[]" {
			t.Errorf("after %s %s the faults are %s", clear.Method, clear.URL.Path, b.fired())
		}
	}
}

func TestAWriteThatGoesWrongHasItsEffectBeforeOrNotAtAll(t *testing.T) {
	for _, tc := range []struct {
		name, fault string
		connection  bool // the client sees an answer
		written     bool
	}{
		{"refused before", `"action":"status","status":503`, true, false},
		{"refused after", `"action":"status","status":503,"when":"after"`, true, true},
		{"cut before", `"action":"cut"`, false, false},
		{"cut after", `"action":"cut","when":"after"`, false, true},
		{"cut off in the middle", `"action":"truncate"`, false, true},
		{"slow", `"action":"slow","delay":"1ms"`, true, true},
		{"an operation that fails", `"action":"fail-operation"`, true, false},
		{"an operation that never ends", `"action":"hang-operation"`, true, true},
	} {
		for _, api := range []struct{ method, path, body, field string }{
			{"compute.backendServices.patch", backend + "/be", `{"description":"new"}`, "description"},
			{"run.projects.locations.services.patch", run + "/hello?updateMask=description", `{"description":"new"}`,
				"description"},
		} {
			b := newBench(t, localcloud.Options{})
			b.faults(`[{"method":"` + api.method + `","times":1,` + tc.fault + `}]`)
			response, err := http.DefaultClient.Do(request(t, "PATCH", b.base+api.path, api.body))
			if err == nil {
				_, err = io.ReadAll(response.Body)
				response.Body.Close()
			}
			if (err == nil) != tc.connection {
				t.Errorf("%s, %s: the client sees %v", tc.name, api.method, err)
			}
			path, _, _ := strings.Cut(api.path, "?")
			// Cloud Run shows what is wanted even where it comes to nothing.
			written := tc.written || strings.HasPrefix(api.method, "run.") && strings.Contains(tc.fault, "fail-operation")
			if got := b.must("GET", path, "")[api.field] == "new"; got != written {
				t.Errorf("%s, %s: written is %t, want %t", tc.name, api.method, got, written)
			}
			if b.fired() != "[{1 1}]" {
				t.Errorf("%s, %s: fired %s", tc.name, api.method, b.fired())
			}
		}
	}
}

func TestAnOperationFailsOrNeverEndsInTheFormOfItsAPI(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	b.faults(`[{"method":"*","action":"fail-operation","reason":"RESOURCE_NOT_READY","message":"not yet"}]`)
	failed := b.done(b.must("PATCH", backend+"/be", `{"description":"x"}`))
	want := map[string]any{"errors": []any{map[string]any{"code": "RESOURCE_NOT_READY", "message": "not yet"}}}
	if diff := cmp.Diff(want, failed["error"]); diff != "" || failed["status"] != "DONE" {
		t.Errorf("compute: status %v, error (-want +got):\n%s", failed["status"], diff)
	}
	failed = b.done(b.must("PATCH", run+"/hello?updateMask=description", `{"description":"x"}`))
	if diff := cmp.Diff(map[string]any{"code": 13.0, "message": "not yet"}, failed["error"]); diff != "" ||
		failed["done"] != true {
		t.Errorf("run: done %v, error (-want +got):\n%s", failed["done"], diff)
	}
	service := b.must("GET", run+"/hello", "")
	if condition := service["terminalCondition"].(map[string]any); condition["state"] != "CONDITION_FAILED" ||
		service["reconciling"] == true {
		t.Errorf("the service is %v, reconciling %v", condition, service["reconciling"])
	}
	b.faults(`[{"method":"*","action":"hang-operation"}]`)
	hanging := b.must("PATCH", run+"/hello?updateMask=description", `{"description":"y"}`)
	if waited := b.must("POST", "/v2/"+hanging["name"].(string)+":wait", `{"timeout":"0.05s"}`); waited["done"] == true {
		t.Errorf("the operation ended: %v", waited)
	}
	if b.must("GET", run+"/hello", "")["reconciling"] != true {
		t.Error("the service does not say that it is reconciling")
	}
}

func TestSomebodyElseWritesFirst(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	b.must("POST", run+"/hello:setIamPolicy", `{"policy":{}}`)
	service, policy := b.must("GET", run+"/hello", ""), b.must("GET", run+"/hello:getIamPolicy", "")
	balancer := b.must("GET", backend+"/be", "")
	for _, tc := range []struct {
		name, verb, path string
		body             map[string]any
		want             int
	}{
		{"a service", "PATCH", run + "/hello?updateMask=description",
			map[string]any{"etag": service["etag"], "description": "x"}, 409},
		{"a policy", "POST", run + "/hello:setIamPolicy",
			map[string]any{"policy": map[string]any{"etag": policy["etag"]}}, 409},
		{"a backend service", "PATCH", backend + "/be",
			map[string]any{"fingerprint": balancer["fingerprint"], "description": "x"}, 412},
	} {
		body, err := json.Marshal(tc.body)
		if err != nil {
			t.Fatal(err)
		}
		b.faults(`[{"method":"*","action":"write-first","times":1}]`)
		if status, answer := b.call(tc.verb, tc.path, string(body)); status != tc.want {
			t.Errorf("%s: %d %v, want %d", tc.name, status, answer, tc.want)
		}
	}
}

func TestListsMayShowWhatWasAndReadingByNameNever(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	b := newBench(t, localcloud.Options{Clock: func() time.Time { return now }})
	count := func(path, key string) int { return len(b.must("GET", path, "")[key].([]any)) }
	now = now.Add(time.Hour)
	b.faults(`[{"action":"stale-lists","delay":"10s"}]`)
	b.done(b.must("POST", backend, `{"name":"new"}`))
	b.done(b.must("POST", run+"?serviceId=new", `{"template":{"containers":[{"image":"i"}]}}`))
	b.must("GET", backend+"/new", "")
	b.must("GET", run+"/new", "")
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {9 * time.Second, 1}, {time.Second, 2}} {
		now = now.Add(step.after)
		if got := []int{count(backend, "items"), count(run, "services")}; !cmp.Equal(got, []int{step.want, step.want}) {
			t.Errorf("%v later: %v are listed, want %d of each", step.after, got, step.want)
		}
	}
	b.done(b.must("DELETE", backend+"/new", ""))
	if got := count(backend, "items"); got != 2 {
		t.Errorf("after the deletion %d are listed, want 2 still", got)
	}
	if status, _ := b.call("GET", backend+"/new", ""); status != 404 {
		t.Errorf("what was deleted is read by name: %d", status)
	}
	now = now.Add(10 * time.Second)
	if got := count(backend, "items"); got != 1 {
		t.Errorf("long after the deletion %d are listed, want 1", got)
	}
}

func TestPoliciesTakeEffectLateWhileAFaultSaysSo(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	ask := func() int {
		r := request(t, "GET", b.base+run+"/hello", "")
		r.Header.Set("Authorization", "Bearer user:bob@example.com")
		status, _ := send(t, r)
		return status
	}
	b.faults(`[{"action":"late-iam","delay":"1h"}]`)
	b.must("POST", run+"/hello:setIamPolicy", `{"policy":{"bindings":[{"role":"roles/run.viewer","members":["user:bob@example.com"]}]}}`)
	if got := ask(); got != 403 {
		t.Errorf("before the grant is in effect: %d, want 403", got)
	}
	b.faults(`[]`)
	if got := ask(); got != 200 {
		t.Errorf("when nothing is late: %d, want 200", got)
	}
}
