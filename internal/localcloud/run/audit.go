package run

import (
	"maps"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Readiness system events are named after the call that caused them
// (recorded). That an update through v2 is named like one through v1 is
// unverified.
const (
	createdReadiness  = "/Services.CreateService"
	replacedReadiness = "/Services.ReplaceService"
)

// labels are those of the monitored resource cloud_run_revision, as entries
// about services have them (recorded).
func (i identity) labels() map[string]string {
	return map[string]string{
		"project_id": i.project.ID, "location": i.location, "service_name": i.name,
		"revision_name": "", "configuration_name": "",
	}
}

// describe completes a call's log entry. The request is shown without
// containers (recorded).
func describe(call *apiserver.Call, id identity, resourceName string, request map[string]any) {
	call.Resource = id.fullName()
	record := call.Record
	if record == nil {
		return
	}
	record.ResourceType, record.Labels, record.Location = "cloud_run_revision", id.labels(), id.location
	record.ResourceName = resourceName
	for i := range record.Authorization {
		record.Authorization[i].Resource = resourceName
	}
	record.Request = redacted(request)
}

// answered sets the response that a call's log entry shows.
func answered(call *apiserver.Call, response map[string]any) {
	if call.Record != nil {
		call.Record.Response = redacted(response)
	}
}

// pair makes the log entry of a call the first of its operation, and returns the last one,
// where the local cloud believes that Google writes two; else nil.
func (r *Run) pair(call *apiserver.Call, of *service) *apiserver.AuditRecord {
	if call.Record == nil || !r.server.Beliefs().PairRunEntries {
		return nil
	}
	const producer = "run.googleapis.com"
	last := *call.Record
	last.Request = map[string]any{"@type": call.Record.Request["@type"]}
	last.Response, last.Authorization = nil, nil
	last.Operation = &apiserver.AuditOperation{ID: of.operationName(), Producer: producer, Last: true}
	call.Record.Operation = &apiserver.AuditOperation{ID: of.operationName(), Producer: producer, First: true}
	return &last
}

// emitLast writes the last entry of an operation, nil for none, with what it failed with.
func (r *Run) emitLast(last *apiserver.AuditRecord, failure *apiserver.Error) {
	if last == nil {
		return
	}
	last.Time = r.server.Stamp()
	if failure != nil {
		last.Severity, last.Status = "ERROR", &apiserver.Status{Code: failure.RPCCode(), Message: failure.Message}
	}
	r.server.Emit(*last)
}

// describePolicy completes the log entry of a setIamPolicy call: its resource
// has its full name, service_name is empty, and the permission stands there
// twice, once without a resource (recorded for v1).
func describePolicy(call *apiserver.Call, id identity) {
	call.Resource = id.fullName()
	record := call.Record
	if record == nil {
		return
	}
	record.ResourceType, record.Labels, record.Location = "cloud_run_revision", identity{id.project, id.location, ""}.labels(), id.location
	record.ResourceName = id.fullName()
	permission := call.Route.Permission
	record.Authorization = []apiserver.Authorization{
		{Permission: permission, Resource: id.fullName(), Granted: true}, {Permission: permission, Granted: true},
	}
}

// redacted is an object without the containers of any template in it.
func redacted(object map[string]any) map[string]any {
	shown := map[string]any{}
	for key, value := range object {
		if key == "containers" {
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			value = redacted(inner)
		}
		shown[key] = value
	}
	return shown
}

// ready writes the system event of a service that became ready; deleted
// services leave none.
func (r *Run) ready(of *service, method string) {
	if !of.deleted.IsZero() || of.reconciling() {
		return
	}
	shown := typed(of.v1(), knativeType)
	r.server.Emit(apiserver.AuditRecord{
		Log: apiserver.SystemEvent, Service: "run.googleapis.com", Method: method,
		ResourceName: of.namespaced(), ResourceType: "cloud_run_revision", Labels: of.labels(),
		Response: redacted(shown), Severity: "INFO", Time: of.readyAt,
		Status: &apiserver.Status{Message: "Ready condition status changed to True for Service " + of.name + "."},
	})
}

// namespaced is a service's name in v1 log entries.
func (i identity) namespaced() string { return "namespaces/" + i.project.ID + "/services/" + i.name }

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
