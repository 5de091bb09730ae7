package run

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	v1Prefix    = "google.cloud.run.v1.Services."
	v1Request   = "type.googleapis.com/google.cloud.run.v1."
	knativeType = "type.googleapis.com/google.cloud.run.v1.Service"
	apiVersion  = "serving.knative.dev/v1"
)

func (r *Run) routesV1() []apiserver.Route {
	const (
		namespace = "/apis/serving.knative.dev/v1/namespaces/{project}"
		services  = namespace + "/services"
		one       = services + "/{service}"
		location  = "/v1/projects/{project}/locations/{location}"
		named     = location + "/services/{service}"
		id        = "run.namespaces."
		wide      = "run.projects.locations."
	)
	return []apiserver.Route{
		audited(v1Prefix+"CreateService", route(http.MethodPost, services, id+"services.create", "services.create",
			r.createV1)),
		route(http.MethodGet, services, id+"services.list", "services.list", r.listV1),
		route(http.MethodGet, one, id+"services.get", "services.get", r.getV1),
		audited(v1Prefix+"ReplaceService", route(http.MethodPut, one, id+"services.replaceService", "services.update",
			r.replaceV1)),
		audited(v1Prefix+"DeleteService", route(http.MethodDelete, one, id+"services.delete", "services.delete", r.deleteV1)),
		route(http.MethodGet, namespace+"/revisions", id+"revisions.list", "revisions.list", r.listRevisionsV1),
		route(http.MethodGet, namespace+"/revisions/{revision}", id+"revisions.get", "revisions.get", r.getRevisionV1),
		route(http.MethodGet, location+"/revisions/{revision}", wide+"revisions.get", "revisions.get", r.getRevisionV1),
		route(http.MethodGet, "/v1/projects/{project}/locations", wide+"list", "locations.list", r.listLocations),
		route(http.MethodGet, location+"/services", wide+"services.list", "services.list", r.listV1),
		audited(v1Prefix+"CreateService", route(http.MethodPost, location+"/services", wide+"services.create",
			"services.create", r.createV1)),
		audited(v1Prefix+"ReplaceService", route(http.MethodPut, named, wide+"services.replaceService", "services.update",
			r.replaceV1)),
		audited(v1Prefix+"DeleteService", route(http.MethodDelete, named, wide+"services.delete", "services.delete",
			r.deleteV1)),
		route(http.MethodGet, named, wide+"services.get", "services.get", r.getV1),
		route(http.MethodGet, named+":getIamPolicy", wide+"services.getIamPolicy", "services.getIamPolicy", r.getPolicy),
		audited(v1Prefix+"SetIamPolicy", route(http.MethodPost, named+":setIamPolicy", wide+"services.setIamPolicy",
			"services.setIamPolicy", r.setPolicy)),
		untested(route(http.MethodPost, named+":testIamPermissions", wide+"services.testIamPermissions", "",
			r.testPermissions)),
		route(http.MethodPost, location+"/operations/{operation}:wait", wide+"operations.wait", "operations.get",
			r.waitOperationV1),
		route(http.MethodGet, location+"/operations/{operation}", wide+"operations.get", "operations.get", r.getOperationV1),
	}
}

// identityV1 is the service of a v1 request: its location is in the path, or
// in the name of the host. The host without a region has multi-region services.
func identityV1(call *apiserver.Call) (identity, error) {
	location := cmp.Or(call.Var("location"), call.Region)
	if location == "" && strings.Contains(call.Route.Path, apiVersion) {
		location = global
	}
	if location == "" {
		return identity{}, apiserver.NotFound("The Knative API is served by regional hosts only: REGION-run.googleapis.com.")
	}
	return identity{call.Project, location, call.Var("service")}, nil
}

// sentV1 is the service of a v1 request that has a body, and the body.
func sentV1(call *apiserver.Call) (identity, map[string]any, error) {
	id, err := identityV1(call)
	if err != nil {
		return id, nil, err
	}
	body, err := call.Body()
	return id, body, err
}

