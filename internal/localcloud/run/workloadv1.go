package run

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// jobsVersion is the API version of jobs and executions in v1.
const jobsVersion = "run.googleapis.com/v1"

// Annotations and labels of jobs in v1, as gcloud's source reads them.
const (
	jobLabel              = "run.googleapis.com/job"
	jobCreatorAnnotation  = "run.googleapis.com/creator"
	jobModifierAnnotation = "run.googleapis.com/lastModifier"
)

// namespacedName is the v2 name for a v1 path: the host names the location there, and the
// path of an execution or a task does not name its job. Without a region, every region is meant.
func (r *Run) namespacedName(call *apiserver.Call, path string) string {
	group, rest, ok := strings.Cut(path, "/namespaces/"+call.Var("project")+"/")
	if !ok || group != jobsVersion && group != domainsVersion {
		return path
	}
	location := identity{call.Project, cmp.Or(call.Region, "-"), ""}.parent() + "/"
	if id, ok := strings.CutPrefix(rest, "workerpools"); ok {
		return location + "workerPools" + id
	}
	for prefix, below := range map[string]*collection.Collection{"executions": r.executions, "tasks": r.tasks} {
		id, ok := strings.CutPrefix(rest, prefix)
		if !ok {
			continue
		}
		all := location + map[string]string{"executions": "jobs/-/executions", "tasks": "jobs/-/executions/-/tasks"}[prefix]
		for _, each := range below.All(all) {
			if id != "" && strings.HasSuffix(each.Name, id) {
				return each.Name
			}
		}
		return all + id
	}
	return location + rest
}

// regional refuses a v1 write through the host of no region.
func regional(call *apiserver.Call) error {
	if strings.Contains(call.Resource, "/locations/-/") {
		return apiserver.NotFound("The Knative API is served by regional hosts only: REGION-run.googleapis.com.")
	}
	return nil
}

// selectedByLabel keeps the resources whose labels in v1 are those of a labelSelector.
func selectedByLabel(shape func(string, collection.Resource, map[string]any)) func(*apiserver.Call) (
	func(collection.Resource) bool, error) {
	return func(call *apiserver.Call) (func(collection.Resource) bool, error) {
		selector := call.Query("labelSelector")
		matches, err := labelSelector(selector)
		return func(r collection.Resource) bool {
			if selector == "" {
				return true
			}
			shown := apiserver.Clone(r.Body)
			shown["name"] = r.Name
			shape("v1", r, shown)
			return matches(apiserver.Object(apiserver.Object(shown, "metadata"), "labels"))
		}, err
	}
}

// answerV1 is the v1 answer to a write, which has no operation.
func answerV1(w *collection.Write, shown map[string]any) map[string]any {
	if w.New == nil {
		return map[string]any{"status": "Success"}
	}
	if record := w.Call.Record; record != nil {
		record.Response = redacted(typed(apiserver.Clone(shown),
			"type.googleapis.com/google.cloud.run.v1."+apiserver.Text(shown, "kind")))
	}
	return shown
}

// shapeJob turns a job of v2 into one of v1.
func (r *Run) shapeJob(version string, of collection.Resource, job map[string]any) {
	if version != "v1" {
		return
	}
	status := conditionsV1(job, []any{job["terminalCondition"]})
	maps.Copy(status, picked(job, "executionCount"))
	if latest := apiserver.Object(job, "latestCreatedExecution"); latest["name"] != nil {
		reference := map[string]any{"name": lastSegment(apiserver.Text(latest, "name"))}
		copyFields(reference, latest, map[string]string{"createTime": "creationTimestamp",
			"completionTime": "completionTimestamp", "completionStatus": "completionStatus"})
		status["latestCreatedExecution"] = reference
	}
	only, _ := of.Kept.(knative)
	metadata := r.metadataV1(of, job, "jobs")
	metadata["annotations"] = merged(apiserver.Object(metadata, "annotations"), only.annotations)
	metadata["labels"] = merged(only.labels, apiserver.Object(metadata, "labels"))
	template := apiserver.Object(job, "template")
	task := apiserver.Object(template, "template")
	annotations := templateAnnotationsV1(merged(task, picked(template, executionFields...)), only)
	delete(annotations, "run.googleapis.com/cpu-throttling") // tasks always have their CPU
	about := map[string]any{"annotations": annotations,
		"labels": merged(apiserver.Object(template, "labels"), only.templateLabels)}
	spec := map[string]any{"template": map[string]any{"metadata": about, "spec": executionSpecV1(template, only.templateSpec)}}
	become(job, map[string]any{"kind": "Job", "metadata": metadata, "spec": spec, "status": status})
}

