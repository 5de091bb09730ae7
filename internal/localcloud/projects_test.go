package localcloud_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

// host is the second project of these tests.
var host = apiserver.NewProject("host-project")

// caller calls one local cloud.
type caller struct {
	t    *testing.T
	base string
	who  string // "" = the owner
}

// do gives the status of a call and its answer.
func (c caller) do(verb, path, body string) (int, map[string]any) {
	c.t.Helper()
	r := request(c.t, verb, c.base+path, body)
	if c.who != "" {
		r.Header.Set("Authorization", "Bearer "+c.who)
	}
	status, text := send(c.t, r)
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil && text != "" {
		c.t.Fatalf("%s %s: %v: %s", verb, path, err, text)
	}
	return status, answer
}

// done is a call that succeeds.
func (c caller) done(verb, path, body string) map[string]any {
	c.t.Helper()
	status, answer := c.do(verb, path, body)
	if status != 200 {
		c.t.Fatalf("%s %s: %d %v", verb, path, status, answer)
	}
	return answer
}

// as is somebody else who calls the same cloud.
func (c caller) as(who string) caller { return caller{c.t, c.base, who} }

func twoProjects(t *testing.T, options localcloud.Options) caller {
	t.Helper()
	options.Projects, options.OperationTime = []apiserver.Project{host}, -1
	return caller{t, serve(t, options), ""}
}

const container = `{"template": {"containers": [{"image": "gcr.io/p/i"}]}}`

// names are the values of a key in a list's items.
func names(answer map[string]any, list, key string) []string {
	var all []string
	for _, each := range apiserver.List(answer, list) {
		all = append(all, apiserver.Text(each.(map[string]any), key))
	}
	return all
}

func TestResourcesOfOneNameInTwoProjectsAreApart(t *testing.T) {
	c := twoProjects(t, localcloud.Options{})
	for i, project := range []string{"demo-project", host.ID} {
		c.done("POST", "/v2/projects/"+project+"/locations/us-central1/services?serviceId=shop", container)
		c.done("POST", "/compute/v1/projects/"+project+"/global/backendServices",
			fmt.Sprintf(`{"name": "be", "description": "%d"}`, i))
	}
	c.done("POST", "/compute/v1/projects/"+host.ID+"/global/backendServices", `{"name": "only-there"}`)
	for project, want := range map[string][]string{"demo-project": {"be"}, host.ID: {"be", "only-there"}} {
		if diff := cmp.Diff(want, names(c.done("GET", "/compute/v1/projects/"+project+"/global/backendServices", ""), "items",
			"name")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", project, diff)
		}
	}
	aggregated := c.done("GET", "/compute/v1/projects/demo-project/aggregated/backendServices", "")
	found := names(apiserver.Object(apiserver.Object(aggregated, "items"), "global"), "backendServices", "description")
	if diff := cmp.Diff([]string{"0"}, found); diff != "" {
		t.Errorf("aggregated (-want +got):\n%s", diff)
	}
	theirs := c.done("GET", "/v2/projects/"+host.Number+"/locations/us-central1/services/shop", "")
	if want := "https://shop-" + host.Number + ".us-central1.run.app"; theirs["urls"].([]any)[0] != want ||
		theirs["name"] != "projects/host-project/locations/us-central1/services/shop" {
		t.Errorf("the other shop: %v, want the address %s", theirs, want)
	}
	template := apiserver.Object(theirs, "template")
	if template["serviceAccount"] != host.DefaultAccount() {
		t.Errorf("it runs as %v", template["serviceAccount"])
	}
	c.done("DELETE", "/v2/projects/"+host.ID+"/locations/us-central1/services/shop", "")
	if status, _ := c.do("GET", "/v2/projects/demo-project/locations/us-central1/services/shop", ""); status != 200 {
		t.Errorf("after the other one was deleted: %d", status)
	}
	if status, _ := c.do("GET", "/compute/v1/projects/third/global/backendServices", ""); status != 404 {
		t.Errorf("a project that is not there: %d, want 404", status)
	}
}

