package run

import (
	"fmt"
	"maps"
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

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
