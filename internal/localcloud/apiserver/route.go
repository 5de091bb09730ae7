package apiserver

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Route is one method of one API.
type Route struct {
	// Verb is the HTTP method.
	Verb string
	// Path is the URL path with {names} for its variable segments and
	// {name...} for any number of them. A custom verb follows the last
	// segment: "/v2/projects/{project}/…/services/{service}:setIamPolicy".
	// {project} is checked before the handler runs.
	Path string
	// API is the API's short name; its service is API + ".googleapis.com".
	API string
	// ID is the method's id in Google's discovery documents, e.g.
	// "run.projects.locations.services.patch".
	ID string
	// Permission is the IAM permission that the call needs, and Source the
	// documentation that says so. Both are empty when it needs none.
	Permission, Source string
	// Also are further permissions that the call needs.
	Also []string
	// Resource names what the call is about, for permissions and for the call
	// log, where that is not the path after the version. Nil: it is.
	Resource func(*Call) string
	// MaxBody is the size of the largest body, zero = that of Google's front end for JSON.
	MaxBody int
	// Write says that the call changes something.
	Write bool
	// AuditMethod is protoPayload.methodName of the call's log entry. A call
	// without one leaves no entry.
	AuditMethod string
	// Handle answers. What it returns is encoded as JSON; an *Error is
	// answered as the API would, any other error as Google's 500. Nil is
	// answered with 204 and no body.
	Handle func(*Call) (any, error)
}

func (r *Route) service() string { return r.API + ".googleapis.com" }

// pattern is a Route's path cut into what a path is compared with.
type pattern struct {
	route    *Route
	segments []string
	verb     string
	rest     bool
}

// routes finds the route of a request. Routes are kept by HTTP method in the
// order in which they were added; literal paths are added before variable ones
// by a caller with both. Custom verbs come first: a project's id may hold a
// colon, and GET …/projects/p:iapSettings is not about such a project.
type routes struct {
	byVerb map[string][]pattern
	custom map[string][]pattern // those with a custom verb
}

func (r *routes) add(all []Route) {
	if r.byVerb == nil {
		r.byVerb, r.custom = map[string][]pattern{}, map[string][]pattern{}
	}
	for i := range all {
		path, verb := all[i].Path, ""
		if j := strings.LastIndexByte(path, ':'); j > strings.LastIndexByte(path, '/') {
			path, verb = path[:j], path[j+1:]
		}
		segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
		p := pattern{&all[i], segments, verb, strings.HasSuffix(path, "...}")}
		into := r.byVerb
		if verb != "" {
			into = r.custom
		}
		into[all[i].Verb] = append(into[all[i].Verb], p)
	}
}

// find returns the route of a request and the values of its variables.
func (r *routes) find(request *http.Request) (*Route, map[string]string) {
	parts := strings.Split(strings.TrimPrefix(request.URL.EscapedPath(), "/"), "/")
	candidates := r.byVerb[request.Method]
	if strings.Contains(parts[len(parts)-1], ":") {
		candidates = slices.Concat(r.custom[request.Method], candidates)
	}
	for _, p := range candidates {
		if vars, ok := p.match(parts); ok {
			return p.route, vars
		}
	}
	return nil, nil
}

func (p pattern) match(parts []string) (map[string]string, bool) {
	if len(parts) < len(p.segments) || len(parts) > len(p.segments) && !p.rest {
		return nil, false
	}
	for i, segment := range p.segments[:len(p.segments)-1] {
		// Most routes end here, before anything is kept for them.
		if segment[0] != '{' && segment != parts[i] {
			return nil, false
		}
	}
	vars := map[string]string{}
	for i, segment := range p.segments {
		value, last := parts[i], i == len(p.segments)-1
		if last && p.rest {
			value = strings.Join(parts[i:], "/")
		}
		if last && p.verb != "" {
			var ok bool
			if value, ok = strings.CutSuffix(value, ":"+p.verb); !ok {
				return nil, false
			}
		}
		if segment[0] != '{' {
			if segment != value {
				return nil, false
			}
			continue
		}
		name := strings.TrimSuffix(segment[1:len(segment)-1], "...")
		value, err := url.PathUnescape(value)
		if err != nil || value == "" || !(last && p.rest) && !simple(name, value) {
			return nil, false
		}
		vars[name] = value
	}
	return vars, true
}

// simple reports whether value can be one segment: no slash that was escaped,
// and no custom verb that the route does not have. Only domain-scoped project
// ids ("example.com:project") hold a colon.
func simple(name, value string) bool {
	return !strings.Contains(value, "/") && (name == "project" || !strings.Contains(value, ":"))
}
