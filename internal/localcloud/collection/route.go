package collection

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// Routes are the kind's methods, in every document and below every parent.
func (c *Collection) Routes(api string) []apiserver.Route {
	var routes []apiserver.Route
	for _, name := range c.Documents {
		document := schema.Of(name)
		for _, prefix := range c.Collections {
			for _, method := range document.Methods(prefix) {
				verb := lastPart(method.ID)
				if !slices.Contains(c.Unserved, verb) && !slices.Contains(c.Unserved, method.ID) {
					routes = append(routes, c.routes(api, face{document, method, verb})...)
				}
			}
		}
	}
	return routes
}

// face is one method of one discovery document.
type face struct {
	document *schema.API
	method   schema.Method
	verb     string // the last part of its id
}

func (c *Collection) routes(api string, f face) []apiserver.Route {
	handle, writes := c.handler(f)
	if handle == nil {
		return nil
	}
	route := apiserver.Route{
		Verb: f.method.Verb, Path: "/" + c.variables(cmp.Or(f.method.Upload, f.method.Path)), API: api, ID: f.method.ID,
		Permission: c.permission(f.verb), Source: c.Source, Resource: c.subject,
		Write: writes, AuditMethod: audited(c.Audit[f.verb], f.document.Name), Handle: c.located(handle),
	}
	if route.Permission == "" {
		route.Source = ""
	}
	routes := []apiserver.Route{route}
	if c.AnyProject {
		route.Path = strings.Replace(route.Path, "/projects/{project}/", "/projects/-/", 1)
		routes = []apiserver.Route{route, routes[0]}
	}
	if f.method.Download {
		route.Path = "/download" + route.Path
		routes = append(routes, route)
	}
	return routes
}

// audited is a method as the audit log names it.
func audited(method, document string) string {
	return strings.ReplaceAll(method, "{version}", document[strings.IndexByte(document, '/')+1:])
}

// located refuses a call about a location that the API does not have, and looks for
// what others made.
func (c *Collection) located(handle func(*apiserver.Call) (any, error)) func(*apiserver.Call) (any, error) {
	return func(call *apiserver.Call) (any, error) {
		if location := call.Var("location"); c.Location != nil && location != "" && location != "-" {
			if err := c.Location(location); err != nil {
				return nil, err
			}
		}
		c.others()
		return handle(call)
	}
}

// handler is what answers a method, nil = it is not served.
func (c *Collection) handler(f face) (handle func(*apiserver.Call) (any, error), writes bool) {
	if action, ok := c.Actions[f.verb]; ok {
		return func(call *apiserver.Call) (any, error) { return action.Do(c, call) }, action.Writes
	}
	if usual, ok := c.Methods[f.verb]; ok {
		f.verb = usual
	}
	switch f.verb {
	case "list":
		return func(call *apiserver.Call) (any, error) { return c.list(call, f) }, false
	case "get":
		return c.get, false
	case "create", "insert":
		return func(call *apiserver.Call) (any, error) { return c.create(call, f) }, true
	case "patch", "update":
		return func(call *apiserver.Call) (any, error) { return c.patch(call, f) }, true
	case "delete":
		return func(call *apiserver.Call) (any, error) {
			answer, err := c.remove(call)
			if f.method.Response == "" {
				answer = nil // 204
			}
			return answer, err
		}, true
	case "getIamPolicy":
		return c.onPolicy((*apiserver.Call).GetIamPolicy), false
	case "setIamPolicy":
		return c.onPolicy((*apiserver.Call).SetIamPolicy), true
	case "testIamPermissions":
		return c.onPolicy((*apiserver.Call).TestIamPermissions), false
	}
	return nil, false
}

// variable is a variable of a discovery document's flat path.
var variable = regexp.MustCompile(`\{([a-zA-Z]+?)(s?Id)?\}`)

// owner is what a flat path has before a collection that many kinds of parents have.
var owner = regexp.MustCompile(`\{v[0-9a-z]+Id\}/\{v[0-9a-z]+Id1\}`)

// variables are a flat path's under the names that the server knows: {projectsId}
// is {project}.
func (c *Collection) variables(path string) string {
	if c.InProjects {
		path = owner.ReplaceAllString(path, "projects/{project}")
	}
	path = variable.ReplaceAllString(path, "{$1}")
	path = strings.Replace(path, "/{namespace}/", "/{project}/", 1) // Kubernetes' form
	if last, ok := strings.CutSuffix(path, "}"); ok && c.Depth > 0 {
		return last + "...}"
	}
	return path
}

// versioned is a segment that is the version of an API.
var versioned = regexp.MustCompile(`^v[0-9]`)

// transferred begins the paths by which content comes and goes.
var transferred = regexp.MustCompile(`^/((resumable/)?upload|download)/`)

// nameOf is what a call is about: its path without version and verb, with the
// project's id: that of DefaultProject where any is meant.
func (c *Collection) nameOf(call *apiserver.Call) string {
	path := transferred.ReplaceAllString(call.Request.URL.Path, "/")
	_, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if api, rest, ok := strings.Cut(name, "/"); ok && versioned.MatchString(api) { // bigquery/v2/projects/P
		name = rest
	}
	if i := strings.LastIndexByte(call.Route.Path, ':'); i > strings.LastIndexByte(call.Route.Path, '/') {
		name = strings.TrimSuffix(name, call.Route.Path[i:])
	}
	if c.Rename != nil {
		name = c.Rename(call, name)
	}
	if below, ok := strings.CutPrefix(name, "projects/-/"); ok {
		return call.Project.Name() + "/" + below
	}
	return c.server.ByID(name)
}

// subject is what a call is about.
func (c *Collection) subject(call *apiserver.Call) string {
	if c.Subject != nil {
		if subject := c.Subject(call); subject != "" {
			return subject
		}
	}
	return c.nameOf(call)
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

// onPolicy reads or writes the IAM policy of a resource that is there.
func (c *Collection) onPolicy(do func(*apiserver.Call, string) (any, error)) func(*apiserver.Call) (any, error) {
	return func(call *apiserver.Call) (any, error) {
		c.describe(call, call.Resource)
		found, err := c.Named(call)
		if err != nil {
			return nil, err
		}
		return do(call, found.Name)
	}
}

// describe says in the call's log entry what it is about.
func (c *Collection) describe(call *apiserver.Call, name string) {
	call.Resource = name
	if call.Record == nil {
		return
	}
	call.Record.ResourceName = name
	if _, rest, ok := strings.Cut(name, "/locations/"); ok {
		call.Record.Location, _, _ = strings.Cut(rest, "/")
	}
	for i := range call.Record.Authorization {
		call.Record.Authorization[i].Resource = cmp.Or(name, call.Record.Authorization[i].Resource)
	}
	if c.Recorded != nil {
		c.Recorded(call, name)
	}
}
