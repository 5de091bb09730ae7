package run_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	jobsV1       = "/apis/run.googleapis.com/v1/namespaces/demo-project/jobs"
	executionsV1 = "/apis/run.googleapis.com/v1/namespaces/demo-project/executions"
	jobsV2       = location + "/jobs"
)

// jobV1 is a job as v1 takes it, with what a test says about its task and its containers.
func jobV1(name, task string) string {
	return fmt.Sprintf(`{"apiVersion":"run.googleapis.com/v1","kind":"Job","metadata":{"name":%q},
		"spec":{"template":{"spec":{"taskCount":2,"template":{"spec":{"containers":[{"image":"i"}]%s}}}}}}`, name, task)
}

func TestAJobOfV1KeepsWhatItWasSent(t *testing.T) {
	c := start(t)
	const sent = `{"apiVersion":"run.googleapis.com/v1","kind":"Job",
		"metadata":{"name":"nightly","labels":{"team":"a"},"annotations":{"run.googleapis.com/launch-stage":"BETA","mine":"b",
			"run.googleapis.com/client-name":"gcloud"}},
		"spec":{"template":{
			"metadata":{"labels":{"run":"c"},"annotations":{"run.googleapis.com/execution-environment":"gen1","theirs":"d",
				"run.googleapis.com/vpc-access-egress":"all-traffic","run.googleapis.com/cloudsql-instances":"p:r:i"}},
			"spec":{"parallelism":1,"taskCount":3,"template":{"spec":{"maxRetries":0,"timeoutSeconds":"300","serviceAccountName":"s@x",
				"nodeSelector":{"run.googleapis.com/accelerator":"nvidia-l4"},
				"volumes":[{"name":"v","secret":{"secretName":"s","items":[{"key":"1","path":"p"}]}}],
				"containers":[{"image":"i","args":["x"],"env":[{"name":"A","value":""},
					{"name":"B","valueFrom":{"secretKeyRef":{"name":"s","key":"latest"}}}],
					"volumeMounts":[{"name":"v","mountPath":"/v"}]}]}}}}}}`
	c.must("POST", jobsV1, sent)
	got := c.must("GET", jobsV1+"/nightly", "")
	spec := at(got, "spec", "template", "spec")
	for what, each := range map[string][2]any{
		"maxRetries":       {at(spec, "template", "spec", "maxRetries"), "0"},
		"timeoutSeconds":   {at(spec, "template", "spec", "timeoutSeconds"), "300"},
		"taskCount":        {at(spec, "taskCount"), "3"},
		"parallelism":      {at(spec, "parallelism"), "1"},
		"account":          {at(spec, "template", "spec", "serviceAccountName"), "s@x"},
		"accelerator":      {at(spec, "template", "spec", "nodeSelector", "run.googleapis.com/accelerator"), "nvidia-l4"},
		"volume":           {at(spec, "template", "spec", "volumes", 0, "secret", "secretName"), "s"},
		"empty variable":   {at(spec, "template", "spec", "containers", 0, "env", 0, "value"), ""},
		"secret variable":  {at(spec, "template", "spec", "containers", 0, "env", 1, "valueFrom", "secretKeyRef", "key"), "latest"},
		"mount":            {at(spec, "template", "spec", "containers", 0, "volumeMounts", 0, "mountPath"), "/v"},
		"label":            {at(got, "metadata", "labels", "team"), "a"},
		"annotation":       {at(got, "metadata", "annotations", "mine"), "b"},
		"launch stage":     {at(got, "metadata", "annotations", "run.googleapis.com/launch-stage"), "BETA"},
		"client":           {at(got, "metadata", "annotations", "run.googleapis.com/client-name"), "gcloud"},
		"execution label":  {at(got, "spec", "template", "metadata", "labels", "run"), "c"},
		"execution note":   {at(got, "spec", "template", "metadata", "annotations", "theirs"), "d"},
		"environment":      {at(got, "spec", "template", "metadata", "annotations", "run.googleapis.com/execution-environment"), "gen1"},
		"egress":           {at(got, "spec", "template", "metadata", "annotations", "run.googleapis.com/vpc-access-egress"), "all-traffic"},
		"Cloud SQL":        {at(got, "spec", "template", "metadata", "annotations", "run.googleapis.com/cloudsql-instances"), "p:r:i"},
		"ready":            {at(got, "status", "conditions", 0, "status"), "True"},
		"v2's maxRetries":  {at(c.must("GET", jobsV2+"/nightly", ""), "template", "template", "maxRetries"), "0"},
		"v2's environment": {at(c.must("GET", jobsV2+"/nightly", ""), "template", "template", "executionEnvironment"), "EXECUTION_ENVIRONMENT_GEN1"},
	} {
		if fmt.Sprint(each[0]) != each[1] {
			t.Errorf("%s is %v, want %v", what, each[0], each[1])
		}
	}
	// A replace through v1 keeps what v1 cannot say, and says again what it reads.
	c.write("PATCH", jobsV2+"/nightly", `{"binaryAuthorization":{"useDefault":true},"template":{"template":{"maxRetries":0,"containers":[{"image":"i"}]}}}`)
	c.must("PUT", jobsV1+"/nightly", jobV1("nightly", ""))
	if got := at(c.must("GET", jobsV2+"/nightly", ""), "binaryAuthorization", "useDefault"); got != true {
		t.Errorf("after a replace, binaryAuthorization.useDefault is %v", got)
	}
}

