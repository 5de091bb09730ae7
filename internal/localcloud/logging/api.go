package logging

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	auditPrefix = "google.logging.v2.ConfigServiceV2."
	// permissionSource documents which permission each method needs.
	permissionSource = "cloud.google.com/logging/docs/access-control#permissions_and_roles"
	defaultPageSize  = 50
	maxPageSize      = 1000
)

// API is Cloud Logging as the server serves it: sinks, and reading and writing
// entries. Written entries are in no audit log
// (logging/docs/audit/audit-logging).
func (r *Router) API() apiserver.API {
	const sinks, one = "/v2/projects/{project}/sinks", "/v2/projects/{project}/sinks/{sink}"
	route := func(verb, path, method string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
		return apiserver.Route{Verb: verb, Path: path, API: "logging", ID: "logging.projects.sinks." + method,
			Permission: "logging.sinks." + method, Source: permissionSource, Handle: handle}
	}
	write := func(audit string, route apiserver.Route) apiserver.Route {
		route.Write, route.AuditMethod = true, auditPrefix+audit
		return route
	}
	patch := route(http.MethodPatch, one, "update", r.updateSink)
	patch.ID = "logging.projects.sinks.patch" // the permission is that of update
	list := route(http.MethodPost, "/v2/entries:list", "list", r.listEntries)
	list.ID, list.Permission = "logging.entries.list", "logging.logEntries.list"
	create := route(http.MethodPost, "/v2/entries:write", "write", r.writeEntries)
	create.ID, create.Permission, create.Write = "logging.entries.write", "logging.logEntries.create", true
	return apiserver.API{
		Name: "logging", State: r.state, Reset: r.reset,
		Routes: []apiserver.Route{
			list, create,
			route(http.MethodGet, sinks, "list", r.listSinks),
			route(http.MethodGet, one, "get", r.getSink),
			write("CreateSink", route(http.MethodPost, sinks, "create", r.createSink)),
			write("UpdateSink", patch),
			write("UpdateSink", route(http.MethodPut, one, "update", r.updateSink)),
			write("DeleteSink", route(http.MethodDelete, one, "delete", r.deleteSink)),
		},
	}
}

func (r *Router) state() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]any{}
	for _, each := range r.sinks {
		all[apiserver.Text(each.resource, "resourceName")] = each.state()
	}
	if r.unwritable > 0 {
		all["unwritableEntries"] = r.unwritable
	}
	return all
}

// find returns a sink. Its caller holds the lock.
func (r *Router) find(call *apiserver.Call) (*sink, error) {
	found := r.sinks[call.Var("sink")]
	if found == nil {
		return nil, apiserver.NotFound("Sink %s does not exist", call.Var("sink"))
	}
	return found, nil
}

// describe completes the call's log entry (resource type documented in
// logging/docs/api/v2/resource-list).
func describe(call *apiserver.Call, sink map[string]any) {
	if call.Record == nil {
		return
	}
	name := apiserver.Text(sink, "name")
	call.Record.ResourceType = "logging_sink"
	call.Record.ResourceName = "projects/" + apiserver.ProjectID + "/sinks/" + name
	call.Record.Location = "global"
	call.Record.Labels = map[string]string{
		"project_id": apiserver.ProjectID, "name": name, "destination": apiserver.Text(sink, "destination"),
	}
}

func (r *Router) createSink(call *apiserver.Call) (any, error) {
	resource, err := sent(call)
	if err != nil {
		return nil, err
	}
	describe(call, resource)
	made, err := newSink(resource)
	if err != nil {
		return nil, err
	}
	stamp := timestamp(call.Time)
	made.resource["createTime"], made.resource["updateTime"] = stamp, stamp
	r.mu.Lock()
	defer r.mu.Unlock()
	name := apiserver.Text(resource, "name")
	if r.sinks[name] != nil {
		return nil, apiserver.AlreadyExists("Sink %s already exists", name)
	}
	r.sinks[name] = made
	return apiserver.Clone(made.resource), nil
}

func (r *Router) updateSink(call *apiserver.Call) (any, error) {
	changes, err := sent(call)
	if err != nil {
		return nil, err
	}
	fields, err := masked(call.Query("updateMask"))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, err := r.find(call)
	if err != nil {
		return nil, err
	}
	resource := apiserver.Clone(old.resource)
	describe(call, resource)
	for _, field := range fields {
		if value, ok := changes[field]; ok {
			resource[field] = value
		} else {
			delete(resource, field)
		}
	}
	made, err := newSink(resource)
	if err != nil {
		return nil, err
	}
	made.wired, made.delivered, made.failed = old.wired, old.delivered, old.failed
	made.resource["updateTime"] = timestamp(call.Time)
	r.sinks[call.Var("sink")] = made
	return apiserver.Clone(made.resource), nil
}

func (r *Router) deleteSink(call *apiserver.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.find(call)
	if err != nil {
		return nil, err
	}
	describe(call, found.resource)
	delete(r.sinks, call.Var("sink"))
	return map[string]any{}, nil
}

func (r *Router) getSink(call *apiserver.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.find(call)
	if err != nil {
		return nil, err
	}
	return apiserver.Clone(found.resource), nil
}

func (r *Router) listSinks(*apiserver.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []any
	for _, name := range slices.Sorted(maps.Keys(r.sinks)) {
		all = append(all, apiserver.Clone(r.sinks[name].resource))
	}
	if all == nil {
		return map[string]any{}, nil
	}
	return map[string]any{"sinks": all}, nil
}

// listEntries answers entries.list. A page token is the place of the last entry
// of the page before.
func (r *Router) listEntries(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	var q query
	if q.filter, err = ParseFilter(apiserver.Text(body, "filter")); err != nil {
		return nil, apiserver.Invalid("Unparseable filter: %s", err)
	}
	if q.after, q.size, err = page(body); err != nil {
		return nil, err
	}
	switch order := apiserver.Text(body, "orderBy"); order {
	case "", "timestamp", "timestamp asc":
	case "timestamp desc":
		q.newest = true
	default:
		return nil, apiserver.Invalid("order_by must be \"timestamp asc\" or \"timestamp desc\", not %q.", order)
	}
	selected, more, err := r.query(call.Request.Context(), q)
	if err != nil {
		return nil, apiserver.Cancelled(err)
	}
	answer := map[string]any{}
	if len(selected) > 0 {
		answer["entries"] = raws(selected)
	}
	if more {
		answer["nextPageToken"] = selected[len(selected)-1].token()
	}
	return answer, nil
}

// page is the place after which the page begins, and how long it may be.
func page(body map[string]any) (after place, size int, err error) {
	size = defaultPageSize
	if number, ok := body["pageSize"].(json.Number); ok {
		if size, err = strconv.Atoi(number.String()); err != nil || size < 0 {
			return after, 0, apiserver.Invalid("page_size must be between 0 and %d.", maxPageSize)
		}
	}
	if size == 0 || size > maxPageSize {
		size = maxPageSize
	}
	if token := apiserver.Text(body, "pageToken"); token != "" {
		var ok bool
		if after, ok = parsePlace(token); !ok {
			return after, 0, apiserver.Invalid("page_token is invalid.")
		}
	}
	return after, size, nil
}
