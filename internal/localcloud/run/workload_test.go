package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAJobHasTheFieldsThatWereRecorded(t *testing.T) {
	log := recorded(t, "wire-recorded/run/job-crud-2025-09-05.http.log")
	c := start(t)
	c.run.Hold()
	defer c.run.Release()
	compared := 0
	for i, each := range exchanges(t, log) {
		path := strings.NewReplacer("${projectId}", "demo-project", "${jobID}", "recorded", "?alt=json&", "?", "?alt=json", "").Replace(each.path)
		if strings.Contains(path, "/operations/") || each.answer["error"] != nil {
			continue
		}
		got := c.must(each.verb, path, each.sent)
		metadata, ok := each.answer["metadata"]
		answered := got["metadata"]
		if !ok {
			metadata, answered = each.answer, got
		}
		// The recording lost numbers that differ each time.
		except := []string{".uid", ".observedGeneration", ".conditions", ".lastTransitionTime", ".terminalCondition.type", ".reconciling",
			".conditions[].state", ".conditions[].type"}
		if diff := cmp.Diff(sortedKeys(metadata, except...), sortedKeys(answered, except...)); diff != "" {
			t.Errorf("exchange %d, %s %s (-recorded +got):\n%s", i, each.verb, path, diff)
		}
		compared++
	}
	if compared < 3 {
		t.Errorf("compared %d exchanges, want at least 3", compared)
	}
}

func TestAJobIsMadeRunListedAndDeleted(t *testing.T) {
	c := start(t)
	const jobs, sent = location + "/jobs", `{"template":{"taskCount":2,"template":{"containers":[{"image":"i"}]}}}`
	made := c.write("POST", jobs+"?jobId=nightly", sent)
	if got := at(made, "response", "@type"); got != "type.googleapis.com/google.cloud.run.v2.Job" {
		t.Errorf("create answers %v", got)
	}
	ran := c.write("POST", jobs+"/nightly:run", "")
	name, _ := at(ran, "response", "name").(string)
	if !strings.HasPrefix(name, "projects/demo-project/locations/us-central1/jobs/nightly/executions/nightly-") ||
		at(ran, "response", "@type") != "type.googleapis.com/google.cloud.run.v2.Execution" {
		t.Errorf("run answers %v", ran["response"])
	}
	if got := at(c.must("GET", jobs+"/nightly", ""), "latestCreatedExecution", "name"); got != name {
		t.Errorf("the job's latest execution is %v, want %s", got, name)
	}
	for path, key := range map[string]string{jobs: "jobs", jobs + "/nightly/executions": "executions"} {
		if list, _ := c.must("GET", path, "")[key].([]any); len(list) != 1 {
			t.Errorf("%s lists %d", path, len(list))
		}
	}
	changed := c.write("PATCH", jobs+"/nightly", `{"labels":{"team":"a"},"template":{"template":{"containers":[{"image":"j"}]}}}`)
	if at(changed, "response", "generation") != "2" || at(changed, "response", "template", "template", "containers", 0, "image") != "j" {
		t.Errorf("changed: %v", changed["response"])
	}
	c.write("DELETE", jobs+"/nightly", "")
	for _, path := range []string{jobs + "/nightly", "/v2/" + name} {
		if status, got := c.call("GET", path, ""); status != 404 {
			t.Errorf("%s after its deletion: %d %v", path, status, got)
		}
	}
}

func TestAWorkerPoolIsMadeListedAndDeleted(t *testing.T) {
	c := start(t)
	const pools = location + "/workerPools"
	c.write("POST", pools+"?workerPoolId=queue", `{"scaling":{"manualInstanceCount":0},"template":{"containers":[{"image":"i"}]}}`)
	one := c.must("GET", pools+"/queue", "")
	if at(one, "scaling", "manualInstanceCount") == nil || at(one, "terminalCondition", "state") != "CONDITION_SUCCEEDED" {
		t.Errorf("the pool: %v", one)
	}
	if list, _ := c.must("GET", pools, "")["workerPools"].([]any); len(list) != 1 {
		t.Errorf("%d pools, want 1", len(list))
	}
	if status, _ := c.call("POST", pools+"?workerPoolId=other", `{"template":{}}`); status != 400 {
		t.Errorf("a pool without containers: %d, want 400", status)
	}
	c.write("DELETE", pools+"/queue", "")
	if status, got := c.call("GET", pools+"/queue", ""); status != 404 {
		t.Errorf("after its deletion: %d %v", status, got)
	}
}

func TestV1ListsWorkerPoolsAndInstances(t *testing.T) {
	c := start(t)
	const container = `"containers":[{"image":"i"}]`
	c.write("POST", location+"/workerPools?workerPoolId=feed", `{"labels":{"team":"a"},"template":{`+container+`},
		"instanceSplits":[{"type":"INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST","percent":100}]}`)
	c.write("POST", location+"/instances?instanceId=box", `{`+container+`}`)
	const v1 = "/apis/run.googleapis.com/v1/namespaces/demo-project/"
	for _, each := range []struct {
		path string
		want []any
	}{
		{v1 + "workerpools", []any{"feed"}},
		{v1 + "workerpools?labelSelector=team%3Da", []any{"feed"}},
		{v1 + "workerpools?labelSelector=team%3Db", nil},
		{v1 + "instances", []any{"box"}},
	} {
		var names []any
		items, _ := c.must("GET", each.path, "")["items"].([]any)
		for _, item := range items {
			names = append(names, at(item, "metadata", "name"))
		}
		if diff := cmp.Diff(each.want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", each.path, diff)
		}
	}
	pool := c.must("GET", v1+"workerpools/feed", "")
	for what, each := range map[string][2]any{
		"image":    {at(pool, "spec", "template", "spec", "containers", 0, "image"), "i"},
		"split":    {at(pool, "spec", "instanceSplits", 0, "percent"), "100"},
		"latest":   {at(pool, "spec", "instanceSplits", 0, "latestRevision"), "true"},
		"ready":    {at(pool, "status", "conditions", 0, "status"), "True"},
		"modifier": {at(pool, "metadata", "annotations", "serving.knative.dev/lastModifier"), "alice@example.com"},
	} {
		if fmt.Sprint(each[0]) != each[1] {
			t.Errorf("%s is %v, want %v", what, each[0], each[1])
		}
	}
	if status, got := c.call("POST", v1+"workerpools", `{}`); status != 404 {
		t.Errorf("what is not served is answered with %d %v, want 404", status, got)
	}
}
