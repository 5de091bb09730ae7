package event

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/iapguard/iapguard/internal/posture"
)

// problem is why an entry's names cannot be used.
type problem struct {
	reason Reason
	why    string
}

func unreadable(format string, args ...any) *problem {
	return &problem{Unreadable, fmt.Sprintf(format, args...)}
}

// identities finds, per kind, what an entry is about, and writes it into the
// cause. On a problem the names that are valid are written all the same, for
// telling.
var identities = map[Kind]func(*entry, *Cause) *problem{
	RunServiceChanged:     runIdentity,
	RunServiceReady:       runIdentity,
	RunServiceDeleted:     runIdentity,
	RunIAMChanged:         runIdentity,
	BackendServiceChanged: computeIdentity,
	RoutingChanged:        computeIdentity,
	IAPPolicyChanged:      iapIdentity,
	IAPSettingsChanged:    iapIdentity,
	APIDisabled:           disabledIdentity,
	ProjectIAMChanged:     projectIdentity,
}

// labelled is the identity of what is ignored anyway: valid labels.
func labelled(e *entry, c *Cause) *problem {
	if s := e.resource.project.s; posture.ValidProject(s) {
		c.Project = s
	}
	if s := firstOf(e.resource.location.s, e.resource.region.s); posture.ValidLocation(s) {
		c.Location = s
	}
	if s := e.resource.service.s; posture.ValidService(s) {
		c.Service = s
	}
	if s := firstOf(e.resource.backendName.s, e.resource.backendID.s); validBackend(s) {
		c.BackendService = s
	}
	return nil
}

// grammar is what a name must look like, and what it is called.
type grammar struct {
	what  string
	valid func(string) bool
}

var (
	projects  = grammar{"project", posture.ValidProject}
	locations = grammar{"location", posture.ValidLocation}
	services  = grammar{"service", posture.ValidService}
	backends  = grammar{"backend service", validBackend}
	resources = grammar{"resource", validBackend}
)

func validBackend(s string) bool { return posture.ValidCompute(s) || posture.ValidComputeID(s) }

// pick writes the first of the names that an entry has for one thing. Every
// one must be valid and none may contradict another.
func (g grammar) pick(into *string, names ...string) *problem {
	for _, name := range names {
		switch {
		case name == "":
		case !g.valid(name):
			return unreadable("%s is no valid %s", quote(name), g.what)
		case *into == "":
			*into = name
		case contradict(*into, name):
			return unreadable("contradictory names of the %s: %s and %s", g.what, quote(*into), quote(name))
		}
	}
	return nil
}

// contradict reports whether two valid names cannot be those of one thing. An
// id and a number can, as far as is known here.
func contradict(a, b string) bool { return a != b && isNumber(a) == isNumber(b) }

func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// path is a resource name cut into its collections: "projects/p/global/…" has
// project p and location global.
type path struct {
	project, location, service, collection, name string
}

// parsePath reads the names that Google writes into resourceName and into
// requests, of every form seen. What it does not know stays empty; nothing in
// it is validated.
func parsePath(s string) path {
	var n path
	if len(s) > 1024 {
		return path{project: s[:maxShown]} // no name is as long, and none is made of it
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https:"), "http:")
	if i := strings.Index(s, "projects/"); strings.HasPrefix(s, "//") && i > 0 {
		s = s[i:]
	}
	part := strings.Split(s, "/")
	for i := 0; i < len(part); i++ {
		value := ""
		if i+1 < len(part) {
			value = part[i+1]
		}
		switch part[i] {
		case "projects", "namespaces":
			n.project = value
		case "locations", "regions":
			n.location = value
		case "global":
			n.location = posture.Global
			continue
		case "services":
			n.service = value
		default:
			n.collection, n.name = part[i], value
		}
		i++
	}
	return n
}

// runIdentity finds a Cloud Run service.
//
// Labels come first: v1 names have no region, readiness events may be named
// after a revision, and the labels of SetIamPolicy lack the service.
func runIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.payload.resource.s)
	bad := projects.pick(&c.Project, e.resource.project.s, n.project)
	bad = orElse(bad, locations.pick(&c.Location, e.resource.location.s, n.location))
	bad = orElse(bad, services.pick(&c.Service, e.resource.service.s, n.service))
	if bad == nil && (c.Project == "" || c.Location == "" || c.Service == "") {
		bad = runFallback(e, c)
	}
	switch {
	case bad != nil:
		return bad
	case c.Project == "":
		return unreadable("no project is named")
	case c.Location == "":
		return unreadable("no location is named")
	case c.Service == "":
		return unreadable("no service is named")
	}
	return nil
}