func TestAZeroThatWasSentIsNotReplacedByADefault(t *testing.T) {
	c := start(t)
	const container = `"containers":[{"image":"i"}]`
	for _, each := range []struct {
		what, path, body string
		at               []any
		want             string
	}{
		{"retries of a job", jobsV2 + "?jobId=a1", `{"template":{"template":{"maxRetries":0,` + container + `}}}`,
			[]any{"template", "template", "maxRetries"}, "0"},
		{"retries by default", jobsV2 + "?jobId=a2", `{"template":{"template":{` + container + `}}}`,
			[]any{"template", "template", "maxRetries"}, "3"},
		{"tasks, whose zero is none", jobsV2 + "?jobId=a3", `{"template":{"taskCount":0,"template":{` + container + `}}}`,
			[]any{"template", "taskCount"}, "1"},
		{"manual instances", location + "/services?serviceId=b1", `{"scaling":{"manualInstanceCount":0},"template":{` + container + `}}`,
			[]any{"scaling", "manualInstanceCount"}, "0"},
		{"least instances, whose zero is none", location + "/services?serviceId=b2",
			`{"scaling":{"minInstanceCount":0},"template":{` + container + `}}`, []any{"scaling", "minInstanceCount"}, "<nil>"},
		{"an empty variable", location + "/services?serviceId=b3",
			`{"template":{"containers":[{"image":"i","env":[{"name":"A","value":""}]}]}}`,
			[]any{"template", "containers", 0, "env", 0, "value"}, ""},
		{"a URL that is on, whose zero is none", location + "/services?serviceId=b4",
			`{"defaultUriDisabled":false,"template":{` + container + `}}`, []any{"defaultUriDisabled"}, "<nil>"},
		{"redundancy that is on", location + "/services?serviceId=b5",
			`{"template":{"gpuZonalRedundancyDisabled":false,` + container + `}}`, []any{"template", "gpuZonalRedundancyDisabled"}, "false"},
		{"a CPU that is not throttled", location + "/services?serviceId=b6",
			`{"template":{"containers":[{"image":"i","resources":{"cpuIdle":false,"startupCpuBoost":false}}]}}`,
			[]any{"template", "containers", 0, "resources", "cpuIdle"}, "<nil>"},
		{"a binary authorization that is not the default", location + "/services?serviceId=b7",
			`{"binaryAuthorization":{"useDefault":false},"template":{` + container + `}}`, []any{"binaryAuthorization", "useDefault"}, "false"},
		{"the pool's instances", location + "/workerPools?workerPoolId=c1",
			`{"scaling":{"manualInstanceCount":0},"template":{` + container + `}}`, []any{"scaling", "manualInstanceCount"}, "0"},
	} {
		c.write("POST", each.path, each.body)
		path, id, _ := strings.Cut(each.path, "?")
		_, id, _ = strings.Cut(id, "=")
		if got := fmt.Sprint(at(c.must("GET", path+"/"+id, ""), each.at...)); got != each.want {
			t.Errorf("%s: %v is %s, want %s", each.what, each.at, got, each.want)
		}
	}
}

