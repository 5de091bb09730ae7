package event

import (
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// problem is the reason why the names in an entry cannot be used.
type problem struct {
	reason Reason
	why    string
}

func unreadable(format string, args ...any) *problem {
	return &problem{Unreadable, fmt.Sprintf(format, args...)}
}

// identities find, for each kind, the resource that an entry is about, and write
// it into the cause. On a problem they still write the names that are valid, so
// that explain can show them.
var identities = map[Kind]func(*entry, *Cause) *problem{
	RunServiceChanged:     runIdentity,
	RunServiceReady:       runIdentity,
	RunServiceDeleted:     runIdentity,
	RunIAMChanged:         runIdentity,
	BackendServiceChanged: computeIdentity,
	RoutingChanged:        routingIdentity,
	IAPPolicyChanged:      iapIdentity,
	IAPSettingsChanged:    iapIdentity,
	AuthorizationChanged:  authorizationIdentity,
	RunInstanceChanged:    instanceIdentity,
	RoleChanged:           roleIdentity,
	APIDisabled:           disabledIdentity,
	ProjectIAMChanged:     projectIdentity,
}

// labelled writes the valid labels. It serves entries that are ignored anyway.
func labelled(e *entry, c *Cause) *problem {
	if s := e.Resource.Labels.ProjectID.s; posture.ValidProject(s) {
		c.Project = s
	}
	if s := firstOf(e.Resource.Labels.Location.s, e.Resource.Labels.Region.s); posture.ValidLocation(s) {
		c.Location = s
	}
	if s := e.Resource.Labels.ServiceName.s; posture.ValidService(s) {
		c.Service = s
	}
	if s := firstOf(e.Resource.Labels.BackendServiceName.s, e.Resource.Labels.BackendServiceID.s); validBackend(s) {
		c.BackendService = s
	}
	return nil
}

// grammar is the form of a kind of names, and what to call it.
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

// pick writes the first of the names that an entry has for one resource. Every
// name must be valid, and none may contradict another.
func (g grammar) pick(into *string, names ...string) *problem {
	for _, name := range names {
		switch {
		case name == "":
		case !g.valid(name):
			return unreadable("%s is not a valid %s", quote(name), g.what)
		case *into == "":
			*into = name
		case contradict(*into, name):
			return unreadable("contradictory names of the %s: %s and %s", g.what, quote(*into), quote(name))
		}
	}
	return nil
}

// contradict reports whether two valid names cannot name the same resource. An id
// and a number can, as far as this package knows.
func contradict(a, b string) bool { return a != b && isNumber(a) == isNumber(b) }

func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// path is a resource name split into its parts: "projects/p/global/…" has project
// p and location global.
type path struct {
	project, location, service, collection, name string
}

// parsePath reads the names that Google writes into resourceName and into
// requests, in every form seen. Unknown parts stay empty. It validates nothing.
func parsePath(s string) path {
	var n path
	if len(s) > 1024 {
		return path{project: s[:maxShown]} // too long for a name; pick refuses it
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

// projectOfLog is the project in a log's name, which Cloud Logging guarantees.
func projectOfLog(logName string) string {
	part := strings.SplitN(logName, "/", 3)
	if len(part) == 3 && part[0] == "projects" {
		return part[1]
	}
	return ""
}
