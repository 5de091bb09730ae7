package run

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Jobs and executions are served by v2 and by v1, which gcloud calls. An execution runs as
// long as an operation takes, and succeeds; what its containers would do is not asked.
// Conditions, counts and audit entries are modelled on those of services and on what
// gcloud's source reads (unverified).

// States of conditions in v2.
const (
	conditionDone    = "CONDITION_SUCCEEDED"
	conditionFailed  = "CONDITION_FAILED"
	conditionRunning = "CONDITION_RECONCILING"
)

func (r *Run) jobRow() collection.Kind {
	row := r.workload("Job", "jobs", regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`))
	const audited = "google.cloud.run.{version}.Jobs."
	row.Documents = append(row.Documents, "run/v1") // has the methods of IAM policies too
	row.Collections = append(row.Collections, "run.namespaces.jobs")
	maps.Copy(row.Verbs, map[string]string{"run": "run", "replaceJob": "update"})
	maps.Copy(row.Audit, map[string]string{"run": audited + "RunJob", "replaceJob": audited + "ReplaceJob"})
	row.Methods, row.IDField, row.ListKind = map[string]string{"replaceJob": "patch"}, "metadata.name", "JobList"
	row.Rename, row.Recorded, row.Filter = r.namespacedName, recordedJob("Job", "job"), selectedByLabel(r.shapeJob)
	row.Shape, row.Unshape = r.shapeJob, readJob
	row.Actions = map[string]collection.Action{"run": {Writes: true, Do: runJob}}
	row.Prepare = func(w *collection.Write) error {
		if err := regional(w.Call); err != nil {
			return err
		}
		if read, ok := w.Beside.(spec); ok {
			keepJobOfV2(w, read)
		}
		return prepare(w, row.Message)
	}
	row.View = r.viewJob
	row.Changed = r.changedJob
	fails := row.Fails
	row.Fails = func(w *collection.Write, failure *apiserver.Error) {
		started, ok := w.Beside.(collection.Resource)
		if !ok {
			fails(w, failure)
			return
		}
		if failure != nil {
			finishExecution(started.Body, w.At, outcome{count: "failedCount", message: failure.Message})
		}
		r.executions.Put(started)
	}
	row.Answer = func(jobs *collection.Collection, w *collection.Write, shown map[string]any) (any, error) {
		started, ok := w.Beside.(collection.Resource)
		switch {
		case ok && collection.Version(w.Call) == "v1":
			return answerV1(w, r.executions.ShownTo(w.Call, started)), nil
		case ok:
			return r.longRunning(r.executions, w, r.executions.Shown(started))
		}
		return r.longRunning(jobs, w, shown)
	}
	return row
}

func (r *Run) executionRow() collection.Kind {
	const audited = "google.cloud.run.{version}.Executions."
	return collection.Kind{
		Documents:   []string{"run/v2", "run/v1"},
		Collections: []string{"run.projects.locations.jobs.executions", "run.namespaces.executions"},
		Message:     "GoogleCloudRunV2Execution", Permissions: "run.executions", Source: permissionSource,
		Audit: map[string]string{"delete": audited + "DeleteExecution", "cancel": audited + "CancelExecution"},
		Words: absent("EXECUTION"), PageSize: maxPageSize, NewestFirst: true, Location: collection.Regional,
		Conflict: conflict, Answer: r.longRunning, Shape: r.shapeExecution, ListKind: "ExecutionList",
		Rename: r.namespacedName, Recorded: recordedJob("Execution", "name"), Filter: selectedByLabel(r.shapeExecution),
		Actions: map[string]collection.Action{"cancel": {Writes: true, Do: cancelExecution}}, Unserved: []string{"exportStatus"},
	}
}

// conflict is what Cloud Run says of a version that is not the current one.
func conflict(current collection.Resource, sent string) error {
	return apiserver.Aborted("Conflict for resource '%s': version '%d' was specified but current version is '%d'.",
		lastSegment(current.Name), etagVersion(sent), etagVersion(apiserver.Text(current.Body, "etag")))
}

// failWorkload shows in a resource that its latest change came to nothing, or, without a
// failure, that it goes on for ever.
func failWorkload(w *collection.Write, failure *apiserver.Error) {
	body := w.New.Body
	delete(body, "observedGeneration")
	if w.Old != nil && w.Old.Body["observedGeneration"] != nil {
		body["observedGeneration"] = w.Old.Body["observedGeneration"]
	}
	condition := map[string]any{"type": "Ready", "state": "CONDITION_PENDING", "lastTransitionTime": stamp(w.At)}
	if failure != nil {
		condition["state"], condition["message"] = conditionFailed, failure.Message
	} else {
		body["reconciling"] = true
	}
	body["terminalCondition"] = condition
}

// runJob starts an execution.
func runJob(jobs *collection.Collection, call *apiserver.Call) (any, error) {
	return jobs.Change(call, func(w *collection.Write) error {
		if err := conflictOf(w); err != nil {
			return err
		}
		id := lastSegment(w.Old.Name)
		name, at := w.Old.Name+"/executions/"+id+"-"+suffix()+suffix(), stamp(w.At)
		template := apiserver.Clone(apiserver.Object(w.Old.Body, "template"))
		if err := override(template, apiserver.Object(w.Sent, "overrides")); err != nil {
			return err
		}
		tasks := template["taskCount"]
		body := map[string]any{
			"uid": apiserver.NewUUID(), "creator": call.Caller.Email(), "generation": "1", "observedGeneration": "1",
			"createTime": at, "startTime": at, "updateTime": at, "etag": etag(w.At, name), "job": id,
			"launchStage": w.Old.Body["launchStage"], "runningCount": tasks, "reconciling": true,
			"conditions": conditions(conditionRunning, w.At),
		}
		setDefault(template, "parallelism", tasks)
		maps.Copy(body, template)
		w.Beside = collection.Resource{Name: name, Created: w.At, Body: body, Kept: w.Old.Kept}
		w.New.Body["executionCount"] = number(whole(w.Old.Body["executionCount"]) + 1)
		w.New.Body["latestCreatedExecution"] = map[string]any{"name": name, "createTime": at,
			"completionStatus": "EXECUTION_RUNNING"}
		return nil
	})
}

// conflictOf refuses a custom method whose body names another etag than the current one.
func conflictOf(w *collection.Write) error {
	if sent := apiserver.Text(w.Sent, "etag"); sent != "" && sent != apiserver.Text(w.Old.Body, "etag") {
		return conflict(*w.Old, sent)
	}
	return nil
}

// override applies what a run asks for instead of what the job says.
// Source: run/docs/execute/jobs, "Override job configuration".
func override(template, wanted map[string]any) error {
	task := child(template, "template")
	if count, ok := wanted["taskCount"]; ok {
		template["taskCount"] = count
	}
	if timeout, ok := wanted["timeout"]; ok {
		task["timeout"] = timeout
	}
	if seconds, ok := wanted["timeoutSeconds"]; ok { // v1
		task["timeout"] = fmt.Sprint(seconds) + "s"
	}
	if delay, ok := wanted["delayExecution"]; ok {
		template["delayExecution"] = delay
	}
	containers := apiserver.List(task, "containers")
	for i, each := range apiserver.List(wanted, "containerOverrides") {
		asked := each.(map[string]any)
		at := slices.IndexFunc(containers, func(c any) bool {
			return len(containers) == 1 && asked["name"] == nil || asked["name"] != nil && c.(map[string]any)["name"] == asked["name"]
		})
		if at < 0 {
			return apiserver.Invalid("overrides.container_overrides[%d].name: '%s' is not the name of a container of the job.",
				i, apiserver.Text(asked, "name"))
		}
		overrideContainer(containers[at].(map[string]any), asked)
	}
	return nil
}

func overrideContainer(container, asked map[string]any) {
	if args, ok := asked["args"]; ok {
		container["args"] = args
	}
	if asked["clearArgs"] == true {
		delete(container, "args")
	}
	env := slices.Clone(apiserver.List(container, "env"))
	for _, each := range apiserver.List(asked, "env") {
		variable := each.(map[string]any)
		env = slices.DeleteFunc(env, func(known any) bool { return known.(map[string]any)["name"] == variable["name"] })
		env = append(env, variable)
	}
	if len(env) > 0 {
		container["env"] = env
	}
}

// changedJob keeps the execution that a run started, and forgets those of a job that is
// gone.
func (r *Run) changedJob(w *collection.Write) {
	if started, ok := w.Beside.(collection.Resource); ok {
		r.executions.Put(started)
		r.later(func() { r.ended(started.Name, nil) })
	}
	if w.New == nil {
		for _, each := range r.executions.All(w.Old.Name + "/executions") {
			r.executions.Drop(each.Name)
		}
	}
}

// ended lets an execution succeed, unless it has come to its end, and returns it as v2
// shows it; otherwise is what it was before it was gone.
func (r *Run) ended(name string, otherwise map[string]any) map[string]any {
	r.executions.Edit(name, func(running *collection.Resource) bool {
		if running.Body["completionTime"] != nil {
			return false
		}
		finishExecution(running.Body, r.server.Stamp(), outcome{count: "succeededCount"})
		running.Body["etag"] = etag(r.server.Stamp(), name)
		return true
	})
	if found, ok := r.executions.Get(name); ok {
		return r.executions.Shown(found)
	}
	return otherwise
}

// outcome is how an execution ended: in which count its tasks are, and, unless it
// succeeded, why.
type outcome struct{ count, message, reason string }

func finishExecution(body map[string]any, at time.Time, how outcome) {
	state := conditionDone
	if how.message != "" {
		state = conditionFailed
	}
	all := conditions(state, at)
	if how.message != "" {
		completed := all[0].(map[string]any)
		completed["message"] = how.message
		if how.reason != "" {
			completed["executionReason"] = how.reason
		}
	}
	body["conditions"], body[how.count] = all, body["taskCount"]
	body["completionTime"], body["updateTime"] = stamp(at), stamp(at)
	delete(body, "runningCount")
	delete(body, "reconciling")
}

// conditions are those of an execution; Completed is in a state.
func conditions(completed string, at time.Time) []any {
	var all []any
	for _, kind := range []string{"Completed", "ResourcesAvailable", "Started"} {
		all = append(all, map[string]any{"type": kind, "state": cmp.Or(completed, conditionDone), "lastTransitionTime": stamp(at)})
		completed = ""
	}
	return all
}

// cancelExecution ends an execution that is running. The texts are unverified.
func cancelExecution(executions *collection.Collection, call *apiserver.Call) (any, error) {
	return executions.Change(call, func(w *collection.Write) error {
		if err := conflictOf(w); err != nil {
			return err
		}
		if w.Old.Body["completionTime"] != nil {
			return apiserver.Precondition("Execution '%s' has already completed.", lastSegment(w.Old.Name))
		}
		finishExecution(w.New.Body, w.At, outcome{"cancelledCount", "The execution was cancelled.", "CANCELLED"})
		w.New.Body["etag"] = etag(w.At, w.New.Name)
		return nil
	})
}

// viewJob shows how the latest execution ended.
func (r *Run) viewJob(_ collection.Resource, shown map[string]any) {
	latest := apiserver.Object(shown, "latestCreatedExecution")
	found, ok := r.executions.Get(apiserver.Text(latest, "name"))
	if !ok || found.Body["completionTime"] == nil {
		return
	}
	latest["completionTime"] = found.Body["completionTime"]
	for count, status := range map[string]string{"succeededCount": "EXECUTION_SUCCEEDED", "failedCount": "EXECUTION_FAILED",
		"cancelledCount": "EXECUTION_CANCELLED"} {
		if found.Body[count] != nil {
			latest["completionStatus"] = status
		}
	}
}

// recordedJob completes the log entry of a write to a job or an execution as those of
// services are: its monitored resource is the job (logging/docs/api/v2/resource-list),
// v1's names are those of its paths, and the request is shown without containers.
func recordedJob(kind, field string) func(*apiserver.Call, string) {
	return func(call *apiserver.Call, name string) {
		record := call.Record
		if record == nil || strings.HasSuffix(record.Method, "IamPolicy") {
			return
		}
		part := strings.Split(name, "/")
		record.ResourceType = "cloud_run_job"
		record.Labels = map[string]string{"project_id": call.Project.ID, "location": part[3], "job_name": part[5]}
		if collection.Version(call) == "v1" {
			record.ResourceName = "namespaces/" + call.Project.ID + "/" + strings.Join(part[len(part)-2:], "/")
			for i := range record.Authorization {
				record.Authorization[i].Resource = record.ResourceName
			}
		}
		record.Request = requestOf(call, kind, field)
	}
}

// requestOf is the request of a write as its log entry shows it: a message that holds what
// was sent beside what the path and the parameters say.
func requestOf(call *apiserver.Call, kind, field string) map[string]any {
	record := call.Record
	method := record.Method[strings.LastIndexByte(record.Method, '.')+1:]
	types := strings.TrimSuffix(record.Method, kind+"s."+method)
	shown := map[string]any{"@type": "type.googleapis.com/" + types + method + "Request"}
	body, err := call.Body()
	switch {
	case err != nil:
	case !strings.HasPrefix(method, "Create") && !strings.HasPrefix(method, "Update") && !strings.HasPrefix(method, "Replace"):
		maps.Copy(shown, apiserver.Clone(body))
	default:
		shown[field] = apiserver.Clone(body)
	}
	if strings.HasPrefix(method, "Create") {
		shown["parent"] = record.ResourceName[:strings.LastIndex(record.ResourceName, "/"+field+"s/")]
		if id := call.Query(field + "Id"); id != "" {
			shown[field+"Id"] = id
		}
	} else {
		shown["name"] = record.ResourceName
	}
	return redacted(shown)
}