// runFallback looks for what labels and resource name lack in the request, the
// response and the rest of the entry.
func runFallback(e *entry, c *Cause) *problem {
	request, response := e.payload.request, e.payload.response
	name := parsePath(firstOf(find(request, "name"), find(request, "resource"), find(request, "service", "name")))
	parent := parsePath(find(request, "parent"))
	fill := func(g grammar, into *string, names ...string) *problem {
		if *into != "" {
			return nil
		}
		return g.pick(into, firstOf(names...))
	}
	location := ""
	if e.payload.locations == 1 {
		location = e.payload.location.s
	}
	bad := fill(projects, &c.Project, name.project, parent.project, projectOfLog(e.logName.s))
	bad = orElse(bad, fill(locations, &c.Location, location, name.location, parent.location, find(request, "region"),
		find(response, "metadata", "labels", "cloud.googleapis.com/location")))
	return orElse(bad, fill(services, &c.Service, name.service, find(request, "service", "metadata", "name"),
		find(request, "serviceId"), find(request, "service_id"),
		find(response, "metadata", "labels", "serving.knative.dev/service")))
}

func orElse(first, then *problem) *problem {
	if first != nil {
		return first
	}
	return then
}

// projectOfLog is the project in a log's name, which Cloud Logging vouches for.
func projectOfLog(logName string) string {
	part := strings.SplitN(logName, "/", 3)
	if len(part) == 3 && part[0] == "projects" {
		return part[1]
	}
	return ""
}

// computeIdentity finds a load balancer's part. Its name stands in the
// resource name alone, its numeric id in the labels.
func computeIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.payload.resource.s)
	bad := projects.pick(&c.Project, e.resource.project.s, n.project, computeProject(e, n))
	bad = orElse(bad, locations.pick(&c.Location, firstOf(e.resource.location.s, e.resource.region.s), n.location))
	if bad != nil {
		return bad
	}
	name := n.name
	if e.collection() == "backendServices" {
		bad = backends.pick(&c.BackendService, n.name)
		bad = orElse(bad, fillBackend(c, e.resource.backendID.s))
		name = c.BackendService
	} else if name != "" {
		bad = resources.pick(new(string), name)
	}
	switch {
	case bad != nil:
		return bad
	case c.Project == "":
		return unreadable("no project is named")
	case name == "":
		return unreadable("no resource is named")
	case n.collection != "" && n.collection != e.collection():
		return unreadable("contradictory names: method %s of resource %s", quote(e.payload.method.s), quote(e.payload.resource.s))
	}
	if c.Location == "" && !strings.HasPrefix(e.payload.method.s, "region") {
		c.Location = e.scope()
	}
	if c.Location == "" {
		return unreadable("no location is named")
	}
	c.Resource = computeName(c, e.collection(), name)
	return nil
}

// computeProject is the last resort for a project.
func computeProject(e *entry, n path) string {
	if e.resource.project.s == "" && n.project == "" {
		return projectOfLog(e.logName.s)
	}
	return ""
}

func fillBackend(c *Cause, id string) *problem {
	if c.BackendService != "" || id == "" {
		return nil
	}
	return backends.pick(&c.BackendService, id)
}

// collection is the collection of a compute method as resource names have it:
// regionBackendServices and backendServices are both backendServices.
func (e *entry) collection() string {
	collection, _ := splitMethod(e.payload.method.s)
	for _, prefix := range []string{"region", "global"} {
		if rest, ok := strings.CutPrefix(collection, prefix); ok && rest != "" {
			return strings.ToLower(rest[:1]) + rest[1:]
		}
	}
	return collection
}

// scope is global for a method that only global resources have, else "".
func (e *entry) scope() string {
	collection, _ := splitMethod(e.payload.method.s)
	switch collection {
	case "backendServices", "urlMaps", "targetHttpProxies", "targetHttpsProxies", "globalForwardingRules", "globalNetworkEndpointGroups":
		return posture.Global
	}
	return ""
}

// computeName is the resource name made of what was validated.
func computeName(c *Cause, collection, name string) string {
	scope := "regions/" + c.Location
	if c.Location == posture.Global {
		scope = posture.Global
	}
	return "projects/" + c.Project + "/" + scope + "/" + collection + "/" + name
}

// disabledIdentity finds the project in which iap.googleapis.com was disabled.
// In which half of the pair the API's name stands is *unverified*: the request,
// the resource name and the permissions are asked.
func disabledIdentity(e *entry, c *Cause) *problem {
	name := firstOf(find(e.payload.request, "name"), e.payload.resource.s, permissionResource(e.payload.authorization))
	n := parsePath(name)
	api := firstOf(find(e.payload.request, "serviceName"), n.service)
	bad := projects.pick(&c.Project, e.resource.project.s, n.project)
	switch {
	case api != "" && api != "iap.googleapis.com":
		return &problem{Unrelated, fmt.Sprintf("the API %s is no part of the protection", quote(api))}
	case bad != nil:
		return bad
	case api == "":
		return unreadable("no API is named")
	case c.Project == "":
		return unreadable("no project is named")
	}
	return nil
}

// permissionResource is the first resource that authorizationInfo names with a
// service.
func permissionResource(authorization jsontext.Value) string {
	found := ""
	r := newReader(authorization)
	defer r.release()
	_ = r.elements(func() error { // it was read once: it is valid
		var resource text
		err := r.object(func(name []byte) error {
			if string(name) == "resource" {
				return r.text(&resource)
			}
			return r.skip()
		})
		if found == "" && strings.Contains(resource.s, "/services/") {
			found = resource.s
		}
		return err
	})
	return found
}
