package run

import (
	"maps"
	"regexp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Jobs and executions are served by v2 and by v1, which gcloud calls. An execution runs as
// long as an operation takes, and succeeds; what its containers would do is not asked.
// Conditions, counts and audit entries are modelled on those of services and on what
// gcloud's source reads (unverified).

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
		r.start(started)
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

// changedJob keeps the execution that a run started, and forgets those of a job that is
// gone.
func (r *Run) changedJob(w *collection.Write) {
	if started, ok := w.Beside.(collection.Resource); ok {
		r.start(started)
		r.later(func() { r.ended(started.Name, nil) })
	}
	if w.New == nil {
		for _, each := range r.executions.All(w.Old.Name + "/executions") {
			r.forget(each.Name)
		}
	}
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
