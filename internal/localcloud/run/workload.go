package run

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// workloads are what has no address: jobs, their executions and tasks, and worker pools. They are
// kept and listed; nothing of them runs.
func (r *Run) workloads() []*collection.Collection {
	return []*collection.Collection{r.jobs, r.executions, r.tasks, collection.New(r.server, r.workerPoolRow())}
}

// absent is what Cloud Run says of a resource that does not exist (recorded for jobs).
func absent(kind string) collection.Words {
	return collection.Words{
		NotFound: "Resource '{id}' of kind '" + kind + "' in region '{location}' in project '{project}' does not exist.",
		Exists:   "Resource '{id}' already exists.",
	}
}

// workload is the row of a kind, whose collection is named like its methods.
func (r *Run) workload(kind, all string, id *regexp.Regexp) collection.Kind {
	audited := "google.cloud.run.{version}." + kind + "s."
	return collection.Kind{
		Documents: []string{"run/v2"}, Collections: []string{"run.projects.locations." + all},
		Message: "GoogleCloudRunV2" + kind, Permissions: "run." + strings.ToLower(all), Source: permissionSource,
		Verbs: map[string]string{"testIamPermissions": ""},
		Audit: map[string]string{"create": audited + "Create" + kind, "patch": audited + "Update" + kind,
			"delete": audited + "Delete" + kind, "setIamPolicy": audited + "SetIamPolicy"},
		ID: id, Location: collection.Regional, Words: absent(strings.ToUpper(kind)), PageSize: maxPageSize, Conflict: conflict, Fails: failWorkload,
		Replaces: true, Defaults: map[string]any{"launchStage": "GA"}, Answer: r.longRunning,
		Prepare: func(w *collection.Write) error { return prepare(w, "GoogleCloudRunV2"+kind) },
	}
}

// prepare completes a job or a worker pool (recorded for a minimal job).
func prepare(w *collection.Write, message string) error {
	if w.New == nil {
		return nil
	}
	body, generation := w.New.Body, 1
	body["etag"] = etag(w.At, w.New.Name)
	if w.Method == "run" {
		return nil
	}
	delete(body, "reconciling") // of an earlier write
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
	setDefault(template, "serviceAccount", w.Call.Project.DefaultAccount())
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
		"terminalCondition": ready,
	} {
		body[name] = value
	}
	return checkKeys("", body)
}

// longRunning answers a write with an operation, whose metadata and response are the
// resource (recorded). A dry run's is done at once and is not kept.
func (r *Run) longRunning(c *collection.Collection, w *collection.Write, shown map[string]any) (any, error) {
	if collection.Version(w.Call) == "v1" {
		return answerV1(w, shown), nil
	}
	types := serviceTypes + strings.TrimPrefix(c.Message, "GoogleCloudRunV2")
	region, _, _ := strings.Cut(strings.TrimPrefix(w.Call.Resource, w.Call.Project.Name()+"/locations/"), "/")
	of := service{identity: identity{w.Call.Project, region, ""}, operation: apiserver.NewUUID()}
	if w.New == nil {
		shown["deleteTime"], shown["expireTime"] = stamp(w.At), stamp(w.At.Add(retention))
	}
	if c == r.jobs || c == r.executions {
		answered(w.Call, typed(apiserver.Clone(shown), types))
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
	r.later(func() {
		if c == r.executions && w.Method != "delete" {
			shown = r.ended(apiserver.Text(shown, "name"), shown)
		}
		if failure != nil {
			operation.Finish(failed(of.operationName(), pending, failure))
			return
		}
		operation.Finish(finished(of.operationName(), shown, types))
	})
	return body, nil
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

// conflictOf refuses a custom method whose body names another etag than the current one.
func conflictOf(w *collection.Write) error {
	if sent := apiserver.Text(w.Sent, "etag"); sent != "" && sent != apiserver.Text(w.Old.Body, "etag") {
		return conflict(*w.Old, sent)
	}
	return nil
}
