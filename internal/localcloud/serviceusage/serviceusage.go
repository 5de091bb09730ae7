// Package serviceusage is the local cloud's Service Usage API (v1 and
// v1beta1): which APIs are enabled in the project, and the service agents that
// Google creates for them.
package serviceusage

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

type object = map[string]any

const (
	typeURL = "type.googleapis.com/google.api.serviceusage."
	docs    = "cloud.google.com/service-usage/docs/reference/rest/"
)

// agentDomains are the domains of the service agents, by API (recorded for
// run; iam/docs/service-agents for the others). An API that is not listed has
// no agent: its identity is answered empty, which is not an error (recorded).
var agentDomains = map[string]string{
	"artifactregistry.googleapis.com": "gcp-sa-artifactregistry",
	"cloudbuild.googleapis.com":       "gcp-sa-cloudbuild",
	"cloudfunctions.googleapis.com":   "gcf-admin-robot",
	"compute.googleapis.com":          "compute-system",
	"eventarc.googleapis.com":         "gcp-sa-eventarc",
	"iap.googleapis.com":              "gcp-sa-iap",
	"pubsub.googleapis.com":           "gcp-sa-pubsub",
	"run.googleapis.com":              "serverless-robot-prod",
	"secretmanager.googleapis.com":    "gcp-sa-secretmanager",
}

// dependents are the APIs that need another. Google publishes no list: unverified.
var dependents = map[string][]string{
	"cloudbuild.googleapis.com": {"cloudfunctions.googleapis.com"},
	"iam.googleapis.com":        {"iamcredentials.googleapis.com"},
	"pubsub.googleapis.com":     {"cloudfunctions.googleapis.com", "eventarc.googleapis.com"},
}

// New returns the API. Which APIs are enabled is the server's state: every other API
// depends on it.
func New(s *apiserver.Server) apiserver.API {
	api := collection.Merged("serviceusage", collection.New(s, kind(s)))
	for _, version := range []string{"v1", "v1beta1"} {
		api.Routes = append(api.Routes, apiserver.Route{
			Verb: "GET", Path: "/" + version + "/operations/{operation}", API: "serviceusage",
			ID: "serviceusage.operations.get", Permission: "serviceusage.operations.get",
			Source:   "cloud.google.com/iam/docs/roles-permissions/serviceusage", // serviceUsageAdmin holds it
			Resource: operationOwner, Handle: operation,
		})
	}
	api.State = nil
	return api
}

func kind(s *apiserver.Server) collection.Kind {
	const audited = "google.api.serviceusage.{version}.ServiceUsage."
	return collection.Kind{
		Documents: []string{"serviceusage/v1", "serviceusage/v1beta1"}, Collections: []string{"serviceusage.services"},
		Message: "GoogleApiServiceusageV1Service", Permissions: "serviceusage.services", Source: docs,
		// "Triggering service agent creation doesn't require any IAM permissions"
		// (iam/docs/create-service-agents).
		Verbs: map[string]string{"batchEnable": "enable", "batchGet": "get", "generateServiceIdentity": ""},
		Audit: map[string]string{"enable": audited + "EnableService", "disable": audited + "DisableService",
			"batchEnable": audited + "BatchEnableServices", "generateServiceIdentity": audited + "GenerateServiceIdentity"},
		InProjects: true, Numbered: true, PageSize: 200, DefaultPageSize: 50, // discovery document, pageSize
		Words: collection.Words{Hidden: "Not found or permission denied for service(s): {id}."}, // reported
		Others: func(all *collection.Collection) {
			for _, project := range s.Projects() {
				for _, service := range apiserver.Services() {
					all.PutMissing(collection.Resource{Name: project.Name() + "/services/" + service, Body: object{
						"parent": project.Numbered(), "config": object{"name": service, "title": apiserver.ServiceTitle(service)}}})
				}
			}
		},
		View: func(r collection.Resource, shown object) { shown["state"] = state(s, r) },
		Filter: func(call *apiserver.Call) (func(collection.Resource) bool, error) {
			wanted := strings.TrimPrefix(call.Query("filter"), "state:")
			if wanted != "" && wanted != "ENABLED" && wanted != "DISABLED" {
				return nil, apiserver.Invalid("Invalid filter %q: it must be state:ENABLED or state:DISABLED.", call.Query("filter"))
			}
			return func(r collection.Resource) bool { return wanted == "" || wanted == state(s, r) }, nil
		},
		Actions: map[string]collection.Action{
			"enable": {Writes: true, Do: enable}, "batchEnable": {Writes: true, Do: batchEnable},
			"disable": {Writes: true, Do: disable}, "batchGet": {Do: batchGet},
			"generateServiceIdentity": {Writes: true, Do: generateIdentity},
		},
	}
}

