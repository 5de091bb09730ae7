package run

import (
	"maps"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Labels of tasks in v1, as gcloud's source reads them.
const (
	executionLabel = "run.googleapis.com/execution"
	stateLabel     = "run.googleapis.com/runningState"
)

func (r *Run) taskRow() collection.Kind {
	return collection.Kind{
		Documents:   []string{"run/v2", "run/v1"},
		Collections: []string{"run.projects.locations.jobs.executions.tasks", "run.namespaces.tasks"},
		Message:     "GoogleCloudRunV2Task", Permissions: "run.tasks", Source: permissionSource,
		Words: absent("TASK"), PageSize: maxPageSize, Location: collection.Regional, Within: r.executions,
		View: r.viewTask, Shape: r.shapeTask, ListKind: "TasksList", Rename: r.namespacedName, Filter: selectedByLabel(r.shapeTask),
	}
}

// start keeps an execution and its tasks. Their names are unverified.
func (r *Run) start(execution collection.Resource) {
	r.executions.Put(execution)
	for i := range whole(execution.Body["taskCount"]) {
		task := collection.Resource{Name: execution.Name + "/tasks/" + lastSegment(execution.Name) + "-task" + strconv.Itoa(i),
			Created: execution.Created, Body: map[string]any{"uid": apiserver.NewUUID(), "index": number(i)}}
		r.tasks.Put(task)
	}
}

// forget drops an execution and its tasks.
func (r *Run) forget(execution string) {
	r.executions.Drop(execution)
	for _, each := range r.tasks.All(execution + "/tasks") {
		r.tasks.Drop(each.Name)
	}
}

// viewTask shows a task as its execution is: all tasks of one begin and end together.
func (r *Run) viewTask(task collection.Resource, shown map[string]any) {
	name, _, _ := strings.Cut(task.Name, "/tasks/")
	of, ok := r.executions.Get(name)
	if !ok {
		return // it is just being deleted
	}
	maps.Copy(shown, picked(of.Body, "createTime", "startTime", "updateTime", "completionTime", "job", "generation",
		"observedGeneration", "etag", "reconciling", "labels", "annotations", "conditions"))
	maps.Copy(shown, picked(apiserver.Object(of.Body, "template"), "containers", "volumes", "maxRetries", "timeout",
		"serviceAccount", "executionEnvironment", "encryptionKey", "vpcAccess", "nodeSelector"))
	shown["execution"] = lastSegment(name)
}

// shapeTask turns a task of v2 into one of v1.
func (r *Run) shapeTask(version string, of collection.Resource, task map[string]any) {
	if version != "v1" {
		return
	}
	if task["job"] == nil { // as it is stored
		r.viewTask(of, task)
	}
	status := conditionsV1(task, apiserver.List(task, "conditions"))
	maps.Copy(status, picked(task, "startTime", "completionTime", "index"))
	metadata := r.metadataV1(of, task, "tasks")
	maps.Copy(apiserver.Object(metadata, "labels"), map[string]any{jobLabel: task["job"], executionLabel: task["execution"],
		stateLabel: taskState(apiserver.List(task, "conditions"))})
	execution, _ := r.executions.Get(of.Name[:max(strings.Index(of.Name, "/tasks/"), 0)])
	only, _ := execution.Kept.(knative)
	template := apiserver.Object(executionSpecV1(map[string]any{"template": task}, only.templateSpec), "template")
	become(task, map[string]any{"kind": "Task", "metadata": metadata, "status": status, "spec": template["spec"]})
}

// taskState is how gcloud calls what the first condition, Completed, says.
func taskState(conditions []any) string {
	var completed map[string]any
	if len(conditions) > 0 {
		completed, _ = conditions[0].(map[string]any)
	}
	switch {
	case completed["state"] == conditionDone:
		return "Succeeded"
	case completed["executionReason"] == "CANCELLED":
		return "Cancelled"
	case completed["state"] == conditionFailed:
		return "Failed"
	}
	return "Running"
}
