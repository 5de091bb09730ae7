package run_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCreateAnswersAnOperationThatEndsReady(t *testing.T) {
	c := start(t)
	c.run.Hold()
	first := c.must("POST", location+"/services?serviceId=hello", minimal)
	metadata := first["metadata"].(map[string]any)
	for _, name := range []string{"done", "response"} {
		if _, ok := first[name]; ok {
			t.Errorf("the first answer has %s", name)
		}
	}
	// Recorded: these appear only when the service was ready.
	for _, name := range []string{"ingress", "observedGeneration", "conditions", "uri", "latestReadyRevision",
		"trafficStatuses"} {
		if _, ok := metadata[name]; ok {
			t.Errorf("the first answer's service has %s", name)
		}
	}
	if diff := cmp.Diff(map[string]any{"state": "CONDITION_PENDING"}, metadata["terminalCondition"]); diff != "" {
		t.Errorf("condition (-want +got):\n%s", diff)
	}
	name := "/v2/" + first["name"].(string)
	if got := c.must("POST", name+":wait", `{"timeout":"0.01s"}`); got["done"] != nil {
		t.Errorf("held, but done: %v", got)
	}
	c.run.Release()
	last := c.must("POST", name+":wait", "")
	service := c.get("hello")
	if diff := cmp.Diff(last["response"], last["metadata"]); diff != "" || last["done"] != true {
		t.Errorf("done %v; response and metadata:\n%s", last["done"], diff)
	}
	response := last["response"].(map[string]any)
	if got := response["@type"]; got != "type.googleapis.com/google.cloud.run.v2.Service" {
		t.Errorf("@type %v", got)
	}
	delete(response, "@type")
	if diff := cmp.Diff(service, response); diff != "" {
		t.Errorf("response and get (-get +response):\n%s", diff)
	}
	if service["etag"] != metadata["etag"] || service["updateTime"] != metadata["updateTime"] {
		t.Error("etag or updateTime changed when reconciliation ended")
	}
	got := []any{service["ingress"], service["launchStage"], service["generation"], service["observedGeneration"],
		service["creator"],
		at(service, "template", "timeout"), at(service, "template", "serviceAccount"),
		at(service, "template", "containers", 0, "resources"),
		at(service, "terminalCondition", "state"), at(service, "conditions", 0, "type"),
		at(service, "conditions", 1, "type"), service["reconciling"]}
	want := []any{"INGRESS_TRAFFIC_ALL", "GA", "1", "1", "alice@example.com", "300s",
		"123456789012-compute@developer.gserviceaccount.com",
		map[string]any{"cpuIdle": true, "limits": map[string]any{"cpu": "1000m", "memory": "512Mi"}},
		"CONDITION_SUCCEEDED", "RoutesReady", "ConfigurationsReady", nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
}

// patched creates a service, patches it, and returns it before and after.
func patched(c *cloud, query, body string) (before, after map[string]any) {
	c.Helper()
	c.write("POST", location+"/services?serviceId=hello", `{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY","description":"d",
		"labels":{"team":"a"},"invokerIamDisabled":true,
		"template":{"labels":{"x":"y"},"containers":[{"image":"i","env":[{"name":"EMPTY","value":""}]}]}}`)
	before = c.get("hello")
	c.write("PATCH", location+"/services/hello"+query, body)
	return before, c.get("hello")
}

// moving are fields that every write changes.
var moving = []string{"etag", "updateTime", "generation", "observedGeneration", "terminalCondition", "conditions"}

func TestAPatchWritesWhatItsMaskNamesAndNothingElse(t *testing.T) {
	image := map[string]any{"image": "j"}
	cases := []struct {
		name, query, body string
		change            func(want map[string]any)
		newRevision       bool
	}{
		{"one field", "?updateMask=ingress", `{"ingress":"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER","description":"not masked"}`,
			func(want map[string]any) { want["ingress"] = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" }, false},
		{"a field that is cleared", "?updateMask=description,invoker_iam_disabled", `{}`,
			func(want map[string]any) { delete(want, "description"); delete(want, "invokerIamDisabled") }, false},
		{"a field within a message", "?updateMask=template.timeout", `{"template":{"timeout":"60s"}}`,
			func(want map[string]any) { want["template"].(map[string]any)["timeout"] = "60s" }, true},
		{"a key of a map stands for the map", "?updateMask=labels.team", `{"labels":{"team":"b"}}`,
			func(want map[string]any) { want["labels"] = map[string]any{"team": "b"} }, false},
		{"a field that only the server writes", "?updateMask=uid,etag,name", `{"uid":"x"}`, func(map[string]any) {}, false},
		{"forced", "?updateMask=ingress&forceNewRevision=true", `{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY"}`,
			func(map[string]any) {}, true},
		{"no mask replaces everything", "", `{"template":{"containers":[{"image":"j"}]}}`, func(want map[string]any) {
			for _, name := range []string{"description", "labels", "invokerIamDisabled"} {
				delete(want, name)
			}
			want["ingress"] = "INGRESS_TRAFFIC_ALL"
			template := want["template"].(map[string]any)
			delete(template, "labels")
			container := template["containers"].([]any)[0].(map[string]any)
			delete(container, "env")
			maps.Copy(container, image)
		}, true},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			before, after := patched(start(t), each.query, each.body)
			if fmt.Sprint(after["generation"]) != "2" || before["etag"] == after["etag"] {
				t.Errorf("generation %v, etag %v, before %v", after["generation"], after["etag"], before["etag"])
			}
			revisions := []string{"latestCreatedRevision", "latestReadyRevision"}
			for _, name := range revisions {
				if got := before[name] != after[name]; got != each.newRevision {
					t.Errorf("new %s: got %t, want %t", name, got, each.newRevision)
				}
			}
			for _, name := range append(slices.Clone(moving), revisions...) {
				delete(before, name)
				delete(after, name)
			}
			each.change(before)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("service (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPendingPatchStillShowsWhatWasObserved(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello", minimal)
	before := c.get("hello")
	c.run.Hold()
	defer c.run.Release()
	c.must("PATCH", location+"/services/hello?updateMask=ingress,template.timeout",
		`{"ingress":"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER","template":{"timeout":"9s"}}`)
	after := c.get("hello")
	got := []any{after["reconciling"], after["generation"], after["observedGeneration"], after["ingress"],
		after["latestCreatedRevision"], after["terminalCondition"]}
	want := []any{true, "2", "1", "INGRESS_TRAFFIC_ALL", before["latestCreatedRevision"], map[string]any{"type": "Ready",
		"state": "CONDITION_PENDING", "lastTransitionTime": at(before, "terminalCondition", "lastTransitionTime")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
}

func TestCallsThatGoogleRefusesAreRefused(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello", minimal)
	stale := c.get("hello")["etag"].(string)
	c.write("PATCH", location+"/services/hello?updateMask=description", `{"description":"d"}`)
	c.write("POST", location+"/services?serviceId=named",
		`{"template":{"revision":"named-v1","containers":[{"image":"i"}]}}`)
	cases := []struct {
		name, verb, path, body string
		code                   int
		status, message        string
	}{
		{"a service that is not there", "GET", "/services/none", "", 404, "NOT_FOUND",
			"Resource 'none' of kind 'SERVICE' in region 'us-central1' in project 'demo-project' does not exist."},
		{"a name that is taken", "POST", "/services?serviceId=hello", minimal, 409, "ALREADY_EXISTS",
			"Resource 'hello' already exists."},
		{"a name outside the grammar", "POST", "/services?serviceId=Hello", minimal, 400, "INVALID_ARGUMENT",
			"Invalid service name"},
		{"a name that is too long", "POST", "/services?serviceId=" + strings.Repeat("a", 50), minimal, 400,
			"INVALID_ARGUMENT", "Invalid service name"},
		{"no container", "POST", "/services?serviceId=b", `{}`, 400, "INVALID_ARGUMENT", "at least one container"},
		{"no image", "POST", "/services?serviceId=b", `{"template":{"containers":[{}]}}`, 400, "INVALID_ARGUMENT",
			"containers[0].image"},
		{"an unknown field", "POST", "/services?serviceId=b", `{"template":{"containers":[{"image":"i","color":1}]}}`, 400,
			"INVALID_ARGUMENT",
			`Unknown name "color" at 'service.template.containers[0]': Cannot find field.`},
		{"an unknown enum value", "PATCH", "/services/hello?updateMask=ingress", `{"ingress":"OPEN"}`, 400,
			"INVALID_ARGUMENT",
			`Invalid value at 'service.ingress' (type.googleapis.com/google.cloud.run.v2.IngressTraffic), "OPEN"`},
		{"a text where a bool belongs", "PATCH", "/services/hello?updateMask=iapEnabled", `{"iapEnabled":"yes"}`, 400,
			"INVALID_ARGUMENT",
			`Invalid value at 'service.iap_enabled' (TYPE_BOOL), "yes"`},
		{"an unknown field in the mask", "PATCH", "/services/hello?updateMask=colour", `{}`, 400, "INVALID_ARGUMENT",
			"'colour'"},
		{"a stale etag", "PATCH", "/services/hello?updateMask=ingress", fmt.Sprintf(`{"etag":%q}`, stale), 409, "ABORTED",
			"Conflict for resource 'hello': version '"},
		{"a stale etag on delete", "DELETE", "/services/hello?etag=%22x%22", "", 409, "ABORTED",
			"Conflict for resource 'hello': version '0'"},
		{"the name of a revision that is another", "PATCH", "/services/named?updateMask=template.timeout",
			`{"template":{"timeout":"9s"}}`,
			409, "ALREADY_EXISTS", "Revision named 'named-v1' with different configuration already exists."},
		{"a revision named after another service", "POST", "/services?serviceId=b",
			`{"template":{"revision":"c-1","containers":[{"image":"i"}]}}`, 400, "INVALID_ARGUMENT", "template.revision"},
		{"a body that is not JSON", "POST", "/services?serviceId=b", `{`, 400, "INVALID_ARGUMENT",
			"Invalid JSON payload received."},
		{"an operation that is not there", "GET", "/operations/none", "", 404, "NOT_FOUND", "OPERATION"},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			code, got := c.call(each.verb, location+each.path, each.body)
			message, _ := at(got, "error", "message").(string)
			if code != each.code || at(got, "error", "status") != each.status || !strings.Contains(message, each.message) {
				t.Errorf("got %d %v, want %d %s with %q", code, got, each.code, each.status, each.message)
			}
		})
	}
}

func TestAStaleEtagNamesBothVersionsInMicroseconds(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello", minimal)
	old := c.get("hello")
	c.write("PATCH", location+"/services/hello?updateMask=description", `{"description":"d"}`)
	current := c.get("hello")
	_, got := c.call("PATCH", location+"/services/hello?updateMask=ingress", fmt.Sprintf(`{"etag":%q}`, old["etag"]))
	micros := func(service map[string]any) int64 {
		at, err := time.Parse(time.RFC3339Nano, service["updateTime"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMicro()
	}
	want := fmt.Sprintf("Conflict for resource 'hello': version '%d' was specified but current version is '%d'.",
		micros(old), micros(current))
	if message := at(got, "error", "message"); message != want {
		t.Errorf("got %v, want %s", message, want)
	}
	if c.get("hello")["etag"] != current["etag"] {
		t.Error("the refused patch changed something")
	}
}

func TestDeletedServiceHasAnExpiryAndIsGone(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello", minimal)
	c.must("POST", location+"/services/hello:setIamPolicy",
		`{"policy":{"bindings":[{"role":"roles/run.invoker","members":["allUsers"]}]}}`)
	c.run.Hold()
	first := c.must("DELETE", location+"/services/hello", "")
	c.run.Release()
	done := c.must("POST", "/v2/"+first["name"].(string)+":wait", "")
	if at(first, "metadata", "etag") == at(done, "response", "etag") ||
		at(first, "metadata", "deleteTime") != at(done, "response", "deleteTime") {
		t.Error("recorded: when a service is gone its etag has moved again, its deleteTime has not")
	}
	response := done["response"].(map[string]any)
	deleted, err := time.Parse(time.RFC3339Nano, response["deleteTime"].(string))
	if err != nil {
		t.Fatal(err)
	}
	want := deleted.AddDate(0, 0, 30).Format("2006-01-02T15:04:05.000000Z")
	if response["expireTime"] != want || response["generation"] != "2" || response["observedGeneration"] != "2" ||
		response["uri"] == nil {
		t.Errorf("deleted service %v, want expireTime %s", response, want)
	}
	if status, _ := c.call("GET", location+"/services/hello", ""); status != http.StatusNotFound {
		t.Errorf("get afterwards: %d", status)
	}
	c.write("POST", location+"/services?serviceId=hello", minimal)
	if got := c.must("GET", location+"/services/hello:getIamPolicy", ""); got["bindings"] != nil {
		t.Errorf("the new service of that name has the old policy: %v", got)
	}
}

func TestDryRunsAnswerAndChangeNothing(t *testing.T) {
	c := start(t)
	if got := c.must("POST", location+"/services?serviceId=hello&validateOnly=true", minimal); got["done"] != true {
		t.Errorf("create: %v", got)
	}
	if status, _ := c.call("GET", location+"/services/hello", ""); status != http.StatusNotFound {
		t.Errorf("a dry run created the service: %d", status)
	}
	c.write("POST", location+"/services?serviceId=hello", minimal)
	before := c.get("hello")
	c.must("PATCH", location+"/services/hello?updateMask=ingress&validateOnly=true",
		`{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY"}`)
	c.must("DELETE", location+"/services/hello?validateOnly=true", "")
	if diff := cmp.Diff(before, c.get("hello")); diff != "" {
		t.Errorf("after dry runs (-before +after):\n%s", diff)
	}
	if status, _ := c.call("PATCH", location+"/services/none?validateOnly=true", minimal); status != http.StatusNotFound {
		t.Errorf("patch of what is not there: %d", status)
	}
	c.write("PATCH", location+"/services/none?allowMissing=true", minimal)
	c.get("none")
}

func TestWhatIsSentIsKeptInTheFormOfProtobuf(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello",
		`{"description":"","invoker_iam_disabled":true,"iapEnabled":false,"uid":"mine",
		"template":{"containers":[{"image":"i","env":[{"name":"EMPTY","value":""}],"startupProbe":{"grpc":null,"periodSeconds":"10"}}]}}`)
	got := c.get("hello")
	if got["invokerIamDisabled"] != true || got["uid"] == "mine" {
		t.Errorf("service %v", got)
	}
	for _, name := range []string{"description", "iapEnabled", "invoker_iam_disabled"} {
		if value, ok := got[name]; ok {
			t.Errorf("%s is kept as %v", name, value)
		}
	}
	want := []any{[]any{map[string]any{"name": "EMPTY", "value": ""}}, map[string]any{
		"periodSeconds": json.Number("10"), "timeoutSeconds": json.Number("1"), "failureThreshold": json.Number("3")}}
	container := at(got, "template", "containers", 0)
	if diff := cmp.Diff(want, []any{at(container, "env"), at(container, "startupProbe")}); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
}

func TestListsArePaged(t *testing.T) {
	c := start(t)
	for _, name := range []string{"c", "a", "b"} {
		c.write("POST", location+"/services?serviceId="+name, minimal)
	}
	c.write("POST", "/v2/projects/demo-project/locations/europe-west1/services?serviceId=d", minimal)
	var got []string
	token := ""
	for pages := 0; pages == 0 || token != ""; pages++ {
		answer := c.must("GET", location+"/services?pageSize=2&pageToken="+token, "")
		for _, each := range answer["services"].([]any) {
			got = append(got, strings.TrimPrefix(each.(map[string]any)["name"].(string),
				"projects/demo-project/locations/us-central1/services/"))
		}
		token, _ = answer["nextPageToken"].(string)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/services?pageSize=x", "/services?pageToken=9"} {
		if status, _ := c.call("GET", location+path, ""); status != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", path, status)
		}
	}
	if status, _ := c.call("GET", "/v2/projects/demo-project/locations/-/services", ""); status != http.StatusBadRequest {
		t.Errorf("every location at once: got %d, want 400", status)
	}
}

func TestRevisionsAndOperationsCanBeRead(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello", minimal)
	done := c.write("PATCH", location+"/services/hello?updateMask=template.timeout", `{"template":{"timeout":"9s"}}`)
	service := c.get("hello")
	list := c.must("GET", location+"/services/hello/revisions", "")["revisions"].([]any)
	if len(list) != 2 || at(list[0], "name") != service["latestReadyRevision"] || at(list[0], "timeout") != "9s" ||
		at(list[1], "timeout") != "300s" {
		t.Errorf("revisions %v", list)
	}
	if diff := cmp.Diff(list[0], any(c.must("GET", "/v2/"+service["latestReadyRevision"].(string), ""))); diff != "" {
		t.Errorf("revision in the list and by name:\n%s", diff)
	}
	if diff := cmp.Diff(done, c.must("GET", "/v2/"+done["name"].(string), "")); diff != "" {
		t.Errorf("operation awaited and by name:\n%s", diff)
	}
	if got := c.must("GET", location+"/operations", "")["operations"].([]any); len(got) != 2 {
		t.Errorf("got %d operations, want 2", len(got))
	}
}
