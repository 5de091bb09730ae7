package run

import (
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	// permissionSource documents which permission each method needs.
	permissionSource = "cloud.google.com/run/docs/reference/iam/permissions"
	v2Prefix         = "google.cloud.run.v2.Services."
	v2Request        = "type.googleapis.com/google.cloud.run.v2."
	maxPageSize      = 100
)

func route(verb, path, id, permission string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	return apiserver.Route{Verb: verb, Path: path, API: "run", ID: id,
		Permission: "run." + permission, Source: permissionSource, Handle: handle}
}

func audited(method string, route apiserver.Route) apiserver.Route {
	route.Write, route.AuditMethod = true, method
	return route
}

func (r *Run) routesV2() []apiserver.Route {
	const (
		location   = "/v2/projects/{project}/locations/{location}"
		services   = location + "/services"
		one        = services + "/{service}"
		operations = location + "/operations"
		id         = "run.projects.locations."
	)
	return []apiserver.Route{
		audited(v2Prefix+"CreateService", route(http.MethodPost, services, id+"services.create", "services.create",
			r.createV2)),
		route(http.MethodGet, services, id+"services.list", "services.list", r.listV2),
		route(http.MethodGet, one, id+"services.get", "services.get", r.getV2),
		alsoReads(audited(v2Prefix+"UpdateService", route(http.MethodPatch, one, id+"services.patch", "services.update",
			r.patchV2))),
		audited(v2Prefix+"DeleteService", route(http.MethodDelete, one, id+"services.delete", "services.delete", r.deleteV2)),
		route(http.MethodGet, one+":getIamPolicy", id+"services.getIamPolicy", "services.getIamPolicy", r.getPolicy),
		audited(v2Prefix+"SetIamPolicy", route(http.MethodPost, one+":setIamPolicy", id+"services.setIamPolicy",
			"services.setIamPolicy", r.setPolicy)),
		untested(route(http.MethodPost, one+":testIamPermissions", id+"services.testIamPermissions", "", r.testPermissions)),
		route(http.MethodGet, one+"/revisions", id+"services.revisions.list", "revisions.list", r.listRevisionsV2),
		route(http.MethodGet, one+"/revisions/{revision}", id+"services.revisions.get", "revisions.get", r.getRevisionV2),
		route(http.MethodGet, operations, id+"operations.list", "operations.list", r.listOperations),
		route(http.MethodGet, operations+"/{operation}", id+"operations.get", "operations.get", r.getOperation),
		route(http.MethodPost, operations+"/{operation}:wait", id+"operations.wait", "operations.get", r.waitOperation),
	}
}

// alsoReads is a patch, which reads what it changes.
func alsoReads(route apiserver.Route) apiserver.Route {
	route.Also = []string{"run.services.get"}
	return route
}

// untested is a route that needs no permission.
func untested(route apiserver.Route) apiserver.Route {
	route.Permission, route.Source = "", ""
	return route
}

func identityOf(call *apiserver.Call) identity {
	return identity{call.Project, call.Var("location"), call.Var("service")}
}

// sentV2 is the service in a v2 request.
func sentV2(call *apiserver.Call) (map[string]any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	if body, err = documentV2().Normalize(serviceV2, body); err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	return body, nil
}

func (r *Run) createV2(call *apiserver.Call) (any, error) {
	return r.createNamed(call, identity{call.Project, call.Var("location"), call.Query("serviceId")}, "CreateServiceRequest")
}

// createNamed is create, and patch with allowMissing.
func (r *Run) createNamed(call *apiserver.Call, id identity, request string) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	describe(call, id, id.fullName(), map[string]any{"@type": v2Request + request, "service": body,
		"serviceId": id.name, "parent": id.parent()})
	wanted, err := sentV2(call)
	if err != nil {
		return nil, err
	}
	if err := mayRun(call, wanted); err != nil {
		return nil, err
	}
	made, err := r.create(id, spec{fields: wanted}, call.Caller, dryRun(call))
	if err != nil {
		return nil, err
	}
	return r.answerV2(call, made, createdReadiness), nil
}

func dryRun(call *apiserver.Call) bool {
	return call.Query("validateOnly") == "true" || call.Query("dryRun") == "all"
}

// answerV2 answers a write with its operation. A dry run's operation is done
// at once and is not kept.
func (r *Run) answerV2(call *apiserver.Call, of *service, readiness string) any {
	answered(call, typed(of.v2(), serviceType))
	if dryRun(call) {
		call.Record = nil
		return finished(of.operationName(), of.v2(), serviceType)
	}
	return r.begin(call, of, ending{readiness: readiness, entry: r.pair(call, of)})
}

