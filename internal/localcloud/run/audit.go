package run

import (
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
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
