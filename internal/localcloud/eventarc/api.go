package eventarc

import (
	"net/http"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	auditPrefix = "google.cloud.eventarc.v1.Eventarc."
	// permissionSource documents which permission each method needs.
	permissionSource = "cloud.google.com/eventarc/docs/access-control"
	maxPageSize      = 1000
)

// API is Eventarc as the server serves it: triggers. Their operations are read
// where Cloud Run's are, because both APIs have the same path for them.
func (e *Eventarc) API() apiserver.API {
	const all, one = "/v1/projects/{project}/locations/{location}/triggers",
		"/v1/projects/{project}/locations/{location}/triggers/{trigger}"
	return apiserver.API{Name: "eventarc", State: e.state, Reset: e.reset, Routes: []apiserver.Route{
		route(http.MethodGet, all, "list", e.list),
		route(http.MethodGet, one, "get", e.get),
		written("CreateTrigger", route(http.MethodPost, all, "create", e.create)),
		written("UpdateTrigger", route(http.MethodPatch, one, "patch", e.patch)),
		written("DeleteTrigger", route(http.MethodDelete, one, "delete", e.remove)),
	}}
}

func route(verb, path, method string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	permission := method
	if method == "patch" {
		permission = "update"
	}
	return apiserver.Route{Verb: verb, Path: path, API: "eventarc", ID: "eventarc.projects.locations.triggers." + method,
		Permission: "eventarc.triggers." + permission, Source: permissionSource, Handle: handle}
}

func written(method string, route apiserver.Route) apiserver.Route {
	route.Write, route.AuditMethod = true, auditPrefix+method
	return route
}

// checkLocation refuses what is neither a region nor global.
func checkLocation(location string) error {
	if location != everywhere && !region.MatchString(location) {
		return apiserver.Denied("Location %s is not found or access is unauthorized.", location)
	}
	return nil
}

// named finds the trigger that a call is about.
func (e *Eventarc) named(call *apiserver.Call) (*trigger, error) {
	if err := checkLocation(call.Var("location")); err != nil {
		return nil, err
	}
	name := parent(call.Var("location")) + "/triggers/" + call.Var("trigger")
	if found := e.find(name); found != nil {
		return found, nil
	}
	return nil, apiserver.NotFound("Resource '%s' was not found", name)
}

func (e *Eventarc) get(call *apiserver.Call) (any, error) {
	found, err := e.named(call)
	if err != nil {
		return nil, err
	}
	return found.view(), nil
}

// list answers in the order of names. A page token is the number of triggers
// that came before.
func (e *Eventarc) list(call *apiserver.Call) (any, error) {
	location := call.Var("location")
	if location != "-" {
		if err := checkLocation(location); err != nil {
			return nil, err
		}
	}
	for _, parameter := range []string{"filter", "orderBy"} {
		if call.Query(parameter) != "" {
			return nil, apiserver.Invalid("The request was invalid: %s is not supported here.", parameter)
		}
	}
	found := e.all(location)
	from, to, err := page(call, len(found))
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	if from < to {
		shown := make([]any, 0, to-from)
		for _, each := range found[from:to] {
			shown = append(shown, each.view())
		}
		answer["triggers"] = shown
	}
	if to < len(found) {
		answer["nextPageToken"] = strconv.Itoa(to)
	}
	return answer, nil
}

// page is which of a number of triggers are asked for.
func page(call *apiserver.Call, total int) (from, to int, err error) {
	size := 0
	for parameter, into := range map[string]*int{"pageToken": &from, "pageSize": &size} {
		text := call.Query(parameter)
		if text == "" {
			continue
		}
		if *into, err = strconv.Atoi(text); err != nil || *into < 0 {
			return 0, 0, apiserver.Invalid("The request was invalid: invalid value for %s: %q", parameter, text)
		}
	}
	if size == 0 || size > maxPageSize {
		size = maxPageSize
	}
	from = min(from, total)
	return from, min(from+size, total), nil
}
