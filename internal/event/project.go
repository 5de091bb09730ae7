package event

import (
	"fmt"
	"slices"
	"strings"
)

// projectIdentity finds the project whose IAM policy changed, if the change
// concerns invokers: an invoker role, or the IAP service agent.
//
// The binding deltas of serviceData are the change. An entry without them has only
// the policy that was written, which does not show removals.
func projectIdentity(e *entry, c *Cause) *problem {
	request := e.ProtoPayload.request()
	name := firstOf(e.ProtoPayload.ResourceName.s, request.Resource.s)
	kind := e.Resource.Type.s
	if kind == "folder" || kind == "organization" ||
		strings.HasPrefix(name, "folders/") || strings.HasPrefix(name, "organizations/") {
		return &problem{outOfScope, "the policy of a folder or an organisation, not of a project"}
	}
	n := parsePath(name)
	if !strings.Contains(name, "/") {
		n.project = name // request.resource is a bare id
	}
	bad := projects.pick(&c.Project, e.Resource.Labels.ProjectID.s, n.project)
	changed := e.ProtoPayload.serviceData().PolicyDelta.BindingDeltas
	if !changed.present {
		changed = request.Policy.Bindings
	}
	switch {
	case !changed.present:
		return &problem{Unrelated, "a project policy without the bindings that changed"}
	case !changed.invokers:
		return &problem{Unrelated, "a project policy, but neither an invoker role nor the IAP service agent"}
	case bad != nil:
		return bad
	case c.Project == "":
		return unreadable("no project is named")
	}
	return nil
}

// IAPAgentSuffix ends the e-mail address of every project's IAP service agent.
// Source: iap/docs/enabling-cloud-run.
const IAPAgentSuffix = "@gcp-sa-iap.iam.gserviceaccount.com"

// InvokerRoles are the roles whose bindings in a project decide who may invoke
// its services. That roles/run.servicesInvoker is one of them is *unverified*.
func InvokerRoles() []string { return []string{"roles/run.invoker", "roles/run.servicesInvoker"} }

// isInvoker recognises the invoker roles and the IAP service agent.
func isInvoker(s string) bool {
	return slices.Contains(InvokerRoles(), s) || strings.HasSuffix(s, IAPAgentSuffix)
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