func TestRolesInOneProjectAreNoneInTheOther(t *testing.T) {
	const reader = "serviceAccount:reader@host-project.iam.gserviceaccount.com"
	c := twoProjects(t, localcloud.Options{Grants: []resourcemanager.Grant{
		{Role: "roles/viewer", Member: reader, Project: host.ID}}})
	statuses := func() []int {
		var all []int
		for _, project := range []string{"demo-project", host.ID} {
			status, _ := c.as(reader).do("GET", "/compute/v1/projects/"+project+"/global/urlMaps", "")
			all = append(all, status)
		}
		return all
	}
	if diff := cmp.Diff([]int{403, 200}, statuses()); diff != "" {
		t.Errorf("a viewer there (-want +got):\n%s", diff)
	}
	c.done("POST", "/v3/organizations/987654321098:setIamPolicy", `{"policy": {"bindings": [
		{"role": "roles/owner", "members": ["user:owner@example.com"]},
		{"role": "roles/viewer", "members": ["`+reader+`"]}]}}`)
	if diff := cmp.Diff([]int{200, 200}, statuses()); diff != "" {
		t.Errorf("a viewer above both (-want +got):\n%s", diff)
	}
	account := c.done("POST", "/v1/projects/"+host.ID+"/serviceAccounts", `{"accountId": "worker"}`)
	if account["email"] != "worker@host-project.iam.gserviceaccount.com" || account["projectId"] != host.ID {
		t.Errorf("an account there: %v", account)
	}
	if found := c.done("GET", "/v1/projects/-/serviceAccounts/worker@host-project.iam.gserviceaccount.com", ""); found["name"] !=
		"projects/host-project/serviceAccounts/worker@host-project.iam.gserviceaccount.com" {
		t.Errorf("the account in any project: %v", found)
	}
	if here := names(c.done("GET", "/v1/projects/demo-project/serviceAccounts", ""), "accounts", "email"); len(here) > 0 {
		t.Errorf("accounts here: %v", here)
	}
}

func TestAnAPIIsOffInOneProjectAlone(t *testing.T) {
	c := twoProjects(t, localcloud.Options{})
	c.done("POST", "/v1/projects/"+host.ID+"/services/compute.googleapis.com:disable", `{"disableDependentServices": true}`)
	status, refused := c.do("GET", "/compute/v1/projects/"+host.ID+"/global/urlMaps", "")
	if status != 403 || !strings.Contains(fmt.Sprint(refused), "project "+host.Number+" before or it is disabled") {
		t.Errorf("there: %d %v", status, refused)
	}
	c.done("GET", "/compute/v1/projects/demo-project/global/urlMaps", "")
	agents := map[string]string{"demo-project": "123456789012", host.ID: host.Number}
	for project, number := range agents {
		member := "serviceAccount:service-" + number + "@gcp-sa-iap.iam.gserviceaccount.com"
		policy := `{"policy": {"bindings": [{"role": "roles/owner", "members": ["user:owner@example.com"]},
			{"role": "roles/run.invoker", "members": ["` + member + `"]}]}}`
		if status, _ := c.do("POST", "/v3/projects/demo-project:setIamPolicy", policy); status != 400 {
			t.Errorf("the agent of %s before it exists: %d, want 400", project, status)
		}
		made := c.done("POST", "/v1beta1/projects/"+project+"/services/iap.googleapis.com:generateServiceIdentity", "")
		if email := apiserver.Text(apiserver.Object(made, "response"), "email"); "serviceAccount:"+email != member {
			t.Errorf("the agent of %s is %s", project, email)
		}
		c.done("POST", "/v3/projects/demo-project:setIamPolicy", policy)
	}
}

