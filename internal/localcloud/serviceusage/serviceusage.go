// Package serviceusage is the local cloud's Service Usage API (v1 and
// v1beta1): which APIs are enabled in the project, and the service agents that
// Google creates for them.
package serviceusage

import (
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	typeURL = "type.googleapis.com/google.api.serviceusage."
	docs    = "cloud.google.com/service-usage/docs/reference/rest/"
	parent  = "projects/" + apiserver.ProjectNumber
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

type api struct{ server *apiserver.Server }

// New returns the API. Its state is the server's: every other API depends on it.
func New(s *apiserver.Server) apiserver.API {
	a := api{s}
	var routes []apiserver.Route
	for _, version := range []string{"v1", "v1beta1"} {
		routes = append(routes, a.routes(version)...)
	}
	identity := route("POST", "v1beta1", "/services/{service}:generateServiceIdentity", "generateServiceIdentity")
	identity.AuditMethod = "google.api.serviceusage.v1beta1.ServiceUsage.GenerateServiceIdentity"
	identity.Write, identity.Handle = true, a.generateIdentity
	// "Triggering service agent creation doesn't require any IAM permissions"
	// (iam/docs/create-service-agents).
	identity.Permission, identity.Source = "", "cloud.google.com/iam/docs/create-service-agents"
	return apiserver.API{Name: "serviceusage", Routes: append(routes, identity)}
}

func (a api) routes(version string) []apiserver.Route {
	list := route("GET", version, "/services", "list")
	list.Handle = a.list
	get := route("GET", version, "/services/{service}", "get")
	get.Handle = a.get
	enable := route("POST", version, "/services/{service}:enable", "enable")
	enable.Handle = func(c *apiserver.Call) (any, error) { return a.enable(c, version) }
	disable := route("POST", version, "/services/{service}:disable", "disable")
	disable.Handle = func(c *apiserver.Call) (any, error) { return a.disable(c, version) }
	batch := route("POST", version, "/services:batchEnable", "batchEnable")
	batch.Handle = func(c *apiserver.Call) (any, error) { return a.batchEnable(c, version) }
	for r, method := range map[*apiserver.Route]string{&enable: "EnableService", &disable: "DisableService",
		&batch: "BatchEnableServices"} {
		r.Write, r.AuditMethod = true, "google.api.serviceusage."+version+".ServiceUsage."+method
	}
	operation := apiserver.Route{
		Verb: "GET", Path: "/" + version + "/operations/{operation}", API: "serviceusage",
		ID: "serviceusage.operations.get", Source: docs + "v1/operations/get", Handle: a.operation,
	}
	return []apiserver.Route{list, get, enable, disable, batch, operation}
}

func route(verb, version, path, method string) apiserver.Route {
	permission := "serviceusage.services." + strings.TrimPrefix(strings.ToLower(method), "batch")
	return apiserver.Route{
		Verb: verb, Path: "/" + version + "/projects/{project}" + path, API: "serviceusage",
		ID: "serviceusage.services." + method, Permission: permission, Source: docs + version + "/services/" + method,
	}
}

// describe fills a write's log entry, as the one recorded (EnableService).
func describe(c *apiserver.Call, service, requestType string) {
	c.Record.ResourceName = parent + "/services/" + service
	c.Record.Request = map[string]any{"@type": typeURL + requestType, "name": "projects/" + apiserver.ProjectID +
		"/services/" + service}
}

// logOperation ties the entry to an operation; one entry covers both ends.
func logOperation(c *apiserver.Call, name string) {
	c.Record.Operation = &apiserver.AuditOperation{ID: name, Producer: "serviceusage.googleapis.com",
		First: true, Last: true}
}

func (a api) view(service string) map[string]any {
	state := "DISABLED"
	if a.server.Enabled(service) {
		state = "ENABLED"
	}
	return map[string]any{
		"name": parent + "/services/" + service, "parent": parent, "state": state,
		"config": map[string]any{"name": service, "title": apiserver.ServiceTitle(service)},
	}
}

// known refuses APIs that do not exist, in the words that users report.
func known(service string) error {
	if apiserver.ServiceTitle(service) == "" {
		return apiserver.Denied("Not found or permission denied for service(s): %s.", service)
	}
	return nil
}

func (a api) get(c *apiserver.Call) (any, error) {
	if err := known(c.Var("service")); err != nil {
		return nil, err
	}
	return a.view(c.Var("service")), nil
}

// list answers all services or those in one state, pageSize at a time (default
// 50, at most 200: discovery document). The page token is the last name shown.
func (a api) list(c *apiserver.Call) (any, error) {
	state := strings.TrimPrefix(c.Query("filter"), "state:")
	if state != "" && state != "ENABLED" && state != "DISABLED" {
		return nil, apiserver.Invalid("Invalid filter %q: it must be state:ENABLED or state:DISABLED.", c.Query("filter"))
	}
	size := 50
	if text := c.Query("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, apiserver.Invalid("Invalid page size %q.", text)
		}
		if n > 0 {
			size = min(n, 200)
		}
	}
	answer := map[string]any{}
	var shown []any
	for _, service := range apiserver.Services() {
		view := a.view(service)
		if service <= c.Query("pageToken") || state != "" && view["state"] != state {
			continue
		}
		if len(shown) == size {
			answer["nextPageToken"] = shown[size-1].(map[string]any)["config"].(map[string]any)["name"]
			break
		}
		shown = append(shown, view)
	}
	if shown != nil {
		answer["services"] = shown
	}
	return answer, nil
}

