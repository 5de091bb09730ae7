package event

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// computeIdentity finds a part of a load balancer. The resource name has its
// name, and the labels have its numeric id.
func computeIdentity(e *entry, c *Cause) *problem {
	n := parsePath(e.ProtoPayload.ResourceName.s)
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project, computeProject(e, n))
	labels := &e.Resource.Labels
	bad = orElse(bad, locations.pick(&c.Location, firstOf(labels.Location.s, labels.Region.s), n.location))
	if bad != nil {
		return bad
	}
	name := n.name
	if e.collection() == "backendServices" {
		bad = backends.pick(&c.BackendService, n.name)
		bad = orElse(bad, fillBackend(c, e.Resource.Labels.BackendServiceID.s))
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
		return unreadable("contradictory names: method %s of resource %s",
			quote(e.ProtoPayload.MethodName.s), quote(e.ProtoPayload.ResourceName.s))
	}
	if c.Location == "" && !strings.HasPrefix(e.ProtoPayload.MethodName.s, "region") {
		c.Location = e.scope()
	}
	if c.Location == "" {
		return unreadable("no location is named")
	}
	c.Resource = computeName(c, e.collection(), name)
	return nil
}

// computeProject is the project of the log, for an entry that has no other.
func computeProject(e *entry, n path) string {
	if e.Resource.Labels.ProjectID.s == "" && n.project == "" {
		return projectOfLog(e.LogName.s)
	}
	return ""
}

func fillBackend(c *Cause, id string) *problem {
	if c.BackendService != "" || id == "" {
		return nil
	}
	return backends.pick(&c.BackendService, id)
}

// collection is the collection of a Compute method in the form of resource names:
// backendServices for both regionBackendServices and backendServices.
func (e *entry) collection() string {
	collection, _ := splitMethod(e.ProtoPayload.MethodName.s)
	for _, prefix := range []string{"region", "global"} {
		if rest, ok := strings.CutPrefix(collection, prefix); ok && rest != "" {
			return strings.ToLower(rest[:1]) + rest[1:]
		}
	}
	return collection
}

// scope is "global" for the methods of global resources, else "".
func (e *entry) scope() string {
	collection, _ := splitMethod(e.ProtoPayload.MethodName.s)
	switch collection {
	case "backendServices", "urlMaps", "targetHttpProxies", "targetHttpsProxies",
		"globalForwardingRules", "globalNetworkEndpointGroups":
		return posture.Global
	}
	return ""
}

// computeName builds a resource name from validated parts.
func computeName(c *Cause, collection, name string) string {
	scope := "regions/" + c.Location
	if c.Location == posture.Global {
		scope = posture.Global
	}
	return "projects/" + c.Project + "/" + scope + "/" + collection + "/" + name
}