func TestAURLMapNamesBackendServicesOfAnotherProject(t *testing.T) {
	const deployer = "user:deployer@example.com"
	c := twoProjects(t, localcloud.Options{Grants: []resourcemanager.Grant{
		{Role: "roles/compute.admin", Member: deployer, Project: host.ID}}})
	for name, scheme := range map[string]string{"be": "EXTERNAL_MANAGED", "classic": "EXTERNAL"} {
		c.done("POST", "/compute/v1/projects/demo-project/global/backendServices",
			`{"name": "`+name+`", "loadBalancingScheme": "`+scheme+`"}`)
	}
	c.done("POST", "/compute/v1/projects/demo-project/regions/us-central1/networkEndpointGroups",
		`{"name": "neg", "networkEndpointType": "SERVERLESS", "cloudRun": {"service": "shop"}}`)
	insert := func(who, collection, body string) (int, string) {
		status, answer := c.as(who).do("POST", "/compute/v1/projects/"+host.ID+"/global/"+collection, body)
		return status, apiserver.Text(apiserver.Object(answer, "error"), "message")
	}
	const named = `"defaultService": "projects/123456789012/global/backendServices/`
	for _, tc := range []struct {
		name, who, collection, body string
		status                      int
		message                     string
	}{
		{"without the permission there", deployer, "urlMaps", `{"name": "map", ` + named + `be"}`, 403,
			"Required 'compute.backendServices.use' permission for 'projects/demo-project/global/backendServices/be'"},
		{"none of the name", "", "urlMaps", `{"name": "map", ` + named + `none"}`, 404,
			"The resource 'projects/demo-project/global/backendServices/none' was not found"},
		{"of a classic load balancer", "", "urlMaps", `{"name": "map", ` + named + `classic"}`, 400,
			"Cross project referencing is not allowed for this resource."},
		{"an endpoint group", "", "backendServices",
			`{"name": "x", "backends": [{"group": "projects/demo-project/regions/us-central1/networkEndpointGroups/neg"}]}`, 400,
			"Cross project referencing is not allowed for this resource."},
		{"with it", "", "urlMaps", `{"name": "map", ` + named + `be"}`, 200, ""},
	} {
		if status, message := insert(tc.who, tc.collection, tc.body); status != tc.status || !strings.Contains(message, tc.message) {
			t.Errorf("%s: %d %s, want %d %s", tc.name, status, message, tc.status, tc.message)
		}
	}
	c.done("POST", "/compute/v1/projects/demo-project/global/backendServices/be/setIamPolicy",
		`{"policy": {"bindings": [{"role": "roles/compute.loadBalancerServiceUser", "members": ["`+deployer+`"]}]}}`)
	if status, message := insert(deployer, "urlMaps", `{"name": "second", `+named+`be"}`); status != 200 {
		t.Errorf("by a user of the backend service: %d %s", status, message)
	}
	used := names(c.done("GET", "/compute/v1/projects/demo-project/global/backendServices/be", ""), "usedBy", "reference")
	want := []string{"https://www.googleapis.com/compute/v1/projects/host-project/global/urlMaps/map",
		"https://www.googleapis.com/compute/v1/projects/host-project/global/urlMaps/second"}
	if diff := cmp.Diff(want, used); diff != "" {
		t.Errorf("used by (-want +got):\n%s", diff)
	}
	if status, _ := c.do("DELETE", "/compute/v1/projects/demo-project/global/backendServices/be", ""); status != 400 {
		t.Errorf("deleting what another project uses: %d, want 400", status)
	}
}