func (a api) enable(c *apiserver.Call, version string) (any, error) {
	service := c.Var("service")
	describe(c, service, version+".EnableServiceRequest")
	if err := known(service); err != nil {
		return nil, err
	}
	changed := a.server.SetEnabled(service, true)
	response := map[string]any{"@type": typeURL + version + ".EnableServiceResponse", "service": a.view(service)}
	if !changed {
		const name = "operations/noop.DONE_OPERATION"
		logOperation(c, name)
		return map[string]any{"name": name, "done": true, "response": response}, nil
	}
	return a.begin(c, "p2", map[string]any{"@type": "type.googleapis.com/google.protobuf.Empty"}, response), nil
}

func (a api) disable(c *apiserver.Call, version string) (any, error) {
	service := c.Var("service")
	describe(c, service, version+".DisableServiceRequest")
	if err := known(service); err != nil {
		return nil, err
	}
	if !a.server.SetEnabled(service, false) {
		return nil, apiserver.Precondition("The service is not enabled in the consumer project: %s", service)
	}
	response := map[string]any{"@type": typeURL + version + ".DisableServiceResponse", "service": a.view(service)}
	return a.begin(c, "p17", map[string]any{"@type": "type.googleapis.com/google.protobuf.Empty"}, response), nil
}

func (a api) batchEnable(c *apiserver.Call, version string) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "serviceIds"); err != nil {
		return nil, err
	}
	ids := apiserver.List(body, "serviceIds")
	if len(ids) == 0 || len(ids) > 20 {
		return nil, apiserver.Invalid("Between 1 and 20 services can be enabled in one request, got %d.", len(ids))
	}
	for _, id := range ids {
		service, _ := id.(string)
		if err := known(service); err != nil {
			return nil, err
		}
	}
	var views, names []any
	for _, id := range ids {
		service := id.(string)
		a.server.SetEnabled(service, true)
		views = append(views, a.view(service))
		names = append(names, "services/"+service+"/projectSettings/"+apiserver.ProjectNumber)
	}
	describe(c, "", version+".BatchEnableServicesRequest")
	c.Record.ResourceName = parent
	metadata := map[string]any{"@type": typeURL + version + ".OperationMetadata", "resourceNames": names}
	response := map[string]any{"@type": typeURL + version + ".BatchEnableServicesResponse", "services": views}
	answer := a.begin(c, "p2", metadata, response)
	answer["metadata"] = metadata
	return answer, nil
}

// begin starts an operation: the first answer is only its name, later ones
// show metadata and, at the end, the response (recorded).
func (a api) begin(c *apiserver.Call, prefix string, metadata, response map[string]any) map[string]any {
	name := "operations/acat." + prefix + "-" + apiserver.ProjectNumber + "-" + apiserver.NewUUID()
	operation := a.server.StartOperation(name, map[string]any{"name": name, "metadata": metadata})
	logOperation(c, name)
	a.server.Later(a.server.OperationTime(), func() {
		operation.Finish(map[string]any{"name": name, "metadata": metadata, "done": true, "response": response})
	})
	return map[string]any{"name": name}
}

func (a api) operation(c *apiserver.Call) (any, error) {
	name := "operations/" + c.Var("operation")
	operation := a.server.Operation(name)
	if operation == nil {
		return nil, apiserver.NotFound("Operation not found: %s", name)
	}
	return operation.Body(), nil
}

// generateIdentity creates the service agent of an API, or finds it again. The
// answer is done at once, and its name is not to be polled (recorded).
func (a api) generateIdentity(c *apiserver.Call) (any, error) {
	service := c.Var("service")
	describe(c, service, "v1beta1.GenerateServiceIdentityRequest")
	if err := known(service); err != nil {
		return nil, err
	}
	if !a.server.Enabled(service) {
		return nil, apiserver.ServiceDisabled(service)
	}
	const name = "operations/finished.DONE_OPERATION"
	logOperation(c, name)
	identity := map[string]any{"@type": typeURL + "v1beta1.ServiceIdentity"}
	if domain := agentDomains[service]; domain != "" {
		email := "service-" + apiserver.ProjectNumber + "@" + domain + ".iam.gserviceaccount.com"
		identity["email"], identity["uniqueId"] = email, a.server.ProvisionAgent(email)
	}
	return map[string]any{"name": name, "done": true, "response": identity}, nil
}
