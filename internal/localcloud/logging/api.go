package logging

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	// permissionSource documents which permission each method needs.
	permissionSource = "cloud.google.com/logging/docs/access-control#permissions_and_roles"
	defaultPageSize  = 50
	maxPageSize      = 1000
)

// API is Cloud Logging as the server serves it: sinks, metrics, and reading and
// writing entries. Written entries are in no audit log
// (logging/docs/audit/audit-logging). Sinks select from now on what the server's
// hierarchy says.
func (r *Router) API(s *apiserver.Server) apiserver.API {
	route := func(path, method, permission string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
		return apiserver.Route{Verb: http.MethodPost, Path: path, API: "logging", ID: "logging.entries." + method,
			Permission: "logging.logEntries." + permission, Source: permissionSource, Write: permission == "create",
			Resource: about, Handle: handle}
	}
	r.mu.Lock()
	r.server = s
	r.mu.Unlock()
	api := collection.Merged("logging", collection.New(s, r.sinkKind()), collection.New(s, r.metricKind()))
	api.Routes = append(api.Routes,
		route("/v2/entries:list", "list", "list", r.listEntries),
		route("/v2/entries:write", "write", "create", r.writeEntries))
	kinds, reset := api.State, api.Reset
	api.State = func() map[string]any {
		all := kinds()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.unwritable > 0 {
			all["unwritableEntries"] = r.unwritable
		}
		return all
	}
	api.Reset = func() {
		reset()
		r.reset()
	}
	return api
}

// about is the first of those whose logs a call reads or writes.
func about(call *apiserver.Call) string {
	body, err := call.Body()
	if err != nil {
		return call.Resource // it is refused where the body is needed
	}
	name := apiserver.Text(body, "logName")
	if names := apiserver.List(body, "resourceNames"); len(names) > 0 {
		name, _ = names[0].(string)
	}
	if entries := apiserver.List(body, "entries"); len(entries) > 0 {
		entry, _ := entries[0].(map[string]any)
		name = cmp.Or(apiserver.Text(entry, "logName"), name)
	}
	if parts := strings.SplitN(name, "/", 3); len(parts) > 1 {
		return call.Server().ByID(parts[0] + "/" + parts[1])
	}
	return call.Resource
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
	for _, each := range apiserver.List(body, "resourceNames") {
		name, _ := each.(string)
		parts := strings.SplitN(call.Server().ByID(name), "/", 3) // a bucket's view is its project's, too
		if len(parts) < 2 {
			return nil, apiserver.Invalid("Invalid resource name: %q", name)
		}
		of := parts[0] + "/" + parts[1]
		if err := mayUse(call, "list", of); err != nil {
			return nil, err
		}
		q.logs = append(q.logs, of+"/logs/")
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

// mayUse refuses a caller who may not list or create entries of a project, a folder or an
// organization.
func mayUse(call *apiserver.Call, verb, of string) error {
	permission := "logging.logEntries." + verb
	if call.Server().Allowed(apiserver.Access{Principal: call.Caller, Permission: permission, Resource: of}) {
		return nil
	}
	return apiserver.Denied("Permission '%s' denied on resource (or it may not exist): %s", permission, of)
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