func state(s *apiserver.Server, r collection.Resource) string {
	if s.Enabled(s.ProjectOf(r.Name), id(r)) {
		return "ENABLED"
	}
	return "DISABLED"
}

// id is the name of an API: run.googleapis.com.
func id(r collection.Resource) string { return r.Name[strings.LastIndexByte(r.Name, '/')+1:] }

// begun is a call about one API, and what it asks for.
func begun(all *collection.Collection, call *apiserver.Call) (about collection.Resource, sent object, err error) {
	sent, err = received(all, call)
	call.Record.ResourceName = call.Project.Numbered() + "/services/" + call.Var("service")
	call.Record.Request["name"] = call.Project.Name() + "/services/" + call.Var("service")
	if err != nil {
		return about, nil, err
	}
	about, err = all.Named(call)
	return about, sent, err
}

// received is a call's body. Its log entry has the request under its type (recorded).
func received(all *collection.Collection, call *apiserver.Call) (object, error) {
	document, method := all.Method(call)
	call.Record.ResourceName = call.Project.Numbered()
	call.Record.Request = object{"@type": typeURL + collection.Version(call) + "." + request(call)}
	body, err := call.Body()
	if err != nil || method.Request == "" {
		return nil, err
	}
	sent, err := document.Normalize(method.Request, body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	return sent, nil
}

// request is the message of a call, as its log entry names it: EnableServiceRequest.
func request(call *apiserver.Call) string {
	return call.Route.AuditMethod[strings.LastIndexByte(call.Route.AuditMethod, '.')+1:] + "Request"
}

// answered is the message that an operation ends with: EnableServiceResponse.
func answered(call *apiserver.Call, what object) object {
	what["@type"] = typeURL + collection.Version(call) + "." + strings.TrimSuffix(request(call), "Request") + "Response"
	return what
}

var empty = object{"@type": "type.googleapis.com/google.protobuf.Empty"}

func enable(all *collection.Collection, call *apiserver.Call) (any, error) {
	about, _, err := begun(all, call)
	if err != nil {
		return nil, err
	}
	changed := call.Server().SetEnabled(call.Project, id(about), true)
	response := answered(call, object{"service": all.Shown(about)})
	if !changed {
		const name = "operations/noop.DONE_OPERATION"
		logOperation(call, name)
		return object{"name": name, "done": true, "response": response}, nil
	}
	return begin(call, "p2", empty, response), nil
}

// disable disables an API, and those that need it where that is asked for. The words
// about those are reported (hashicorp/terraform-provider-google#5424).
func disable(all *collection.Collection, call *apiserver.Call) (any, error) {
	about, sent, err := begun(all, call)
	if err != nil {
		return nil, err
	}
	needing := slices.DeleteFunc(slices.Clone(dependents[id(about)]), func(service string) bool {
		return !call.Server().Enabled(call.Project, service)
	})
	switch plural := strings.Repeat("s", min(1, max(0, len(needing)-1))); {
	case !call.Server().Enabled(call.Project, id(about)):
		return nil, apiserver.Precondition("The service is not enabled in the consumer project: %s", id(about))
	case len(needing) > 0 && sent["disableDependentServices"] != true:
		return nil, apiserver.Precondition("The service %s is depended on by the following active service%s: %s; Please specify "+
			"disable_dependent_services=true if you want to proceed with disabling all services.", id(about), plural,
			strings.Join(needing, ","))
	}
	for _, service := range append(needing, id(about)) {
		call.Server().SetEnabled(call.Project, service, false)
	}
	return begin(call, "p17", empty, answered(call, object{"service": all.Shown(about)})), nil
}

// several are the APIs that a batch names, between 1 and most.
func several(all *collection.Collection, names []any, most int) (found []collection.Resource, err error) {
	if len(names) == 0 || len(names) > most {
		return nil, apiserver.Invalid("Between 1 and %d services can be named in one request, got %d.", most, len(names))
	}
	for _, each := range names {
		name, _ := each.(string)
		about, there := all.Get(all.Server().ByID(name))
		if !there {
			return nil, apiserver.Denied("Not found or permission denied for service(s): %s.", name[strings.LastIndexByte(name, '/')+1:])
		}
		found = append(found, about)
	}
	return found, nil
}

func batchEnable(all *collection.Collection, call *apiserver.Call) (any, error) {
	sent, err := received(all, call)
	if err != nil {
		return nil, err
	}
	ids := apiserver.List(sent, "serviceIds")
	for i, each := range ids {
		ids[i] = call.Project.Name() + "/services/" + each.(string)
	}
	found, err := several(all, ids, 20)
	if err != nil {
		return nil, err
	}
	var views, names []any
	for _, about := range found {
		call.Server().SetEnabled(call.Project, id(about), true)
		views = append(views, all.Shown(about))
		names = append(names, "services/"+id(about)+"/projectSettings/"+call.Project.Number)
	}
	metadata := object{"@type": typeURL + collection.Version(call) + ".OperationMetadata", "resourceNames": names}
	answer := begin(call, "p2", metadata, answered(call, object{"services": views}))
	answer["metadata"] = metadata
	return answer, nil
}

func batchGet(all *collection.Collection, call *apiserver.Call) (any, error) {
	var names []any
	for _, name := range call.Request.URL.Query()["names"] {
		names = append(names, name)
	}
	found, err := several(all, names, 30)
	if err != nil {
		return nil, err
	}
	var views []any
	for _, about := range found {
		views = append(views, all.Shown(about))
	}
	return object{"services": views}, nil
}

// begin starts an operation: the first answer is only its name, later ones
// show metadata and, at the end, the response (recorded).
func begin(call *apiserver.Call, prefix string, metadata, response object) object {
	name, server := "operations/acat."+prefix+"-"+call.Project.Number+"-"+apiserver.NewUUID(), call.Server()
	operation := server.StartOperation(name, object{"name": name, "metadata": metadata})
	logOperation(call, name)
	server.Later(server.OperationTime(), func() {
		operation.Finish(object{"name": name, "metadata": metadata, "done": true, "response": response})
	})
	return object{"name": name}
}

// logOperation ties the entry to an operation; one entry covers both ends.
func logOperation(call *apiserver.Call, name string) {
	call.Record.Operation = &apiserver.AuditOperation{ID: name, Producer: "serviceusage.googleapis.com", First: true, Last: true}
}

// operationOwner is the project of the operation that a call is about, which its name
// says: operations/acat.p2-123456789012-UUID.
func operationOwner(call *apiserver.Call) string {
	if part := strings.SplitN(call.Var("operation"), "-", 3); len(part) == 3 {
		if project, ok := call.Server().Project(part[1]); ok {
			return project.Name()
		}
	}
	return apiserver.DefaultProject().Name()
}

func operation(call *apiserver.Call) (any, error) {
	name := "operations/" + call.Var("operation")
	operation := call.Server().Operation(name)
	if operation == nil {
		return nil, apiserver.NotFound("Operation not found: %s", name)
	}
	return operation.Body(), nil
}

// generateIdentity creates the service agent of an API, or finds it again. The
// answer is done at once, and its name is not to be polled (recorded).
func generateIdentity(all *collection.Collection, call *apiserver.Call) (any, error) {
	about, _, err := begun(all, call)
	if err != nil {
		return nil, err
	}
	if !call.Server().Enabled(call.Project, id(about)) {
		return nil, apiserver.ServiceDisabled(call.Project, id(about))
	}
	const name = "operations/finished.DONE_OPERATION"
	logOperation(call, name)
	identity := object{"@type": typeURL + "v1beta1.ServiceIdentity"}
	if domain := agentDomains[id(about)]; domain != "" {
		email := "service-" + call.Project.Number + "@" + domain + ".iam.gserviceaccount.com"
		identity["email"], identity["uniqueId"] = email, call.Server().ProvisionAgent(email)
	}
	return object{"name": name, "done": true, "response": identity}, nil
}