func TestListsOfV1ContinueAndSelectByLabel(t *testing.T) {
	c := start(t)
	for _, name := range []string{"a", "b", "c"} {
		c.must("POST", jobsV1, jobV1(name, ""))
		c.must("POST", jobsV1+"/"+name+":run", "")
	}
	var names []any
	token, pages := "", 0
	for {
		list := c.must("GET", jobsV1+"?limit=2&continue="+token, "")
		if list["apiVersion"] != "run.googleapis.com/v1" || list["kind"] != "JobList" || list["nextPageToken"] != nil {
			t.Fatalf("the list: %v", list)
		}
		for _, each := range list["items"].([]any) {
			names = append(names, at(each, "metadata", "name"))
		}
		pages++
		if token, _ = at(list, "metadata", "continue").(string); token == "" {
			break
		}
	}
	if diff := cmp.Diff([]any{"a", "b", "c"}, names); diff != "" || pages != 2 {
		t.Errorf("%d pages, jobs (-want +got):\n%s", pages, diff)
	}
	list := c.must("GET", executionsV1+"?labelSelector=run.googleapis.com/job%20%3D%20b", "")
	items, _ := list["items"].([]any)
	if len(items) != 1 || at(items[0], "metadata", "labels", "run.googleapis.com/job") != "b" || list["kind"] != "ExecutionList" {
		t.Errorf("executions of b: %v", list)
	}
	if status, _ := c.call("GET", executionsV1+"?labelSelector=a!=b", ""); status != http.StatusBadRequest {
		t.Errorf("a selector that is neither an equality nor a set: %d, want 400", status)
	}
}

func TestAReplaceOfAnotherVersionIsAConflict(t *testing.T) {
	c := start(t)
	made := c.must("POST", jobsV1, jobV1("nightly", ""))
	version := at(made, "metadata", "resourceVersion").(string)
	versioned := func() string {
		return strings.Replace(jobV1("nightly", ""), `"name":"nightly"`, `"name":"nightly","resourceVersion":"`+version+`"`, 1)
	}
	c.must("PUT", jobsV1+"/nightly", versioned())
	status, got := c.call("PUT", jobsV1+"/nightly", versioned())
	if message, _ := at(got, "error", "message").(string); status != http.StatusConflict ||
		!strings.HasPrefix(message, "Conflict for resource 'nightly': version '1") {
		t.Errorf("a replace of the first version: %d %v", status, got)
	}
	c.must("POST", jobsV1+"/nightly:run", "") // a run is a later version
	if now := at(c.must("GET", jobsV1+"/nightly", ""), "metadata", "resourceVersion"); now == version || len(now.(string)) != len(version) {
		t.Errorf("resourceVersion after a run is %v", now)
	}
	for what, body := range map[string]string{
		"another name": jobV1("other", ""), "another kind": strings.Replace(jobV1("nightly", ""), "Job", "Service", 1),
		"a wrong type": jobV1("nightly", `,"maxRetries":"many"`), "no container": strings.Replace(jobV1("nightly", ""), `{"image":"i"}`, "", 1),
		"a bad network": strings.Replace(jobV1("nightly", ""), `"template":{"spec":{"taskCount"`,
			`"template":{"metadata":{"annotations":{"run.googleapis.com/network-interfaces":"{"}},"spec":{"taskCount"`, 1),
	} {
		if status, got := c.call("PUT", jobsV1+"/nightly", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %v, want 400", what, status, got)
		}
	}
}

