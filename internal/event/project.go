package event

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// projectIdentity finds the project whose IAM policy changed, or the folder or
// organization, if the change concerns who gets in: a role of EntryRoles, or the IAP
// service agent.
//
// The binding deltas of serviceData are the change. An entry without them has only
// the policy that was written, which does not show removals.
func projectIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	name := firstOf(e.ProtoPayload.ResourceName.s, request.Resource.s)
	n := parsePath(name)
	if !strings.Contains(name, "/") {
		n.project = name // request.resource is a bare id
	}
	var bad *problem
	if posture.AboveProject(name) {
		bad = aboveIdentity(name, c)
	} else {
		bad = projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project)
	}
	changed := e.ProtoPayload.serviceData().PolicyDelta.BindingDeltas
	if !changed.present {
		changed = request.Policy.Bindings
	}
	switch {
	case !changed.present:
		return &problem{Unrelated, "a policy without the bindings that changed"}
	case !changed.entry:
		return &problem{Unrelated, "a policy, but no role changed that lets in, nor the IAP service agent"}
	case bad != nil:
		return bad
	case c.Project == "" && c.Resource == "":
		return unreadable("no project is named")
	}
	return nil
}

// IAPAgentSuffix ends the e-mail address of every project's IAP service agent.
// Source: iap/docs/enabling-cloud-run.
const IAPAgentSuffix = "@gcp-sa-iap.iam.gserviceaccount.com"

// EntryRoles are the roles whose bindings in a project, a folder or an organization decide
// who may invoke the services in it, or who passes IAP. That roles/run.servicesInvoker is
// one of them is *unverified*.
func EntryRoles() []string {
	return []string{posture.RoleInvoker, "roles/run.servicesInvoker", posture.RoleAccessor}
}

// decidesEntry recognises the roles of EntryRoles and the IAP service agent.
func decidesEntry(s string) bool {
	return slices.Contains(EntryRoles(), s) || strings.HasSuffix(s, IAPAgentSuffix)
}

// aboveIdentity takes the name of a folder or an organization. The cause names no project:
// it concerns all that are below.
func aboveIdentity(name string, c *Cause) *problem {
	if _, number, _ := strings.Cut(name, "/"); !posture.ValidProjectNumber(number) {
		return unreadable("%s is not a valid name of a folder or an organisation", quote(name))
	}
	c.Project, c.Resource = "", name
	return nil
}

// disabledIdentity finds the project in which iap.googleapis.com was disabled.
// Which half of the operation names the API is *unverified*, so the request, the
// resource name and the permissions are searched.
func disabledIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	n := parsePath(firstOf(request.Name.s, e.ProtoPayload.ResourceName.s, e.ProtoPayload.permissions().service))
	api := firstOf(request.ServiceName.s, n.service)
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project)
	switch {
	case api != "" && api != iapAPI:
		return &problem{Unrelated, fmt.Sprintf("the API %s is not part of the protection", quote(api))}
	case bad != nil:
		return bad
	case api == "":
		return unreadable("no API is named")
	case c.Project == "":
		return unreadable("no project is named")
	}
	return nil
}
