package run

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// workloads are what has no address: jobs, their executions and worker pools. They are
// kept and listed; nothing of them runs.
func (r *Run) workloads() []*collection.Collection {
	jobs := r.workload("Job", "jobs", regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`))
	jobs.Verbs["run"], jobs.Audit["run"] = "run", "google.cloud.run.v2.Jobs.RunJob"
	jobs.Documents = append(jobs.Documents, "run/v1") // has the methods of IAM policies too
	executions := collection.New(r.server, collection.Kind{
		Documents: []string{"run/v2"}, Collections: []string{"run.projects.locations.jobs.executions"},
		Message: "GoogleCloudRunV2Execution", Permissions: "run.executions", Source: permissionSource,
		Audit: map[string]string{"delete": "google.cloud.run.v2.Executions.DeleteExecution"},
		Words: absent("EXECUTION"), PageSize: maxPageSize, NewestFirst: true, Location: collection.Regional,
		Answer: r.longRunning, Unserved: []string{"cancel"},
	})
	jobs.Actions = map[string]collection.Action{"run": {Writes: true, Do: runJob(executions)}}
	jobs.Changed = func(w *collection.Write) {
		if w.New != nil {
			return
		}
		for _, each := range executions.All(w.Old.Name + "/executions") {
			executions.Drop(each.Name)
		}
	}
	kept := collection.New(r.server, jobs)
	executions.Within = kept
	kept.Answer = func(c *collection.Collection, w *collection.Write, shown map[string]any) (any, error) {
		if w.Method != "run" {
			return r.longRunning(c, w, shown)
		}
		started, _ := executions.Get(apiserver.Text(apiserver.Object(shown, "latestCreatedExecution"), "name"))
		return r.longRunning(executions, w, executions.Shown(started))
	}
	pools := r.workload("WorkerPool", "workerPools", serviceName)
	return []*collection.Collection{kept, executions, collection.New(r.server, pools)}
}

// absent is what Cloud Run says of a resource that does not exist (recorded for jobs).
func absent(kind string) collection.Words {
	return collection.Words{
		NotFound: "Resource '{id}' of kind '" + kind + "' in region '{location}' in project '" + apiserver.ProjectID + "' does not exist.",
		Exists:   "Resource '{id}' already exists.",
	}
}

// workload is the row of a kind, whose collection is named like its methods.
func (r *Run) workload(kind, all string, id *regexp.Regexp) collection.Kind {
	audited := "google.cloud.run.v2." + kind + "s."
	return collection.Kind{
		Documents: []string{"run/v2"}, Collections: []string{"run.projects.locations." + all},
		Message: "GoogleCloudRunV2" + kind, Permissions: "run." + strings.ToLower(all), Source: permissionSource,
		Verbs: map[string]string{"testIamPermissions": ""},
		Audit: map[string]string{"create": audited + "Create" + kind, "patch": audited + "Update" + kind,
			"delete": audited + "Delete" + kind, "setIamPolicy": audited + "SetIamPolicy"},
		ID: id, Location: collection.Regional, Words: absent(strings.ToUpper(kind)), PageSize: maxPageSize,
		Replaces: true, Defaults: map[string]any{"launchStage": "GA"}, Answer: r.longRunning,
		Prepare: func(w *collection.Write) error { return prepare(w, "GoogleCloudRunV2"+kind) },
	}
}

// prepare completes a job or a worker pool (recorded for a minimal job).
func prepare(w *collection.Write, message string) error {
	if w.New == nil || w.Method == "run" {
		return nil
	}
	body, generation := w.New.Body, 1
	dropZeros(message, body)
	if w.Old == nil {
		body["creator"] = w.Call.Caller.Email()
	} else {
		generation += whole(json.Number(apiserver.Text(w.Old.Body, "generation")))
	}
	template := child(body, "template")
	if _, isJob := documentV2().Message(message).Fields["executionCount"]; isJob {
		setDefault(template, "taskCount", json.Number("1"))
		template = child(template, "template")
		setDefault(template, "maxRetries", json.Number("3"))
		setDefault(template, "timeout", "600s")
		setDefault(template, "executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2")
		setDefault(body, "latestCreatedExecution", map[string]any{})
	}
	setDefault(template, "serviceAccount", defaultAccount)
	if err := w.Call.ActAs(apiserver.Text(template, "serviceAccount")); err != nil {
		return err
	}
	containers := apiserver.List(template, "containers")
	if len(containers) == 0 {
		return apiserver.Invalid("template.containers: at least one container must be specified.")
	}
	for i, each := range containers {
		container := each.(map[string]any)
		if apiserver.Text(container, "image") == "" {
			return apiserver.Invalid("template.containers[%d].image: must be specified.", i)
		}
		limitDefaults(child(container, "resources"))
	}
	ready := map[string]any{"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": stamp(w.At)}
	for name, value := range map[string]any{
		"lastModifier": w.Call.Caller.Email(), "generation": string(number(generation)), "observedGeneration": string(number(generation)),
		"etag": etag(w.At, w.New.Name), "terminalCondition": ready,
	} {
		body[name] = value
	}
	return checkKeys("", body)
}

// longRunning answers a write with an operation, whose metadata and response are the
// resource (recorded). A dry run's is done at once and is not kept.
func (r *Run) longRunning(c *collection.Collection, w *collection.Write, shown map[string]any) (any, error) {
	types := serviceTypes + strings.TrimPrefix(c.Message, "GoogleCloudRunV2")
	region, _, _ := strings.Cut(strings.TrimPrefix(w.Call.Resource, "projects/"+apiserver.ProjectID+"/locations/"), "/")
	of := service{location: region, operation: apiserver.NewUUID()}
	if w.New == nil {
		shown["deleteTime"], shown["expireTime"] = stamp(w.At), stamp(w.At.Add(retention))
	}
	if w.Dry() {
		return finished(of.operationName(), shown, types), nil
	}
	pending := typed(apiserver.Clone(shown), types)
	pending["reconciling"], pending["terminalCondition"] = true, map[string]any{"state": "CONDITION_PENDING"}
	if _, has := documentV2().Message(c.Message).Fields["terminalCondition"]; !has { // an execution
		delete(pending, "terminalCondition")
	}
	delete(pending, "observedGeneration")
	body := map[string]any{"name": of.operationName(), "metadata": pending}
	operation := r.server.StartOperation(of.operationName(), body)
	failure, never := w.Call.OperationFault()
	if never {
		return body, nil
	}
	r.server.Later(r.server.OperationTime(), func() {
		if failure != nil {
			operation.Finish(failed(of.operationName(), pending, failure))
			return
		}
		operation.Finish(finished(of.operationName(), shown, types))
	})
	return body, nil
}

// runJob makes an execution that has succeeded.
func runJob(executions *collection.Collection) func(*collection.Collection, *apiserver.Call) (any, error) {
	return func(jobs *collection.Collection, call *apiserver.Call) (any, error) {
		return jobs.Change(call, func(w *collection.Write) error {
			template := apiserver.Clone(apiserver.Object(w.Old.Body, "template"))
			tasks := cmp.Or(whole(template["taskCount"]), 1)
			id := w.Old.Name[strings.LastIndexByte(w.Old.Name, '/')+1:]
			name, at := w.Old.Name+"/executions/"+id+"-"+suffix()+suffix(), stamp(w.At)
			executions.Put(collection.Resource{Name: name, Created: w.At, Body: map[string]any{
				"uid": apiserver.NewUUID(), "creator": call.Caller.Email(), "generation": "1", "observedGeneration": "1",
				"createTime": at, "startTime": at, "completionTime": at, "updateTime": at, "etag": etag(w.At, name), "job": id,
				"launchStage": w.Old.Body["launchStage"], "taskCount": number(tasks), "parallelism": number(tasks),
				"succeededCount": number(tasks), "template": template["template"],
				"conditions": []any{map[string]any{"type": "Completed", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": at}},
			}})
			w.New.Body["executionCount"] = number(whole(w.Old.Body["executionCount"]) + 1)
			w.New.Body["latestCreatedExecution"] = map[string]any{"name": name, "createTime": at, "completionTime": at,
				"completionStatus": "EXECUTION_SUCCEEDED"}
			return nil
		})
	}
}
