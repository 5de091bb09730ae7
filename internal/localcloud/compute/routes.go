package compute

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// versions are the API versions that are served. They differ in the links
// that they answer and in their audit log's method names.
var versions = []string{"v1", "beta", "alpha"}

// routes are every method of every kind, in every version. A path with fewer variables
// comes first: sslPolicies/listAvailableFeatures before sslPolicies/{name}.
func (a *API) routes() []apiserver.Route {
	var all []apiserver.Route
	for _, version := range versions {
		for _, k := range kinds {
			all = append(all, a.kindRoutes(k, version)...)
		}
		all = append(all, a.operationRoutes(version)...)
		all = append(all, a.regionRoutes(version)...)
	}
	slices.SortStableFunc(all, func(a, b apiserver.Route) int {
		return cmp.Compare(strings.Count(a.Path, "{"), strings.Count(b.Path, "{"))
	})
	return all
}

// handler answers a call.
type handler = func(*apiserver.Call) (any, error)

// permissions are the last parts of the permissions that methods need, by the method's
// id or its last part, where they are not the same. Every method's permission is on its
// reference page (Source).
var permissions = map[string]string{
	"insert": "create", "patch": "update", "aggregatedList": "list", "wait": "get",
	"setEdgeSecurityPolicy": "setSecurityPolicy", "getHealth": "get", "getRule": "get",
	"addRule": "update", "patchRule": "update", "removeRule": "update",
	"compute.targetTcpProxies.setBackendService": "update", "compute.targetTcpProxies.setProxyHeader": "update",
}

// reads are methods that change nothing although they are not a GET.
var reads = []string{"wait", "getHealth"}

// newRoute serves a method of the document in one version of the API.
func newRoute(version string, m schema.Method, handle handler) apiserver.Route {
	at := strings.LastIndexByte(m.ID, '.')
	collection, verb := m.ID[:at], m.ID[at+1:]
	const pages = "cloud.google.com/compute/docs/reference/rest/v1/"
	route := apiserver.Route{
		Verb: m.Verb, Path: pathIn(version, m.Path), API: "compute", ID: m.ID,
		Permission: collection + "." + cmp.Or(permissions[m.ID], permissions[verb], verb),
		Source:     pages + strings.TrimPrefix(collection, "compute.") + "/" + verb,
		Write:      m.Verb != "GET" && !slices.Contains(reads, verb),
		Resource:   subject(m.Verb, verb),
		Handle:     handle,
	}
	if verb == "patch" {
		// A patch reads what it changes (cdn/docs/audit-logging, and the
		// reference page of every patch method).
		route.Also = []string{collection + ".get"}
	}
	if route.Write {
		route.AuditMethod = version + "." + m.ID
	}
	return route
}

// pathIn is a path of the document in one version of the API. The variable that says
// which resource of a collection is meant is {name}, whatever its kind.
func pathIn(version, path string) string {
	segments := strings.Split("/"+path, "/")
	segments[2] = version
	for i, segment := range segments {
		scope := segment == "{project}" || segment == "{region}" && i < len(segments)-1
		if strings.HasPrefix(segment, "{") && !scope {
			segments[i] = "{name}"
		}
	}
	return strings.Join(segments, "/")
}

// kindRoutes are the methods of a kind that the document has and that are served here.
// Those of zones are not.
func (a *API) kindRoutes(k *kind, version string) []apiserver.Route {
	var methods []schema.Method
	scopes := aggregation{collection: k.collection}
	for _, collection := range k.collections() {
		for _, m := range document().Methods("compute." + collection) {
			if strings.Contains(m.Path, "/zones/") {
				continue
			}
			methods = append(methods, m)
			scopes.global = scopes.global || strings.Contains(m.Path, "/global/")
			scopes.regional = scopes.regional || strings.Contains(m.Path, "/regions/")
		}
	}
	var routes []apiserver.Route
	for _, m := range methods {
		s := site{a, k, version, m, scopes}
		if handle := s.handler(); handle != nil {
			routes = append(routes, newRoute(version, m, handle))
		}
	}
	return routes
}

// handler is what answers a method of a kind, nil = it is not served. Methods that are
// called set… replace the fields that their requests have.
func (s site) handler() handler {
	verb := s.verb()
	if m, ok := s.kind.methods[verb]; ok {
		return m.handler(s)
	}
	switch verb {
	case "list":
		return s.list
	case "aggregatedList":
		return s.aggregatedList
	case "get":
		return s.get
	case "insert":
		return s.insert
	case "patch":
		return s.patch
	case "update":
		return s.update
	case "delete":
		return s.remove
	case "getIamPolicy":
		return s.getPolicy
	case "setIamPolicy":
		return s.setPolicy
	}
	if strings.HasPrefix(verb, "set") {
		return s.set
	}
	return nil
}

func (a *API) operationRoutes(version string) []apiserver.Route {
	var routes []apiserver.Route
	for _, collection := range []string{"globalOperations", "regionOperations"} {
		s := operationSite{a, version, collection == "globalOperations"}
		for verb, handle := range map[string]handler{
			"list": s.list, "get": s.get, "wait": s.wait, "delete": s.remove, "aggregatedList": s.aggregatedList,
		} {
			m, ok := document().Method("compute." + collection + "." + verb)
			if !ok {
				continue
			}
			route := newRoute(version, m, handle)
			if verb == "delete" {
				route.AuditMethod = "" // changes no resource and is not logged
			}
			routes = append(routes, route)
		}
	}
	return routes
}
