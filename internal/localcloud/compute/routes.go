package compute

import "github.com/iapguard/iapguard/internal/localcloud/apiserver"

// versions are the API versions that are served. They differ in the links
// that they answer and in their audit log's method names.
var versions = []string{"v1", "beta", "alpha"}

// routes are every method of every kind, in every version.
func (a *API) routes() []apiserver.Route {
	var all []apiserver.Route
	for _, version := range versions {
		for _, k := range kinds {
			all = append(all, a.kindRoutes(k, version)...)
		}
		all = append(all, a.operationRoutes(version)...)
		all = append(all, a.regionRoutes(version)...)
	}
	return all
}

// routeMaker builds the routes of one API collection in one version.
type routeMaker struct {
	version, collection string
	routes              []apiserver.Route
}

// add appends one route; path follows "/compute/VERSION/projects/P/". Every
// method's permission is on its reference page (Source).
func (m *routeMaker) add(verb, path, method, permission string, handle func(*apiserver.Call) (any, error)) {
	route := apiserver.Route{
		Verb: verb, Path: "/compute/" + m.version + "/projects/{project}/" + path, API: "compute",
		ID:         "compute." + m.collection + "." + method,
		Permission: "compute." + m.collection + "." + permission,
		Source:     "cloud.google.com/compute/docs/reference/rest/v1/" + m.collection + "/" + method,
		Write:      verb != "GET" && method != "wait",
		Resource:   subject(verb, method),
		Handle:     handle,
	}
	if method == "patch" {
		// A patch reads what it changes (cdn/docs/audit-logging, and the
		// reference page of every patch method).
		route.Also = []string{"compute." + m.collection + ".get"}
	}
	if route.Write {
		route.AuditMethod = m.version + ".compute." + m.collection + "." + method
	}
	m.routes = append(m.routes, route)
}

func (a *API) kindRoutes(k *kind, version string) []apiserver.Route {
	var all []apiserver.Route
	for _, isGlobal := range []bool{true, false} {
		scope := "regions/{region}"
		if isGlobal {
			scope = global
		}
		m := routeMaker{version: version, collection: k.apiName(scope)}
		if m.collection == "" {
			continue
		}
		s := site{a, k, version, isGlobal}
		s.addMethods(&m, scope+"/"+k.collection)
		all = append(all, m.routes...)
	}
	m := routeMaker{version: version, collection: k.aggregated}
	m.add("GET", "aggregated/"+k.collection, "aggregatedList", "list", site{a, k, version, false}.aggregatedList)
	return append(all, m.routes...)
}

func (s site) addMethods(m *routeMaker, collection string) {
	one := collection + "/{name}"
	m.add("GET", collection, "list", "list", s.list)
	m.add("POST", collection, "insert", "create", s.insert)
	m.add("GET", one, "get", "get", s.get)
	m.add("DELETE", one, "delete", "delete", s.remove)
	if s.global && s.kind.patchGlobal || !s.global && s.kind.patchRegional {
		m.add("PATCH", one, "patch", "update", s.patch)
	}
	if s.kind.update {
		m.add("PUT", one, "update", "update", s.update)
	}
	if s.kind.policy {
		m.add("GET", one+"/getIamPolicy", "getIamPolicy", "getIamPolicy", s.getPolicy)
		m.add("POST", one+"/setIamPolicy", "setIamPolicy", "setIamPolicy", s.setPolicy)
	}
	for _, act := range s.kind.actions {
		if act.globalOnly && !s.global {
			continue
		}
		path := one
		if act.unscoped && s.global {
			path = s.kind.collection + "/{name}"
		}
		m.add("POST", path+"/"+act.name, act.name, act.name, s.act(act))
	}
}

func (a *API) operationRoutes(version string) []apiserver.Route {
	var all []apiserver.Route
	for _, isGlobal := range []bool{true, false} {
		scope, collection := "regions/{region}", "regionOperations"
		if isGlobal {
			scope, collection = global, "globalOperations"
		}
		m := routeMaker{version: version, collection: collection}
		s := operationSite{a, version, isGlobal}
		one := scope + "/operations/{name}"
		m.add("GET", scope+"/operations", "list", "list", s.list)
		m.add("GET", one, "get", "get", s.get)
		m.add("POST", one+"/wait", "wait", "get", s.wait)
		m.add("DELETE", one, "delete", "delete", s.remove)
		// Deleting an operation changes no resource and is not logged.
		m.routes[len(m.routes)-1].AuditMethod = ""
		if isGlobal {
			m.add("GET", "aggregated/operations", "aggregatedList", "list", s.aggregatedList)
		}
		all = append(all, m.routes...)
	}
	return all
}
