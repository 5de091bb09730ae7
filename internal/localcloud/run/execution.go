package run

import (
	"cmp"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// States of conditions in v2.
const (
	conditionDone    = "CONDITION_SUCCEEDED"
	conditionFailed  = "CONDITION_FAILED"
	conditionRunning = "CONDITION_RECONCILING"
)

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
		Changed: func(w *collection.Write) {
			if w.New == nil {
				r.forget(w.Old.Name)
			}
		},
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