func TestARunTakesOverridesAndEnds(t *testing.T) {
	c := start(t)
	c.must("POST", jobsV1, strings.Replace(jobV1("nightly", ""), `{"image":"i"}`,
		`{"image":"i","args":["a"],"env":[{"name":"A","value":"1"},{"name":"B","value":"1"}]}`, 1))
	c.run.Hold()
	started := c.must("POST", jobsV1+"/nightly:run", `{"overrides":{"taskCount":5,"timeoutSeconds":60,
		"containerOverrides":[{"clearArgs":true,"env":[{"name":"A","value":"2"}]}]}}`)
	name := at(started, "metadata", "name").(string)
	status := func() string {
		got := c.must("GET", executionsV1+"/"+name, "")
		got = got["status"].(map[string]any)
		return fmt.Sprintf("%v %v %v", at(got, "conditions", 0, "status"), got["runningCount"], got["succeededCount"])
	}
	if got := status(); got != "Unknown 5 <nil>" {
		t.Errorf("while it runs: %q", got)
	}
	task := at(started, "spec", "template", "spec")
	if at(task, "containers", 0, "args") != nil || at(task, "timeoutSeconds") != "60" || at(task, "containers", 0, "env", 1, "value") != "2" {
		t.Errorf("the overridden task: %v", task)
	}
	if got := at(c.must("GET", jobsV1+"/nightly", ""), "status", "latestCreatedExecution", "completionStatus"); got != "EXECUTION_RUNNING" {
		t.Errorf("the latest execution is %v", got)
	}
	c.run.Release()
	for range 1000 { // its timer may not have fired yet
		if status() == "True <nil> 5" {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if got := status(); got != "True <nil> 5" {
		t.Errorf("when it has ended: %q", got)
	}
	job := c.must("GET", jobsV1+"/nightly", "")
	if at(job, "status", "latestCreatedExecution", "completionStatus") != "EXECUTION_SUCCEEDED" ||
		at(job, "spec", "template", "spec", "taskCount").(fmt.Stringer).String() != "2" {
		t.Errorf("the job: %v", job)
	}
	if status, _ := c.call("POST", jobsV1+"/nightly:run", `{"overrides":{"containerOverrides":[{"name":"none"}]}}`); status != http.StatusBadRequest {
		t.Errorf("an override of a container that is not there: %d, want 400", status)
	}
	c.must("POST", jobsV2+"/nightly:run", `{"validateOnly":true}`)
	if list, _ := c.must("GET", executionsV1, "")["items"].([]any); len(list) != 1 {
		t.Errorf("%d executions after a validation, want 1", len(list))
	}
}

func TestAnExecutionThatRunsCanBeCancelled(t *testing.T) {
	c := start(t)
	c.must("POST", jobsV1, jobV1("nightly", ""))
	c.run.Hold()
	name := at(c.must("POST", jobsV1+"/nightly:run", ""), "metadata", "name").(string)
	cancelled := c.must("POST", executionsV1+"/"+name+":cancel", "")
	if at(cancelled, "status", "conditions", 0, "status") != "False" || at(cancelled, "status", "conditions", 0, "reason") != "Cancelled" ||
		at(cancelled, "status", "cancelledCount").(fmt.Stringer).String() != "2" {
		t.Errorf("cancelled: %v", cancelled["status"])
	}
	c.run.Release()
	got := c.must("GET", executionsV1+"/"+name, "")
	if at(got, "status", "succeededCount") != nil || at(got, "status", "completionTime") == nil {
		t.Errorf("what was cancelled went on: %v", got["status"])
	}
	for path, want := range map[string]int{executionsV1 + "/" + name: http.StatusBadRequest, executionsV1 + "/none": http.StatusNotFound,
		jobsV2 + "/nightly/executions/" + name: http.StatusBadRequest} {
		if status, got := c.call("POST", path+":cancel", ""); status != want {
			t.Errorf("cancelling %s: %d %v, want %d", path, status, got, want)
		}
	}
}

func TestAWriteOfV1WhoseOperationFailsIsShown(t *testing.T) {
	c := start(t)
	fault := func(action, method string) {
		c.core.SetFaults([]apiserver.Fault{{Action: action, Method: method, Message: "no quota"}})
	}
	for action, want := range map[string]string{apiserver.FailOperation: "False no quota", apiserver.HangOperation: "Unknown <nil>"} {
		id := strings.ToLower(want[:4])
		fault(action, "run.namespaces.jobs.create")
		c.must("POST", jobsV1, jobV1(id, ""))
		ready := at(c.must("GET", jobsV1+"/"+id, ""), "status", "conditions", 0)
		if got := fmt.Sprint(at(ready, "status"), " ", at(ready, "message")); got != want {
			t.Errorf("%s: the job is %q, want %q", action, got, want)
		}
		fault(action, "run.namespaces.jobs.run")
		started := c.must("POST", jobsV1+"/"+id+":run", "")
		completed := at(c.must("GET", executionsV1+"/"+at(started, "metadata", "name").(string), ""), "status", "conditions", 0)
		if got := fmt.Sprint(at(completed, "status"), " ", at(completed, "message")); got != want {
			t.Errorf("%s: the execution is %q, want %q", action, got, want)
		}
	}
	c.core.SetFaults(nil)
	c.must("PUT", jobsV1+"/fals", jobV1("fals", ""))
	if got := at(c.must("GET", jobsV1+"/fals", ""), "status", "conditions", 0, "status"); got != "True" {
		t.Errorf("after a write that succeeds, ready is %v", got)
	}
}

func TestJobsAreRecordedAsServicesAre(t *testing.T) {
	c := start(t)
	c.must("POST", jobsV1, jobV1("nightly", ""))
	name := at(c.must("POST", jobsV1+"/nightly:run", ""), "metadata", "name").(string)
	c.write("PATCH", jobsV2+"/nightly", `{"labels":{"a":"b"},"template":{"template":{"containers":[{"image":"i"}]}}}`)
	c.must("DELETE", executionsV1+"/"+name, "")
	c.must("DELETE", jobsV1+"/nightly", "")
	const full = "projects/demo-project/locations/us-central1/jobs/nightly"
	var got [][]any
	for _, record := range c.audit() {
		if strings.Contains(fmt.Sprint(record.Request, record.Response), "containers") {
			t.Errorf("%s shows containers: %v", record.Method, record.Request)
		}
		got = append(got, []any{record.Method, record.ResourceName, record.ResourceType, record.Labels["job_name"],
			record.Authorization[0].Resource, record.Request["@type"], record.Request["parent"], record.Request["name"], record.Response["@type"]})
	}
	const v1, v2, types = "google.cloud.run.v1.", "google.cloud.run.v2.", "type.googleapis.com/"
	short, execution := "namespaces/demo-project/jobs/nightly", "namespaces/demo-project/executions/"+name
	want := [][]any{
		{v1 + "Jobs.CreateJob", short, "cloud_run_job", "nightly", short, types + v1 + "CreateJobRequest", "namespaces/demo-project", nil, types + v1 + "Job"},
		{v1 + "Jobs.RunJob", short, "cloud_run_job", "nightly", short, types + v1 + "RunJobRequest", nil, short, types + v1 + "Execution"},
		{v2 + "Jobs.UpdateJob", full, "cloud_run_job", "nightly", full, types + v2 + "UpdateJobRequest", nil, full, types + v2 + "Job"},
		{v1 + "Executions.DeleteExecution", execution, "cloud_run_job", "nightly", execution, types + v1 + "DeleteExecutionRequest", nil, execution, nil},
		{v1 + "Jobs.DeleteJob", short, "cloud_run_job", "nightly", short, types + v1 + "DeleteJobRequest", nil, short, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestAJobWithoutARegionIsReadButNotWritten(t *testing.T) {
	c := start(t)
	c.must("POST", jobsV1, jobV1("nightly", ""))
	c.host = "run.googleapis.com"
	if items, _ := c.must("GET", jobsV1, "")["items"].([]any); len(items) != 1 {
		t.Errorf("%d jobs in every region, want 1", len(items))
	}
	if status, got := c.call("POST", jobsV1, jobV1("other", "")); status != http.StatusNotFound {
		t.Errorf("a job in no region: %d %v, want 404", status, got)
	}
}

func TestTasksAreAsTheirExecutionIs(t *testing.T) {
	c := start(t)
	c.must("POST", jobsV1, jobV1("nightly", ""))
	c.run.Hold()
	execution := at(c.must("POST", jobsV1+"/nightly:run", `{}`), "metadata", "name").(string)
	tasksV1, tasksV2 := strings.TrimSuffix(executionsV1, "executions")+"tasks", jobsV2+"/nightly/executions/"+execution+"/tasks"
	states := func(selector string) string {
		var all []string
		items, _ := c.must("GET", tasksV1+"?labelSelector="+url.QueryEscape("run.googleapis.com/execution = "+execution+selector), "")["items"].([]any)
		for _, each := range items {
			all = append(all, fmt.Sprint(at(each, "status", "index"), at(each, "metadata", "labels", "run.googleapis.com/runningState")))
		}
		return strings.Join(all, " ")
	}
	if got := states(""); got != "0Running 1Running" {
		t.Errorf("while it runs: %s", got)
	}
	c.must("POST", executionsV1+"/"+execution+":cancel", `{}`)
	for selector, want := range map[string]string{
		",run.googleapis.com/runningState in (Failed,Cancelled)": "0Cancelled 1Cancelled",
		", run.googleapis.com/runningState in (Succeeded)":       "",
	} {
		if got := states(selector); got != want {
			t.Errorf("%s: %q, want %q", selector, got, want)
		}
	}
	task := c.must("GET", tasksV2+"/"+execution+"-task1", "")
	for field, want := range map[string]any{"index": json.Number("1"), "execution": execution, "job": "nightly", "timeout": "600s"} {
		if task[field] != want {
			t.Errorf("%s is %v, want %v", field, task[field], want)
		}
	}
	c.must("DELETE", executionsV1+"/"+execution, "")
	if got := states(""); got != "" {
		t.Errorf("after its end: %s", got)
	}
}