// shapeExecution turns an execution of v2 into one of v1.
func (r *Run) shapeExecution(version string, of collection.Resource, execution map[string]any) {
	if version != "v1" {
		return
	}
	status := conditionsV1(execution, apiserver.List(execution, "conditions"))
	maps.Copy(status, picked(execution, "startTime", "completionTime", "succeededCount", "failedCount", "cancelledCount",
		"runningCount", "retriedCount", "logUri"))
	only, _ := of.Kept.(knative)
	metadata := r.metadataV1(of, execution, "executions")
	apiserver.Object(metadata, "labels")[jobLabel] = execution["job"]
	become(execution, map[string]any{"kind": "Execution", "metadata": metadata, "status": status,
		"spec": executionSpecV1(execution, only.templateSpec)})
}

func lastSegment(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// copyFields copies the fields that are there under the names that they have elsewhere.
func copyFields(into, from map[string]any, names map[string]string) {
	for name, as := range names {
		if value, ok := from[name]; ok {
			into[as] = value
		}
	}
}

// picked are the fields of some names that an object has.
func picked(of map[string]any, names ...string) map[string]any {
	kept := map[string]any{}
	for _, name := range names {
		if value, ok := of[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

// conditionsV1 is a v1 status with conditions of v2.
func conditionsV1(of map[string]any, conditions []any) map[string]any {
	states := map[string]string{conditionDone: "True", conditionFailed: "False"}
	var all []any
	for _, each := range conditions {
		condition, _ := each.(map[string]any)
		shown := map[string]any{"status": cmp.Or(states[apiserver.Text(condition, "state")], "Unknown")}
		copyFields(shown, condition, map[string]string{"type": "type", "message": "message",
			"lastTransitionTime": "lastTransitionTime"})
		if condition["executionReason"] == "CANCELLED" {
			shown["reason"] = "Cancelled"
		}
		all = append(all, shown)
	}
	status := map[string]any{"conditions": all}
	if observed := apiserver.Text(of, "observedGeneration"); observed != "" {
		status["observedGeneration"] = json.Number(observed)
	}
	return status
}

// executionSpecV1 is what an execution template or an execution of v2 runs.
func executionSpecV1(of, only map[string]any) map[string]any {
	task := apiserver.Object(of, "template")
	shown := revisionSpecV1(task, only)
	delete(shown, "containerConcurrency")
	if seconds, ok := shown["timeoutSeconds"].(json.Number); ok {
		shown["timeoutSeconds"] = seconds.String()
	}
	maps.Copy(shown, picked(task, "maxRetries"))
	spec := picked(of, "taskCount", "parallelism", "delayExecution")
	spec["template"] = map[string]any{"spec": shown}
	return spec
}

// metadataV1 is what v1 says about a resource, beside what only v1 can say.
func (r *Run) metadataV1(about collection.Resource, of map[string]any, all string) map[string]any {
	part, number := strings.Split(about.Name, "/"), r.server.ProjectOf(about.Name).Number
	id := part[len(part)-1]
	annotations := merged(apiserver.Object(of, "annotations"))
	copyFields(annotations, of, map[string]string{"creator": jobCreatorAnnotation, "lastModifier": jobModifierAnnotation})
	if stage := apiserver.Text(of, "launchStage"); stage != "GA" && stage != "" {
		annotations[launchStageAnnotation] = stage
	}
	serviceFields.give(annotations, of)
	return map[string]any{
		"name": id, "namespace": number, "uid": of["uid"],
		"generation":        json.Number(cmp.Or(apiserver.Text(of, "generation"), "1")),
		"selfLink":          "/apis/" + jobsVersion + "/namespaces/" + number + "/" + all + "/" + id,
		"resourceVersion":   resourceVersion(time.UnixMicro(etagVersion(apiserver.Text(of, "etag")))),
		"creationTimestamp": of["createTime"], "annotations": annotations,
		"labels": merged(apiserver.Object(of, "labels"), map[string]any{locationLabel: part[3]}),
	}
}

// become puts the v1 form of a resource in the place of its v2 form.
func become(of, v1 map[string]any) {
	clear(of)
	maps.Copy(of, v1)
	of["apiVersion"] = jobsVersion
}

// executionFields are what v1 says in the metadata of an execution template, and v2 beside
// the task.
var executionFields = []string{"annotations", "labels", "client", "clientVersion"}

// readJob turns a job that v1 sent into one of v2. What only v1 can say is handed on to
// Prepare.
func readJob(version string, w *collection.Write) error {
	if version != "v1" {
		return nil
	}
	if w.Sent["kind"] != nil && w.Sent["kind"] != "Job" || w.Sent["apiVersion"] != nil && w.Sent["apiVersion"] != jobsVersion {
		return apiserver.Invalid("apiVersion and kind must be %q and \"Job\".", jobsVersion)
	}
	metadata := child(w.Sent, "metadata")
	id, name := lastSegment(w.Call.Resource), apiserver.Text(metadata, "name")
	if w.Call.Request.Method == "PUT" && name != id {
		return apiserver.Invalid("metadata.name: %q is not the name in the URL, %q.", name, id)
	}
	read := spec{fields: map[string]any{}}
	version, at := apiserver.Text(metadata, "resourceVersion"), w.Call.Resource
	for _, each := range []string{jobCreatorAnnotation, jobModifierAnnotation} {
		delete(child(metadata, "annotations"), each) // clients send them back
	}
	if err := read.readMetadata(metadata); err != nil {
		return err
	}
	sent := child(child(w.Sent, "spec"), "template")
	inner, task := child(sent, "spec"), map[string]any{}
	if _, _, err := read.readTemplateMetadata(child(sent, "metadata"), task); err != nil {
		return err
	}
	read.readRevisionSpec(apiserver.Object(apiserver.Object(inner, "template"), "spec"), task, false, false)
	template := picked(inner, "taskCount", "parallelism", "delayExecution")
	maps.Copy(template, picked(task, executionFields...))
	for _, name := range executionFields {
		delete(task, name)
	}
	template["template"], read.fields["template"] = task, template
	if version != "" {
		read.fields["etag"] = etag(time.UnixMicro(resourceVersionNumber(version)), at)
	}
	fields, err := documentV2().Normalize("GoogleCloudRunV2Job", read.fields)
	if err != nil {
		return apiserver.InvalidSchema(err)
	}
	w.Sent, w.Beside = fields, read
	return nil
}

// keepJobOfV2 keeps what only v1 can say of a job that v1 wrote, and carries over what v1
// cannot say.
func keepJobOfV2(w *collection.Write, read spec) {
	w.New.Kept = read.knative
	if w.Old == nil {
		return
	}
	maps.Copy(w.New.Body, picked(w.Old.Body, "binaryAuthorization", "functionalType", "startExecutionToken", "runExecutionToken"))
	task := child(child(w.New.Body, "template"), "template")
	before := apiserver.Object(apiserver.Object(w.Old.Body, "template"), "template")
	for name, value := range before {
		if !slices.Contains([]string{"containers", "maxRetries", "timeout", "serviceAccount", "executionEnvironment",
			"encryptionKey", "vpcAccess"}, name) {
			setDefault(task, name, value)
		}
	}
}