func TestEachProjectHasItsOwnLog(t *testing.T) {
	c := twoProjects(t, localcloud.Options{})
	for _, project := range []string{"demo-project", host.ID} {
		c.done("POST", "/v2/projects/"+project+"/locations/us-central1/services?serviceId=shop", container)
		c.done("POST", "/v2/entries:write", `{"logName": "projects/`+project+`/logs/app", "resource": {"type": "global"},
			"entries": [{"textPayload": "of `+project+`"}]}`)
	}
	list := func(who string, of ...string) (int, []string) {
		resources, _ := json.Marshal(of)
		status, answer := c.as(who).do("POST", "/v2/entries:list", `{"resourceNames": `+string(resources)+`}`)
		logs := map[string]bool{}
		for _, log := range names(answer, "entries", "logName") {
			owner, _, _ := strings.Cut(log, "/logs/")
			logs[owner] = true
		}
		var owners []string
		for _, each := range []string{"projects/demo-project", "projects/host-project"} {
			if logs[each] {
				owners = append(owners, each)
			}
		}
		return status, owners
	}
	for _, of := range [][]string{{"projects/demo-project"}, {"projects/host-project"},
		{"projects/demo-project", "projects/host-project"}} {
		if status, owners := list("", of...); status != 200 || !cmp.Equal(of, owners) {
			t.Errorf("of %v: %d %v", of, status, owners)
		}
	}
	if status, owners := list("user:stranger@example.com", "projects/"+host.Number); status != 403 {
		t.Errorf("by a stranger: %d %v, want 403", status, owners)
	}
	sink := c.done("POST", "/v2/projects/"+host.ID+"/sinks?uniqueWriterIdentity=true",
		`{"name": "all", "destination": "pubsub.googleapis.com/projects/demo-project/topics/t"}`)
	if want := "serviceAccount:service-" + host.Number + "@gcp-sa-logging.iam.gserviceaccount.com"; sink["writerIdentity"] != want {
		t.Errorf("the sink writes as %v, want %s", sink["writerIdentity"], want)
	}
}

func TestAProjectIsMadeThroughTheAPI(t *testing.T) {
	c := twoProjects(t, localcloud.Options{})
	made := c.done("POST", "/v3/projects", `{"projectId": "third-project", "parent": "organizations/987654321098"}`)
	number := apiserver.NewProject("third-project").Number
	if response := apiserver.Object(made, "response"); made["done"] != true || response["name"] != "projects/"+number ||
		response["state"] != "ACTIVE" {
		t.Errorf("made: %v", made)
	}
	c.done("POST", "/v1/projects", `{"projectId": "fourth-project", "name": "Fourth", "parent": {"type": "organization",
		"id": "987654321098"}}`)
	c.done("POST", "/v2/projects/third-project/locations/us-central1/services?serviceId=shop", container)
	c.done("GET", "/compute/v1/projects/"+number+"/global/networks/default", "")
	c.done("GET", "/v1/projects/fourth-project/services/run.googleapis.com", "")
	listed := names(c.done("GET", "/v1/projects?filter=lifecycleState:ACTIVE", ""), "projects", "projectId")
	if diff := cmp.Diff([]string{"demo-project", "fourth-project", "host-project", "third-project"}, listed); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		who, body string
		want      int
	}{
		"taken":           {"", `{"projectId": "third-project", "parent": "organizations/987654321098"}`, 409},
		"a short id":      {"", `{"projectId": "a", "parent": "organizations/987654321098"}`, 400},
		"no such parent":  {"", `{"projectId": "fifth-project", "parent": "folders/1"}`, 403},
		"by nobody known": {"user:stranger@example.com", `{"projectId": "fifth-project", "parent": "organizations/987654321098"}`, 403},
	} {
		if status, answer := c.as(tc.who).do("POST", "/v3/projects", tc.body); status != tc.want {
			t.Errorf("%s: %d %v, want %d", name, status, answer, tc.want)
		}
	}
	c.done("POST", "/_local/reset", "")
	if status, _ := c.do("GET", "/v1/projects/third-project", ""); status != 403 {
		t.Errorf("after a reset: %d, want 403", status)
	}
}

func TestAPIsOfTheDefaultProjectKnowNoOther(t *testing.T) {
	c := twoProjects(t, localcloud.Options{})
	for path, want := range map[string]int{
		"/v1/projects/host-project/secrets":                          403,
		"/v1/projects/host-project/topics":                           403,
		"/v1/projects/host-project/locations/us-central1/triggers":   403,
		"/v3/projects/host-project/alertPolicies":                    200,
		"/bigquery/v2/projects/host-project/datasets":                403,
		"/v1/projects/host-project/locations/us-central1/jobs":       403,
		"/v1/projects/host-project/locations/global/certificateMaps": 200,
	} {
		if status, answer := c.do("GET", path, ""); status != want {
			t.Errorf("%s: %d %v, want %d", path, status, answer, want)
		}
	}
}
