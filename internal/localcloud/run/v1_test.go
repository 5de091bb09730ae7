package run_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deployed is what gcloud run deploy sends for a new service.
const deployed = `{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"annotations":{
	"run.googleapis.com/client-name":"gcloud","run.googleapis.com/client-version":"528.0.0","example.com/owner":"a"},
	"labels":{"team":"a"},"name":"hello","namespace":"demo-project"},"spec":{"template":{"metadata":{"annotations":{
	"run.googleapis.com/client-name":"gcloud","run.googleapis.com/startup-cpu-boost":"True","autoscaling.knative.dev/maxScale":"3",
	"run.googleapis.com/secrets":"s:p/1"},"labels":{"client.knative.dev/nonce":"abc"}},"spec":{"containers":[{"image":"i","name":"",
	"env":[{"name":"A","value":"b"},{"name":"S","valueFrom":{"secretKeyRef":{"name":"secret","key":"latest"}}}]}],"nodeSelector":{}}}},
	"status":{"address":{}}}`

// deploy makes a v1 write and waits for it as gcloud does.
func (c *cloud) deploy(verb, path, body string) map[string]any {
	c.Helper()
	status, answer := c.settled(verb, path, body)
	if status != http.StatusOK {
		c.Fatalf("%s %s: got %d %v", verb, path, status, answer)
	}
	id := at(answer, "metadata", "annotations", "run.googleapis.com/operation-id").(string)
	done := c.must("POST", "/v1/projects/demo-project/locations/us-central1/operations/"+id+":wait", `{"timeout":"30s"}`)
	if done["done"] != true || at(done, "response", "kind") != "Service" {
		c.Fatalf("operation %v", done)
	}
	return answer
}

// replace sends a service back as it was read, after a change.
func (c *cloud) replace(change func(service map[string]any)) {
	c.Helper()
	service := c.getV1("hello")
	change(service)
	c.deploy("PUT", knative+"/services/hello", text(c.T, service))
}

