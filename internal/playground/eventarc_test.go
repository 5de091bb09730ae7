package playground_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/google-cloudevents-go/cloud/auditdata"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/internal/playground"
)

const (
	createService = "google.cloud.run.v2.Services.CreateService"
	insertBackend = "v1.compute.regionBackendServices.insert"
	parent        = "projects/demo-project/locations/"
	receiver      = "receiver@demo-project.iam.gserviceaccount.com"
)

// trigger is a trigger on one method that goes to the function; change may
// alter it.
func trigger(method string, change func(map[string]any)) map[string]any {
	api := "run.googleapis.com"
	if strings.Contains(method, "compute") {
		api = "compute.googleapis.com"
	}
	wanted := map[string]any{
		"eventFilters": []any{
			map[string]any{"attribute": "type", "value": "google.cloud.audit.log.v1.written"},
			map[string]any{"attribute": "serviceName", "value": api},
			map[string]any{"attribute": "methodName", "value": method},
		},
		"destination": map[string]any{"cloudRun": map[string]any{"service": playground.FunctionService,
			"region": playground.FunctionRegion}},
	}
	if change != nil {
		change(wanted)
	}
	return wanted
}

// set puts a value into a trigger.
func set(key string, value any) func(map[string]any) {
	return func(wanted map[string]any) { wanted[key] = value }
}

func call(t *testing.T, s *playground.Playground, method, path string, body any) map[string]any {
	t.Helper()
	answer, err := playground.Client{URL: s.URL()}.Call(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func createTrigger(t *testing.T, s *playground.Playground, location, id string, wanted map[string]any) {
	t.Helper()
	call(t, s, http.MethodPost, "/v1/"+parent+location+"/triggers?triggerId="+id, wanted)
}

func readTrigger(t *testing.T, s *playground.Playground, location, id string) map[string]any {
	t.Helper()
	return call(t, s, http.MethodGet, "/v1/"+parent+location+"/triggers/"+id, nil)
}

// deployTo makes a Cloud Run service.
func deployTo(t *testing.T, s *playground.Playground, region, service string) {
	t.Helper()
	call(t, s, http.MethodPost, "/v2/"+parent+region+"/services?serviceId="+service,
		map[string]any{"template": map[string]any{"containers": []any{map[string]any{"image": playground.Image}}}})
}

// served is a playground with a function that nothing is sent to yet.
func served(t *testing.T) (*playground.Playground, *recorder) {
	t.Helper()
	s, function := start(t), &recorder{}
	if _, err := s.Serve(t.Context(), function); err != nil {
		t.Fatal(err)
	}
	return s, function
}

// logged is the one log entry of a method.
func logged(t *testing.T, s *playground.Playground, method string) map[string]any {
	t.Helper()
	answer := call(t, s, http.MethodPost, "/v2/entries:list",
		map[string]any{"filter": fmt.Sprintf("protoPayload.methodName=%q", method)})
	entries, _ := answer["entries"].([]any)
	if len(entries) != 1 {
		t.Fatalf("%d entries of %s, want 1", len(entries), method)
	}
	return entries[0].(map[string]any)
}

func TestATriggerDeliversTheEntryAsABinaryCloudEvent(t *testing.T) {
	t.Parallel()
	s, function := served(t)
	createTrigger(t, s, "us-central1", "watch", trigger(createService, set("serviceAccount", receiver)))
	deployTo(t, s, "us-central1", "hello")
	idle(t, s)
	if len(function.taken()) != 1 {
		t.Fatalf("%d requests, want 1", len(function.taken()))
	}
	got, entry := function.taken()[0], logged(t, s, createService)
	at, err := time.Parse(time.RFC3339Nano, entry["timestamp"].(string))
	if err != nil {
		t.Fatal(err)
	}
	const resource = parent + "us-central1/services/hello"
	want := map[string]string{
		"Ce-Specversion": "1.0", "Ce-Type": "google.cloud.audit.log.v1.written",
		"Ce-Id": fmt.Sprint("projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity-",
			entry["insertId"], at.UnixMicro()),
		"Ce-Source":       "//cloudaudit.googleapis.com/projects/demo-project/logs/activity",
		"Ce-Subject":      "run.googleapis.com/" + resource,
		"Ce-Time":         entry["receiveTimestamp"].(string),
		"Ce-Recordedtime": entry["timestamp"].(string),
		"Ce-Servicename":  "run.googleapis.com", "Ce-Methodname": createService, "Ce-Resourcename": resource,
		"Ce-Dataschema": "https://googleapis.github.io/google-cloudevents/jsonschema/google/events/cloud/audit/v1/LogEntryData.json",
		"Content-Type":  "application/json; charset=utf-8",
	}
	headers := map[string]string{}
	for name := range got.header {
		if strings.HasPrefix(name, "Ce-") || name == "Content-Type" {
			headers[name] = got.header.Get(name)
		}
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	var body map[string]any
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Fatal(err)
	}
	delete(entry["protoPayload"].(map[string]any), "@type")
	if diff := cmp.Diff(entry, body); diff != "" {
		t.Errorf("body (-entry less @type +got):\n%s", diff)
	}
	endpoint := s.Broker.State()[0].Endpoint
	checkToken(t, s, got, endpoint, receiver)
}

func TestGooglesMessageReadsTheEventInProtobuf(t *testing.T) {
	t.Parallel()
	s, function := served(t)
	createTrigger(t, s, "global", "watch", trigger(createService, set("eventDataContentType", "application/protobuf")))
	deployTo(t, s, "us-central1", "hello")
	idle(t, s)
	if len(function.taken()) != 1 {
		t.Fatalf("%d requests, want 1", len(function.taken()))
	}
	got := function.taken()[0]
	if token := got.header.Get("Authorization"); token != "" {
		t.Errorf("a trigger without an account sent the token %q", token)
	}
	request := &http.Request{Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body))}
	event, err := binding.ToEvent(t.Context(), cehttp.NewMessageFromHttpRequest(request))
	if err != nil || event.Validate() != nil {
		t.Fatalf("reading it as a CloudEvent: %v, %v", err, event.Validate())
	}
	var data auditdata.LogEntryData
	if err := proto.Unmarshal(event.Data(), &data); err != nil || event.DataContentType() != "application/protobuf" {
		t.Fatalf("reading %s: %v", event.DataContentType(), err)
	}
	entry, log := logged(t, s, createService), data.GetProtoPayload()
	response, _ := log.GetResponse().AsMap()["name"].(string)
	read := []any{data.GetInsertId(), log.GetMethodName(), data.GetResource().GetLabels()["service_name"],
		log.GetAuthenticationInfo().GetPrincipalEmail(), log.GetResourceLocation().GetCurrentLocations()[0], response}
	want := []any{entry["insertId"], createService, "hello", "owner@example.com", "us-central1",
		parent + "us-central1/services/hello"}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

// reached are the ids of the triggers whose events reached the function: each
// has a path of its own.
func (f *recorder) reached() []string {
	var ids []string
	for _, each := range f.taken() {
		ids = append(ids, strings.TrimPrefix(each.path, "/"))
	}
	slices.Sort(ids)
	return ids
}

// toPath sends a trigger's events to a path.
func toPath(path string) func(map[string]any) {
	return func(wanted map[string]any) {
		wanted["destination"].(map[string]any)["cloudRun"].(map[string]any)["path"] = path
	}
}

func TestATriggerSeesTheEventsOfItsLocationAndComputesComeFromOne(t *testing.T) {
	t.Parallel()
	s, function := served(t)
	for _, location := range []string{"us-central1", "europe-west1", "global"} {
		createTrigger(t, s, location, "run", trigger(createService, toPath("/run-"+location)))
		createTrigger(t, s, location, "compute", trigger(insertBackend, toPath("compute-"+location)))
	}
	deployTo(t, s, "europe-west1", "hello")
	idle(t, s)
	if diff := cmp.Diff([]string{"run-europe-west1", "run-global"}, function.reached()); diff != "" {
		t.Errorf("a service in europe-west1 (-want +got):\n%s", diff)
	}
	function.forget()
	call(t, s, http.MethodPost, "/compute/v1/projects/demo-project/regions/europe-west1/backendServices",
		map[string]any{"name": "be", "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS"})
	idle(t, s)
	// Compute Engine logs twice: when a call arrives and when it is done.
	want := []string{"compute-global", "compute-global", "compute-us-central1", "compute-us-central1"}
	if diff := cmp.Diff(want, function.reached()); diff != "" {
		t.Errorf("a backend service in europe-west1 (-want +got):\n%s", diff)
	}
}

// forget starts the record anew.
func (f *recorder) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = nil
}

