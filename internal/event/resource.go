package event

import (
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// authorizationIdentity finds the project of an authorization policy. Which forwarding
// rules it concerns does not follow from an entry about a deletion.
func authorizationIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	n := parsePath(firstOf(e.ProtoPayload.ResourceName.s, request.Name.s, request.AuthzPolicy.Name.s, request.Parent.s))
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project, projectOfLog(e.LogName.s))
	bad = orElse(bad, locations.pick(&c.Location, n.location, e.Resource.Labels.Location.s))
	switch {
	case bad != nil:
		return bad
	case c.Project == "":
		return unreadable("no project is named")
	case n.collection == "authzPolicies" && posture.ValidCompute(n.name) && c.Location != "":
		c.Resource = "projects/" + c.Project + "/locations/" + c.Location + "/authzPolicies/" + n.name
	}
	return nil
}

// instanceIdentity finds a Cloud Run instance. No such entry was recorded; it is expected
// where those of services have theirs (*unverified*).
func instanceIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	n := parsePath(firstOf(e.ProtoPayload.ResourceName.s, request.Name.s, request.Resource.s))
	parent, name := parsePath(request.Parent.s), ""
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project, parent.project, projectOfLog(e.LogName.s))
	bad = orElse(bad, locations.pick(&c.Location, e.Resource.Labels.Location.s, n.location, parent.location,
		e.ProtoPayload.ResourceLocation.CurrentLocations.s))
	if n.collection == "instances" {
		bad = orElse(bad, grammar{"instance", posture.ValidService}.pick(&name, n.name))
	}
	switch {
	case bad != nil:
		return bad
	case c.Project == "" || c.Location == "" || name == "":
		return unreadable("no instance is named")
	}
	c.Resource = posture.Target{Project: c.Project, Location: c.Location, Service: name, Instance: true}.Name()
	return nil
}

// roleID is the grammar of custom roles. Source: iam/docs/reference/rest/v1/projects.roles.
var roleID = regexp.MustCompile(`^[a-zA-Z0-9_.]{3,64}$`)

// roleIdentity finds the project of a custom role. A role of an organization may be
// bound in every project of it, and its cause names none.
func roleIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	name := firstOf(e.ProtoPayload.ResourceName.s, request.Name.s)
	if container, id, found := strings.Cut(name, "/roles/"); found && strings.HasPrefix(container, "organizations/") {
		bad := aboveIdentity(container, c)
		if bad == nil && !roleID.MatchString(id) {
			bad = unreadable("no role is named")
		}
		if bad == nil {
			c.Resource = name
		}
		return bad
	}
	n := parsePath(name)
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project)
	switch {
	case bad != nil:
		return bad
	case c.Project == "" || n.collection != "roles" || !roleID.MatchString(n.name):
		return unreadable("no role is named")
	}
	c.Resource = "projects/" + c.Project + "/roles/" + n.name
	return nil
}