func (r *Run) createV1(call *apiserver.Call) (any, error) {
	id, body, err := sentV1(call)
	if err != nil {
		return nil, err
	}
	id.name = apiserver.Text(apiserver.Object(body, "metadata"), "name")
	describe(call, id, id.namespaced(), map[string]any{"@type": v1Request + "CreateServiceRequest",
		"parent": "namespaces/" + id.project.ID, "service": body})
	wanted, err := readKnative(body)
	if err != nil {
		return nil, err
	}
	if err := mayRun(call, wanted.fields); err != nil {
		return nil, err
	}
	made, err := r.create(id, wanted, call.Caller, dryRun(call))
	if err != nil {
		return nil, err
	}
	return r.answerV1(call, made, createdReadiness), nil
}

// answerV1 answers a write with the service; its operation goes on.
func (r *Run) answerV1(call *apiserver.Call, of *service, readiness string) any {
	shown := of.v1()
	answered(call, typed(apiserver.Clone(shown), knativeType))
	if dryRun(call) {
		call.Record = nil
		return shown
	}
	r.begin(call, of, ending{readiness: readiness})
	return shown
}

func (r *Run) replaceV1(call *apiserver.Call) (any, error) {
	id, body, err := sentV1(call)
	if err != nil {
		return nil, err
	}
	describe(call, id, id.namespaced(), map[string]any{"@type": v1Request + "ReplaceServiceRequest",
		"name": id.namespaced(), "service": body})
	metadata := apiserver.Object(body, "metadata")
	if name := apiserver.Text(metadata, "name"); name != id.name {
		return nil, apiserver.Invalid("metadata.name: %q is not the name in the URL, %q.", name, id.name)
	}
	wanted, err := readKnative(body)
	if err != nil {
		return nil, err
	}
	changed, err := r.update(id, dryRun(call), func(old *service) (change, error) {
		version := apiserver.Text(metadata, "resourceVersion")
		if version != "" && version != resourceVersion(old.updated) {
			return change{}, old.conflict(resourceVersionNumber(version))
		}
		keepFieldsOfV2(&wanted, old.wanted)
		return change{wanted: wanted, by: call.Caller.Email()}, mayRun(call, wanted.fields)
	})
	if err != nil {
		return nil, err
	}
	return r.answerV1(call, changed, replacedReadiness), nil
}

func (r *Run) deleteV1(call *apiserver.Call) (any, error) {
	id, err := identityV1(call)
	if err != nil {
		return nil, err
	}
	describe(call, id, id.namespaced(), map[string]any{"@type": v1Request + "DeleteServiceRequest",
		"name": id.namespaced()})
	removed, err := r.remove(id, dryRun(call), "", call.Caller)
	if err != nil {
		return nil, err
	}
	if !dryRun(call) {
		r.begin(call, removed, ending{})
	}
	return map[string]any{"status": "Success"}, nil
}

func (r *Run) getV1(call *apiserver.Call) (any, error) {
	id, err := identityV1(call)
	if err != nil {
		return nil, err
	}
	found, err := r.find(id)
	if err != nil {
		return nil, err
	}
	return found.v1(), nil
}

func (r *Run) listV1(call *apiserver.Call) (any, error) {
	id, err := identityV1(call)
	if err != nil {
		return nil, err
	}
	if call.Query("fieldSelector") == "multiRegionOnly" { // what gcloud lists multi-region services by
		id.location = global
	}
	var items []any
	for _, each := range r.in(id.project, id.location) {
		if !call.Unreachable(each.location) {
			items = append(items, each.v1())
		}
	}
	return partial(call, knativeList("ServiceList", items)), nil
}

// partial adds to a list the locations that it lacks. The field is one of lists of every
// location; one of a single location has it here too, because nothing else would say so.
func partial(call *apiserver.Call, list map[string]any) map[string]any {
	for _, place := range call.UnreachablePlaces() {
		missing, _ := list["unreachable"].([]any)
		list["unreachable"] = append(missing, place)
	}
	return list
}

// knativeList has no items when there are none (recorded).
func knativeList(kind string, items []any) map[string]any {
	list := map[string]any{"apiVersion": apiVersion, "kind": kind}
	if len(items) > 0 {
		list["items"] = items
	}
	return list
}

// listLocations names the regions that the local cloud knows a code for.
func (r *Run) listLocations(call *apiserver.Call) (any, error) {
	var all []any
	for _, name := range slices.Sorted(maps.Keys(regionCodes)) {
		all = append(all, map[string]any{
			"name": identity{call.Project, name, ""}.parent(), "locationId": name, "displayName": name,
			"labels": map[string]any{"cloud.googleapis.com/region": name},
		})
	}
	return map[string]any{"locations": all}, nil
}