func TestFiltersSelectByMethodAndResourceName(t *testing.T) {
	t.Parallel()
	s, function := served(t)
	named := func(name, operator string) func(map[string]any) {
		return func(wanted map[string]any) {
			one := map[string]any{"attribute": "resourceName", "value": name}
			if operator != "" {
				one["operator"] = operator
			}
			wanted["eventFilters"] = append(wanted["eventFilters"].([]any), one)
			toPath(strings.NewReplacer("/", "-", "*", "x").Replace(name))(wanted)
		}
	}
	const hello = parent + "us-central1/services/hello"
	createTrigger(t, s, "global", "any", trigger(createService, toPath("any")))
	createTrigger(t, s, "global", "another-method",
		trigger("google.cloud.run.v2.Services.DeleteService", toPath("another-method")))
	createTrigger(t, s, "global", "exact", trigger(createService, named(hello, "")))
	createTrigger(t, s, "global", "not-exact", trigger(createService, named(parent+"us-central1/services/*", "")))
	createTrigger(t, s, "global", "pattern", trigger(createService, named("projects/**/h*", "match-path-pattern")))
	createTrigger(t, s, "global", "another-pattern", trigger(createService, named("projects/**/b*", "match-path-pattern")))
	deployTo(t, s, "us-central1", "hello")
	idle(t, s)
	want := []string{"any", strings.ReplaceAll(hello, "/", "-"), "projects-xx-hx"}
	if diff := cmp.Diff(want, function.reached()); diff != "" {
		t.Errorf("who heard of it (-want +got):\n%s", diff)
	}
}

func TestATriggerWhoseDestinationNobodyServesSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t)
	createTrigger(t, s, "global", "watch", trigger(createService, nil))
	deployTo(t, s, "us-central1", "lost")
	condition, _ := readTrigger(t, s, "global", "watch")["conditions"].(map[string]any)["destination"].(map[string]any)
	if text := fmt.Sprint(condition["message"]); condition["code"] != "NOT_FOUND" ||
		!strings.Contains(text, `service "iapguard" in us-central1`) {
		t.Errorf("condition %v, want NOT_FOUND and the service", condition)
	}
	state, _ := call(t, s, http.MethodGet, "/_local/state", nil)["eventarc"].(map[string]any)
	if got := state[parent+"global/triggers/watch"].(map[string]any)["undelivered"]; got != 1.0 {
		t.Errorf("undelivered %v, want 1", got)
	}

	function := &recorder{}
	if _, err := s.Serve(t.Context(), function); err != nil {
		t.Fatal(err)
	}
	deployTo(t, s, "us-central1", "hello")
	idle(t, s)
	if got := len(function.taken()); got != 1 {
		t.Errorf("%d events once somebody listens, want 1", got)
	}
	if got := readTrigger(t, s, "global", "watch")["conditions"]; got != nil {
		t.Errorf("conditions %v, want none", got)
	}
}

func TestEventsAreTriedAgainUnlessTheTriggerSaysOnce(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"retried": nil, "once": set("retryPolicy", map[string]any{"maxAttempts": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			var requests atomic.Int32
			if _, err := s.Serve(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests.Add(1) == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})); err != nil {
				t.Fatal(err)
			}
			createTrigger(t, s, "global", "watch", trigger(createService, change))
			deployTo(t, s, "us-central1", "hello")
			idle(t, s)
			want := map[string]int{"retried": 2, "once": 1}[name]
			if got := s.Broker.State()[0].Attempts; got != want {
				t.Errorf("%d attempts, want %d", got, want)
			}
		})
	}
}

func TestATriggerThatIsGoneDeliversNothing(t *testing.T) {
	t.Parallel()
	s, function := served(t)
	for name, end := range map[string]func(){
		"deleted": func() { call(t, s, http.MethodDelete, "/v1/"+parent+"global/triggers/watch", nil) },
		"reset":   func() { call(t, s, http.MethodPost, "/_local/reset", nil) },
		"turned to another service": func() {
			call(t, s, http.MethodPatch, "/v1/"+parent+"global/triggers/watch?updateMask=destination.cloudRun.service",
				map[string]any{"destination": map[string]any{"cloudRun": map[string]any{"service": "another"}}})
		},
	} {
		createTrigger(t, s, "global", "watch", trigger(createService, nil))
		end()
		deployTo(t, s, "us-central1", "hello")
		idle(t, s)
		if got := len(function.taken()); got != 0 {
			t.Errorf("%s: %d events, want none", name, got)
		}
		if got := s.Broker.State(); len(got) != 0 {
			t.Errorf("%s: subscriptions left: %+v", name, got)
		}
		call(t, s, http.MethodPost, "/_local/reset", nil)
	}
}

// What a client made of the subscription stays when the trigger changes, and what waits in it
// goes where the trigger leads from then on.
func TestAChangedTriggerKeepsItsSubscription(t *testing.T) {
	t.Parallel()
	s, function := served(t)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(refusing.Close)
	s.Cloud.DataPlane().Contain(parent+"us-central1/services/first", refusing.URL)
	deployTo(t, s, "us-central1", "first")
	deployTo(t, s, "us-central1", playground.FunctionService)
	for _, service := range []string{"first", playground.FunctionService} {
		call(t, s, http.MethodPost, "/v2/"+parent+"us-central1/services/"+service+":setIamPolicy", map[string]any{
			"policy": map[string]any{"bindings": []any{map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}}})
	}
	to := func(service string) map[string]any {
		return map[string]any{"cloudRun": map[string]any{"service": service, "region": "us-central1"}}
	}
	createTrigger(t, s, "global", "watch", trigger(createService, set("destination", to("first"))))
	name := readTrigger(t, s, "global", "watch")["transport"].(map[string]any)["pubsub"].(map[string]any)["subscription"].(string)
	call(t, s, http.MethodPatch, "/v1/"+name, map[string]any{"updateMask": "ackDeadlineSeconds",
		"subscription": map[string]any{"ackDeadlineSeconds": 600}})
	deployTo(t, s, "us-central1", "hello")
	call(t, s, http.MethodPatch, "/v1/"+parent+"global/triggers/watch?updateMask=destination.cloudRun.service",
		map[string]any{"destination": to(playground.FunctionService)})
	idle(t, s)
	if got := len(function.taken()); got != 1 {
		t.Errorf("%d events, want the one that waited", got)
	}
	shown := call(t, s, http.MethodGet, "/v1/"+name, nil)
	if shown["ackDeadlineSeconds"] != 600.0 || shown["messageRetentionDuration"] != "86400s" {
		t.Errorf("the subscription: %v, want the deadline that was set and a day's retention", shown)
	}
}