func text(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestV1AnswersAtOnceAndIsReadyLater(t *testing.T) {
	c := start(t)
	c.run.Hold()
	answer := c.must("POST", knative+"/services", deployed)
	if diff := cmp.Diff(map[string]any{}, answer["status"]); diff != "" {
		t.Errorf("status of the first answer (recorded: empty):\n%s", diff)
	}
	c.run.Release()
	service := c.getV1("hello")
	got := []any{at(service, "metadata", "namespace"), at(service, "metadata", "labels", "cloud.googleapis.com/location"),
		at(service, "metadata", "annotations", "run.googleapis.com/ingress-status"),
		at(service, "metadata", "annotations", "serving.knative.dev/lastModifier"),
		at(service, "status", "conditions", 0, "type"), at(service, "status", "conditions", 0, "status"),
		at(service, "status", "observedGeneration"), at(service, "status", "traffic", 0, "latestRevision"),
		at(service, "spec", "template", "metadata", "labels", "client.knative.dev/nonce")}
	want := []any{"123456789012", "us-central1", "all", "alice@example.com", "Ready", "True", json.Number("1"),
		true, "abc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if url, _ := at(service, "status", "url").(string); !strings.HasPrefix(url, "https://hello-") ||
		!strings.HasSuffix(url, "-uc.a.run.app") {
		t.Errorf("url %q", url)
	}
}

func TestWhatOneFaceWritesTheOtherShows(t *testing.T) {
	c := start(t)
	c.deploy("POST", knative+"/services", deployed)
	v2 := c.get("hello")
	got := []any{v2["client"], v2["clientVersion"], v2["annotations"], v2["labels"], at(v2, "template", "scaling"),
		at(v2, "template", "containers", 0, "resources", "startupCpuBoost"),
		at(v2, "template", "containers", 0, "resources", "cpuIdle"),
		at(v2, "template", "containers", 0, "env"), at(v2, "template", "labels"), at(v2, "template", "containers", 0, "name")}
	want := []any{"gcloud", "528.0.0", map[string]any{"example.com/owner": "a"}, map[string]any{"team": "a"},
		map[string]any{"maxInstanceCount": json.Number("3")}, true, true,
		[]any{map[string]any{"name": "A", "value": "b"}, map[string]any{"name": "S", "valueSource": map[string]any{
			"secretKeyRef": map[string]any{"secret": "secret", "version": "latest"}}}}, nil, nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("v2 of what v1 wrote (-want +got):\n%s", diff)
	}

	c.write("PATCH", location+"/services/hello?updateMask=ingress,iapEnabled,invokerIamDisabled,launchStage,customAudiences",
		`{"ingress":"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER","iapEnabled":true,"invokerIamDisabled":true,"launchStage":"BETA","customAudiences":["x"]}`)
	v1 := c.getV1("hello")
	annotations := at(v1, "metadata", "annotations").(map[string]any)
	for name, want := range map[string]any{
		"run.googleapis.com/ingress":              "internal-and-cloud-load-balancing",
		"run.googleapis.com/ingress-status":       "internal-and-cloud-load-balancing",
		"run.googleapis.com/iap-enabled":          "true",
		"run.googleapis.com/invoker-iam-disabled": "true",
		"run.googleapis.com/launch-stage":         "BETA",
		"run.googleapis.com/custom-audiences":     `["x"]`,
		"example.com/owner":                       "a",
	} {
		if annotations[name] != want {
			t.Errorf("annotation %s: got %v, want %v", name, annotations[name], want)
		}
	}
	// What only v1 knows is still there after a write through v2.
	if got := at(v1, "spec", "template", "metadata", "annotations", "run.googleapis.com/secrets"); got != "s:p/1" {
		t.Errorf("annotation that only v1 knows: got %v", got)
	}
}

func TestReadingAndReplacingThroughV1ChangesNothingInV2(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=hello",
		`{"ingress":"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER","description":"d",
		"labels":{"a":"b"},"annotations":{"c":"d"},"invokerIamDisabled":true,"iapEnabled":true,"defaultUriDisabled":true,
		"customAudiences":["x"],"launchStage":"BETA","scaling":{"minInstanceCount":1},"binaryAuthorization":{"useDefault":true},
		"traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","percent":100,"tag":"t"}],
		"template":{"labels":{"e":"f"},"annotations":{"g":"h"},"timeout":"60s","serviceAccount":"s@x.iam.gserviceaccount.com",
		"maxInstanceRequestConcurrency":5,"sessionAffinity":true,"executionEnvironment":"EXECUTION_ENVIRONMENT_GEN2",
		"scaling":{"minInstanceCount":1,"maxInstanceCount":9},"vpcAccess":{"egress":"ALL_TRAFFIC","networkInterfaces":[{"network":"n","tags":["t"]}]},
		"containers":[{"name":"main","image":"i","ports":[{"name":"h2c","containerPort":9000}],"env":[{"name":"A","value":"b"}],
		"resources":{"limits":{"cpu":"2","memory":"1Gi"}},"livenessProbe":{"httpGet":{"path":"/"}}}],
		"healthCheckDisabled":true}}`)
	before := c.get("hello")
	c.replace(func(map[string]any) {})
	after := c.get("hello")
	if before["latestCreatedRevision"] != after["latestCreatedRevision"] {
		t.Error("an unchanged template made a revision")
	}
	for _, name := range append([]string{"reconciling"}, moving...) {
		delete(before, name)
		delete(after, name)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("v2 before and after (-before +after):\n%s", diff)
	}
}

func TestAReplaceWithAStaleVersionIsAConflict(t *testing.T) {
	c := start(t)
	c.deploy("POST", knative+"/services", deployed)
	stale := c.getV1("hello")
	c.write("PATCH", location+"/services/hello?updateMask=description", `{"description":"somebody else was here"}`)
	status, got := c.call("PUT", knative+"/services/hello", text(t, stale))
	message, _ := at(got, "error", "message").(string)
	if status != http.StatusConflict || at(got, "error", "status") != "ABORTED" ||
		!strings.HasPrefix(message, "Conflict for resource 'hello': version '") {
		t.Errorf("got %d %v", status, got)
	}
	if got := c.get("hello")["description"]; got != "somebody else was here" {
		t.Errorf("description %v", got)
	}
}

func TestOnlyAChangedTemplateMakesARevision(t *testing.T) {
	c := start(t)
	c.deploy("POST", knative+"/services", deployed)
	annotate := func(service map[string]any) {
		at(service, "metadata", "annotations").(map[string]any)["run.googleapis.com/ingress"] = "internal"
	}
	relabel := func(service map[string]any) {
		at(service, "spec", "template", "metadata", "labels").(map[string]any)["client.knative.dev/nonce"] = "xyz"
	}
	for _, step := range []struct {
		change func(map[string]any)
		made   int
	}{{annotate, 0}, {relabel, 1}} {
		before := len(c.must("GET", knative+"/revisions", "")["items"].([]any))
		c.replace(step.change)
		if got := len(c.must("GET", knative+"/revisions", "")["items"].([]any)) - before; got != step.made {
			t.Errorf("made %d revisions, want %d", got, step.made)
		}
	}
	answer := c.must("GET", knative+"/revisions?labelSelector=client.knative.dev%2Fnonce+%3D+xyz", "")
	if _, ok := answer["metadata"].(map[string]any); !ok {
		t.Error("the list has no metadata, without which gcloud run revisions list crashes")
	}
	list := answer["items"].([]any)
	if len(list) != 1 || at(list[0], "metadata", "labels", "serving.knative.dev/service") != "hello" {
		t.Errorf("revisions by label: %v", list)
	}
	name := at(list[0], "metadata", "name").(string)
	if diff := cmp.Diff(list[0], any(c.must("GET", knative+"/revisions/"+name, ""))); diff != "" {
		t.Errorf("revision in the list and by name:\n%s", diff)
	}
}

func TestV1RefusesWhatGoogleRefuses(t *testing.T) {
	c := start(t)
	c.deploy("POST", knative+"/services", deployed)
	cases := []struct {
		name, verb, path, body string
		code                   int
		message                string
	}{
		{"a service that is not there", "GET", "/services/none", "", 404, "of kind 'SERVICE'"},
		{"a revision that is not there", "GET", "/revisions/none", "", 404, "of kind 'REVISION'"},
		{"a name that is taken", "POST", "/services", deployed, 409, "Resource 'hello' already exists."},
		{"another kind", "POST", "/services", `{"kind":"Job"}`, 400, "apiVersion and kind"},
		{"an unknown field", "POST", "/services", `{"colour":1}`, 400, `Unknown name "colour"`},
		{"no container", "POST", "/services", `{"metadata":{"name":"b"},"spec":{"template":{}}}`, 400, "container"},
		{"an ingress that is none", "POST", "/services",
			`{"metadata":{"name":"b","annotations":{"run.googleapis.com/ingress":"open"}}}`, 400, `"open"`},
		{"a launch stage that is none", "POST", "/services", strings.Replace(deployed, `"run.googleapis.com/client-name"`,
			`"run.googleapis.com/launch-stage":"SOON","run.googleapis.com/client-name"`, 1), 400, "SOON"},
		{"another name than in the URL", "PUT", "/services/hello",
			strings.Replace(deployed, `"name":"hello"`, `"name":"other"`, 1), 400, `"other"`},
		{"a selector of another kind", "GET", "/revisions?labelSelector=a", "", 400, "label selector"},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			code, got := c.call(each.verb, knative+each.path, each.body)
			message, _ := at(got, "error", "message").(string)
			if code != each.code || !strings.Contains(message, each.message) {
				t.Errorf("got %d %v, want %d with %q", code, got, each.code, each.message)
			}
		})
	}
}