func (r *Run) getV2(call *apiserver.Call) (any, error) {
	found, err := r.find(identityOf(call))
	if err != nil {
		return nil, err
	}
	return found.v2(), nil
}

func (r *Run) listV2(call *apiserver.Call) (any, error) {
	location := call.Var("location")
	if !region.MatchString(location) { // "-" too: services.list takes one location
		return nil, apiserver.Invalid("Invalid location %q: it must be one region.", location)
	}
	if call.Unreachable(location) {
		return partial(call, map[string]any{}), nil
	}
	return paged(call, "services", r.in(call.Project, location), (*service).v2)
}

// paged answers one page of a list under a key.
func paged[T any](call *apiserver.Call, key string, all []T, show func(T) map[string]any) (any, error) {
	page, next, err := collection.Page(call, all, maxPageSize)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	if len(page) > 0 {
		shown := make([]any, len(page))
		for i, each := range page {
			shown[i] = show(each)
		}
		answer[key] = shown
	}
	if next != "" {
		answer["nextPageToken"] = next
	}
	return answer, nil
}

func (r *Run) patchV2(call *apiserver.Call) (any, error) {
	id := identityOf(call)
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	shown := map[string]any{"@type": v2Request + "UpdateServiceRequest", "service": body}
	if mask := call.Query("updateMask"); mask != "" && !r.server.Beliefs().OmitUpdateMask {
		shown["updateMask"] = mask
	}
	describe(call, id, id.fullName(), shown)
	wanted, err := sentV2(call)
	if err != nil {
		return nil, err
	}
	if call.Query("allowMissing") == "true" && !r.exists(id) {
		return r.createNamed(call, id, "UpdateServiceRequest")
	}
	changed, err := r.update(id, dryRun(call), func(old *service) (change, error) {
		if err := checkEtag(old, apiserver.Text(wanted, "etag")); err != nil {
			return change{}, err
		}
		fields, err := masked(old.wanted.fields, wanted, call.Query("updateMask"))
		if err == nil {
			err = mayRun(call, fields)
		}
		return change{wanted: spec{fields, old.wanted.knative}, by: call.Caller.Email(),
			force: call.Query("forceNewRevision") == "true"}, err
	})
	if err != nil {
		return nil, err
	}
	return r.answerV2(call, changed, replacedReadiness), nil
}

func (r *Run) exists(id identity) bool {
	_, err := r.find(id)
	return err == nil
}

func checkEtag(of *service, sent string) error {
	if sent == "" || sent == etag(of.updated, of.fullName()) {
		return nil
	}
	return of.conflict(etagVersion(sent))
}

func (r *Run) deleteV2(call *apiserver.Call) (any, error) {
	id := identityOf(call)
	describe(call, id, id.fullName(), map[string]any{"@type": v2Request + "DeleteServiceRequest", "name": id.fullName()})
	removed, err := r.remove(id, dryRun(call), call.Query("etag"), call.Caller)
	if err != nil {
		return nil, err
	}
	return r.answerV2(call, removed, ""), nil
}

func (r *Run) getPolicy(call *apiserver.Call) (any, error) {
	id := identityOf(call)
	if !r.exists(id) {
		_, err := r.getV2(call)
		return nil, err
	}
	return call.GetIamPolicy(id.fullName())
}

func (r *Run) setPolicy(call *apiserver.Call) (any, error) {
	id := identityOf(call)
	describePolicy(call, id)
	if !r.exists(id) {
		_, err := r.getV2(call)
		return nil, err
	}
	if err := r.takesPublic(call); err != nil {
		return nil, err
	}
	return call.SetIamPolicy(id.fullName())
}

// testPermissions answers which permissions the caller has.
func (r *Run) testPermissions(call *apiserver.Call) (any, error) {
	return call.TestIamPermissions(identityOf(call).fullName())
}

func (r *Run) listRevisionsV2(call *apiserver.Call) (any, error) {
	id := identityOf(call)
	var all []func() map[string]any
	for _, of := range r.in(id.project, id.location) {
		if id.name != "-" && of.name != id.name {
			continue
		}
		for i := len(of.revisions) - 1; i >= 0; i-- { // newest first (unverified)
			all = append(all, func() map[string]any { return of.revisions[i].v2(of) })
		}
	}
	return paged(call, "revisions", all, func(show func() map[string]any) map[string]any { return show() })
}

func (r *Run) getRevisionV2(call *apiserver.Call) (any, error) {
	id, name := identityOf(call), call.Var("revision")
	if of, err := r.find(id); err == nil {
		for _, each := range of.revisions {
			if each.name == name {
				return each.v2(of), nil
			}
		}
	}
	return nil, apiserver.NotFound("Resource '%s' of kind 'REVISION' in region '%s' in project '%s' does not exist.",
		name, id.location, id.project.ID)
}
