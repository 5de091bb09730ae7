package eventarc_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	client "google.golang.org/api/eventarc/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const (
	location = "projects/demo-project/locations/us-central1"
	account  = "receiver@demo-project.iam.gserviceaccount.com"
)

// serve is a local cloud with alice as an editor; carol may make triggers
// and nothing else.
func serve(t *testing.T) string {
	t.Helper()
	const role = "projects/demo-project/roles/triggerMaker"
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t),
		Roles: []apiserver.Role{{Name: role, Permissions: []string{"eventarc.triggers.create"}}},
		Grants: []resourcemanager.Grant{{Role: "roles/editor", Member: "user:alice@example.com"},
			{Role: role, Member: "user:carol@example.com"}},
	})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	return server.URL
}

// triggers is Google's own client, as the project's owner.
func triggers(t *testing.T, base string) *client.ProjectsLocationsService {
	t.Helper()
	service, err := client.NewService(t.Context(), option.WithEndpoint(base+"/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return service.Projects.Locations
}

// wanted is a trigger as somebody asks for it.
func wanted() *client.Trigger {
	return &client.Trigger{
		Destination: &client.Destination{CloudRun: &client.CloudRun{Service: "iapguard", Region: "us-central1",
			Path: "/events"}},
		EventFilters: []*client.EventFilter{
			{Attribute: "type", Value: "google.cloud.audit.log.v1.written"},
			{Attribute: "serviceName", Value: "run.googleapis.com"},
			{Attribute: "methodName", Value: "google.cloud.run.v2.Services.CreateService"},
			{Attribute: "resourceName", Value: "projects/*/**", Operator: "match-path-pattern"},
		},
		ServiceAccount: account, Labels: map[string]string{"team": "web"},
	}
}

// done waits for an operation and gives the trigger that it ended with.
func done(t *testing.T, api *client.ProjectsLocationsService, operation *client.GoogleLongrunningOperation,
	err error) client.Trigger {
	t.Helper()
	for err == nil && !operation.Done {
		operation, err = api.Operations.Get(operation.Name).Do()
	}
	if err != nil || operation.Error != nil {
		t.Fatalf("operation %+v: %v", operation, err)
	}
	var ended client.Trigger
	if err := json.Unmarshal(operation.Response, &ended); err != nil {
		t.Fatal(err)
	}
	return ended
}

// ours are the fields that the cloud fills in, different every time.
var ours = cmpopts.IgnoreFields(client.Trigger{}, "Uid", "CreateTime", "UpdateTime", "Etag", "Conditions",
	"ServerResponse", "Transport")

func status(err error) int {
	var refused *googleapi.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}

func TestGooglesClientManagesTriggers(t *testing.T) {
	api := triggers(t, serve(t))
	const name = location + "/triggers/watch"
	operation, err := api.Triggers.Create(location, wanted()).TriggerId("watch").Do()
	created := done(t, api, operation, err)
	want := *wanted()
	want.Name, want.EventDataContentType = name, "application/json"
	if diff := cmp.Diff(want, created, ours); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	pubsub := created.Transport.Pubsub
	if !strings.HasPrefix(pubsub.Topic, "projects/demo-project/topics/eventarc-us-central1-watch-") ||
		!strings.HasPrefix(pubsub.Subscription, "projects/demo-project/subscriptions/eventarc-us-central1-watch-sub-") {
		t.Errorf("transport %+v", pubsub)
	}
	if _, err := api.Triggers.Create(location, wanted()).TriggerId("watch").Do(); status(err) != http.StatusConflict {
		t.Errorf("creating it twice: %v, want a 409", err)
	}

	change := &client.Trigger{Destination: &client.Destination{CloudRun: &client.CloudRun{Path: "/other"}},
		EventDataContentType: "application/protobuf"}
	operation, err = api.Triggers.Patch(name, change).UpdateMask(
		"destination.cloud_run.path,event_data_content_type,labels").Do()
	patched := done(t, api, operation, err)
	want.Destination.CloudRun.Path, want.EventDataContentType, want.Labels = "/other", "application/protobuf", nil
	if diff := cmp.Diff(want, patched, ours); diff != "" {
		t.Errorf("patched (-want +got):\n%s", diff)
	}
	if patched.Etag == created.Etag || patched.Uid != created.Uid || patched.CreateTime != created.CreateTime ||
		patched.Transport.Pubsub.Topic != pubsub.Topic {
		t.Errorf("patched %+v, want another etag and the same identity as %+v", patched, created)
	}

	for _, parent := range []string{location, "projects/123456789012/locations/-"} {
		list, err := api.Triggers.List(parent).Do()
		if err != nil || len(list.Triggers) != 1 || list.Triggers[0].Etag != patched.Etag {
			t.Errorf("triggers of %s: %+v, %v; want the one", parent, list, err)
		}
	}
	if list, err := api.Triggers.List("projects/demo-project/locations/global").Do(); err != nil ||
		len(list.Triggers) != 0 {
		t.Errorf("triggers elsewhere: %+v, %v; want none", list, err)
	}

	if _, err := api.Triggers.Delete(name).Etag(created.Etag).Do(); status(err) != http.StatusConflict {
		t.Errorf("deleting it with an old etag: %v, want a 409", err)
	}
	operation, err = api.Triggers.Delete(name).Etag(patched.Etag).Do()
	if deleted := done(t, api, operation, err); deleted.Uid != created.Uid {
		t.Errorf("deleted %+v", deleted)
	}
	if _, err := api.Triggers.Get(name).Do(); status(err) != http.StatusNotFound {
		t.Errorf("reading it afterwards: %v, want a 404", err)
	}
	if _, err := api.Triggers.Delete(name).Do(); status(err) != http.StatusNotFound {
		t.Errorf("deleting it again: %v, want a 404", err)
	}
	if operation, err := api.Triggers.Delete(name).AllowMissing(true).Do(); err != nil || !operation.Done {
		t.Errorf("deleting it if it is there: %+v, %v", operation, err)
	}
}

func TestTriggersAreListedInPages(t *testing.T) {
	api := triggers(t, serve(t))
	for _, id := range []string{"c", "a", "b"} {
		if _, err := api.Triggers.Create(location, wanted()).TriggerId(id).Do(); err != nil {
			t.Fatal(err)
		}
	}
	var pages [][]string
	err := api.Triggers.List(location).PageSize(2).Pages(t.Context(), func(page *client.ListTriggersResponse) error {
		var names []string
		for _, each := range page.Triggers {
			names = append(names, strings.TrimPrefix(each.Name, location+"/triggers/"))
		}
		pages = append(pages, names)
		return nil
	})
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c"}}, pages); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAskingWhetherAWriteWouldDoChangesNothing(t *testing.T) {
	api := triggers(t, serve(t))
	operation, err := api.Triggers.Create(location, wanted()).TriggerId("watch").ValidateOnly(true).Do()
	if err != nil || !operation.Done || !strings.Contains(string(operation.Response), "/triggers/watch") {
		t.Errorf("create: %+v, %v", operation, err)
	}
	list, err := api.Triggers.List(location).Do()
	if err != nil || len(list.Triggers) != 0 {
		t.Errorf("triggers %+v, %v; want none", list, err)
	}
}

func TestTriggersThatGoogleRefusesAreRefused(t *testing.T) {
	base := serve(t)
	const path = "/v1/" + location + "/triggers?triggerId="
	good, err := json.Marshal(wanted())
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) string {
		changed := strings.Replace(string(good), old, new, 1)
		if changed == string(good) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return changed
	}
	for _, tc := range []struct {
		name, path, body string
		want             int
		text             string
	}{
		{"an unknown location", "/v1/projects/demo-project/locations/moon/triggers?triggerId=w", string(good), 403,
			"Location moon"},
		{"another project", "/v1/projects/other/locations/us-central1/triggers?triggerId=w", string(good), 403, ""},
		{"no id", path, string(good), 400, "trigger_id"},
		{"an id with capitals", path + "Watch", string(good), 400, "trigger_id"},
		{"another name", path + "w", replaced(`{"destination"`, `{"name":"`+location+`/triggers/v","destination"`), 400,
			"trigger.name"},
		{"an unknown field", path + "w", replaced(`{"destination"`, `{"colour":1,"destination"`), 400, "Unknown name"},
		{"labels that are not texts", path + "w", replaced(`"web"`, `1`), 400, "trigger.labels"},
		{"filters that are not a list", path + "w", `{"eventFilters":{}}`, 400, "trigger.event_filters"},
		{"no filters", path + "w", `{}`, 400, "event_filters"},
		{"another event type", path + "w", replaced("audit.log.v1.written", "storage.object.v1.finalized"), 400,
			"event_filters"},
		{"no method", path + "w", replaced(`"methodName"`, `"serviceName"`), 400, "twice"},
		{"an unknown attribute", path + "w", replaced(`"methodName"`, `"method"`), 400, `\"method\"`},
		{"an empty value", path + "w", replaced(`"run.googleapis.com"`, `""`), 400, "no value"},
		{"an unknown operator", path + "w", replaced("match-path-pattern", "like"), 400, "operator"},
		{"a pattern for a method", path + "w", replaced(`{"attribute":"methodName"`,
			`{"operator":"match-path-pattern","attribute":"methodName"`), 400, "operator"},
		{"a malformed pattern", path + "w", replaced("projects/*/**", "projects/{"), 400, "malformed"},
		{"an unknown key of a filter", path + "w", replaced(`{"attribute":"methodName"`,
			`{"not":true,"attribute":"methodName"`), 400, "Unknown name"},
		{"no destination", path + "w", replaced(`"cloudRun"`, `"workflow"`), 400, "destination"},
		{"a service by its full name", path + "w", replaced(`"service":"iapguard"`,
			`"service":"projects/p/locations/l/services/s"`), 400, "destination.cloud_run.service"},
		{"no region", path + "w", replaced(`"region":"us-central1"`, `"region":""`), 400, "destination.cloud_run.region"},
		{"a path with a query", path + "w", replaced(`/events`, `/events?x=1`), 400, "destination.cloud_run.path"},
		{"an unknown key of the destination", path + "w", replaced(`"path"`, `"port"`), 400, "Unknown name"},
		{"a person for an account", path + "w", replaced(account, "alice@example.com"), 400, "service_account"},
		{"another content type", path + "w", replaced(`{"destination"`,
			`{"eventDataContentType":"text/xml","destination"`), 400, "event_data_content_type"},
		{"two attempts", path + "w", replaced(`{"destination"`, `{"retryPolicy":{"maxAttempts":2},"destination"`), 400,
			"max_attempts"},
		{"a topic of one's own", path + "w", replaced(`{"destination"`,
			`{"transport":{"pubsub":{"topic":"projects/demo-project/topics/t"}},"destination"`), 400, "topic"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			response, err := http.Post(base+tc.path, "application/json", strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != tc.want || !strings.Contains(string(text), tc.text) {
				t.Errorf("%d %s, %v; want %d with %q", response.StatusCode, text, err, tc.want, tc.text)
			}
		})
	}
	api := triggers(t, base)
	if list, err := api.Triggers.List(location).Do(); err != nil || len(list.Triggers) != 0 {
		t.Errorf("triggers %+v, %v; want none", list, err)
	}
	for name, call := range map[string]*client.ProjectsLocationsTriggersListCall{
		"filter": api.Triggers.List(location).Filter("x"), "order": api.Triggers.List(location).OrderBy("name"),
		"page token": api.Triggers.List(location).PageToken("-1"), "page size": api.Triggers.List(location).PageSize(-1),
	} {
		if _, err := call.Do(); status(err) != http.StatusBadRequest {
			t.Errorf("list with a wrong %s: %v, want a 400", name, err)
		}
	}
	if _, err := api.Triggers.Create(location, wanted()).TriggerId("w").Do(); err != nil {
		t.Fatal(err)
	}
	for _, mask := range []string{"colour", "transport", "uid"} {
		if _, err := api.Triggers.Patch(location+"/triggers/w", wanted()).UpdateMask(mask).Do(); status(
			err) != http.StatusBadRequest {
			t.Errorf("patch of %s: %v, want a 400", mask, err)
		}
	}
}

func TestWritingATriggerTakesItsPermissions(t *testing.T) {
	base := serve(t)
	as := func(caller, method, path string, body io.Reader) int {
		request, err := http.NewRequestWithContext(t.Context(), method, base+"/v1/"+location+"/triggers"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer user:"+caller+"@example.com")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	text, err := json.Marshal(wanted())
	if err != nil {
		t.Fatal(err)
	}
	anonymous := strings.Replace(string(text), account, "", 1)
	create := func(caller, body string) int {
		return as(caller, "POST", "?triggerId="+caller, strings.NewReader(body))
	}
	got := map[string]int{
		"a stranger's create": create("stranger", string(text)), "alice's create": create("alice", string(text)),
		"a stranger's get": as("stranger", "GET", "/alice", nil), "alice's get": as("alice", "GET", "/alice", nil),
		"a stranger's list": as("stranger", "GET", "", nil), "alice's list": as("alice", "GET", "", nil),
		"a stranger's delete":          as("stranger", "DELETE", "/alice", nil),
		"alice's delete":               as("alice", "DELETE", "/alice", nil),
		"carol's create as an account": create("carol", string(text)),
		"carol's create without one":   create("carol", anonymous),
	}
	want := map[string]int{
		"a stranger's create": 403, "alice's create": 200, "a stranger's get": 403, "alice's get": 200,
		"a stranger's list": 403, "alice's list": 200, "a stranger's delete": 403, "alice's delete": 200,
		"carol's create as an account": 403, "carol's create without one": 200,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestAnOperationThatComesToNothingMakesNoTrigger(t *testing.T) {
	for action, ended := range map[string]bool{"fail-operation": true, "hang-operation": false} {
		base := serve(t)
		fault := `[{"action":"` + action + `","method":"eventarc.projects.locations.triggers.create","times":1}]`
		response, err := http.Post(base+"/_local/faults", "application/json", strings.NewReader(fault))
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("setting %s: %+v, %v", fault, response, err)
		}
		response.Body.Close()
		api := triggers(t, base)
		operation, err := api.Triggers.Create(location, wanted()).TriggerId("w").Do()
		for err == nil && ended && !operation.Done {
			operation, err = api.Operations.Get(operation.Name).Do()
		}
		if err != nil || operation.Done != ended || (operation.Error != nil) != ended {
			t.Errorf("%s: operation %+v, %v", action, operation, err)
		}
		if _, err := api.Triggers.Get(location + "/triggers/w").Do(); status(err) != http.StatusNotFound {
			t.Errorf("%s: reading the trigger: %v, want a 404", action, err)
		}
	}
}