func TestTheGlobalHostListsEveryRegionAndHoldsThePolicies(t *testing.T) {
	c := start(t)
	const global = "/v1/projects/demo-project/locations"
	if diff := cmp.Diff(map[string]any{"apiVersion": "serving.knative.dev/v1", "kind": "ServiceList"},
		c.must("GET", global+"/-/services", "")); diff != "" {
		t.Errorf("empty list (-recorded +got):\n%s", diff)
	}
	c.deploy("POST", knative+"/services", deployed)
	c.write("POST", "/v2/projects/demo-project/locations/europe-west1/services?serviceId=other", minimal)
	for path, want := range map[string]int{"/-/services": 2, "/europe-west1/services": 1, "/asia-east1/services": 0} {
		items, _ := c.must("GET", global+path, "")["items"].([]any)
		if len(items) != want {
			t.Errorf("%s: got %d services, want %d", path, len(items), want)
		}
	}
	policy := `{"policy":{"bindings":[{"role":"roles/run.invoker","members":["allUsers"]}],"etag":"ACAB","version":3}}`
	set := c.must("POST", global+"/us-central1/services/hello:setIamPolicy", policy)
	read := c.must("GET", location+"/services/hello:getIamPolicy?options.requestedPolicyVersion=3", "")
	if diff := cmp.Diff(set, read); diff != "" || at(read, "bindings", 0, "members", 0) != "allUsers" {
		t.Errorf("policy written through v1 and read through v2 %v:\n%s", read, diff)
	}
	for _, verb := range []string{":getIamPolicy", ":setIamPolicy"} {
		method := map[string]string{":getIamPolicy": "GET", ":setIamPolicy": "POST"}[verb]
		if status, _ := c.call(method, global+"/us-central1/services/none"+verb, policy); status != http.StatusNotFound {
			t.Errorf("%s of a service that is not there: %d", verb, status)
		}
	}
	if got := c.must("DELETE", knative+"/services/hello", ""); got["status"] != "Success" {
		t.Errorf("delete: %v", got)
	}
}

func TestTurningIAPOnProvisionsItsAgent(t *testing.T) {
	c := start(t)
	c.deploy("POST", knative+"/services", deployed)
	policy := `{"policy":{"bindings":[{"role":"roles/run.invoker","members":["serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"]}]}}`
	const set = "/v1/projects/demo-project/locations/us-central1/services/hello:setIamPolicy"
	if status, got := c.call("POST", set, policy); status != http.StatusBadRequest {
		t.Errorf("naming the agent before: got %d %v, want 400", status, got)
	}
	c.replace(func(service map[string]any) {
		at(service, "metadata", "annotations").(map[string]any)["run.googleapis.com/iap-enabled"] = "true"
	})
	c.must("POST", set, policy)
}
