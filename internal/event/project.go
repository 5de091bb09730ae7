package event

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// projectIdentity finds the project whose IAM policy changed, if the change
// touches who may invoke: the invoker role, or the IAP service agent.
//
// The binding deltas of serviceData tell exactly what changed. Without them the
// policy that was written is all there is; a removal cannot be seen in it.
func projectIdentity(e *entry, c *Cause) *problem {
	name := firstOf(e.payload.resource.s, find(e.payload.request, "resource"))
	kind := e.resource.kind.s
	if kind == "folder" || kind == "organization" || strings.HasPrefix(name, "folders/") || strings.HasPrefix(name, "organizations/") {
		return &problem{OutOfScope, "a folder's or an organisation's policy, not a project's"}
	}
	n := parsePath(name)
	if !strings.Contains(name, "/") {
		n.project = name // request.resource is a bare id
	}
	bad := projects.pick(&c.Project, e.resource.project.s, n.project)
	deltas, known := touchesInvoker(e.payload.serviceData, "policyDelta", "bindingDeltas")
	policy := false
	if !known {
		policy, known = touchesInvoker(e.payload.request, "policy", "bindings")
	}
	switch {
	case !known:
		return &problem{Unrelated, "a project policy that does not say which bindings changed"}
	case !deltas && !policy:
		return &problem{Unrelated, "a project policy, but neither the invoker role nor the IAP service agent"}
	case bad != nil:
		return bad
	case c.Project == "":
		return unreadable("no project is named")
	}
	return nil
}

// touchesInvoker reports whether the bindings, or binding deltas, at a path
// name the invoker role or the IAP service agent, and whether there are any.
func touchesInvoker(v jsontext.Value, outer, inner string) (touches, known bool) {
	if kindOf(v) != '{' {
		return false, false
	}
	r := newReader(v)
	defer r.release()
	binding := func(name []byte) error {
		switch string(name) {
		case "role", "member":
			var s text
			err := r.text(&s)
			touches = touches || isInvoker(s.s)
			return err
		case "members":
			return r.elements(func() error {
				var s text
				err := r.text(&s)
				touches = touches || isInvoker(s.s)
				return err
			})
		}
		return r.skip()
	}
	list := func(name []byte) error {
		if string(name) != inner {
			return r.skip()
		}
		known = true
		return r.elements(func() error { return r.object(binding) })
	}
	err := r.object(func(name []byte) error {
		if string(name) != outer {
			return r.skip()
		}
		return r.object(list)
	})
	return touches && err == nil, known && err == nil
}

// IAPAgentSuffix ends the e-mail address of every project's IAP service agent.
// Source: iap/docs/enabling-cloud-run.
const IAPAgentSuffix = "@gcp-sa-iap.iam.gserviceaccount.com"

// InvokerRoles are the roles whose bindings in a project decide who may invoke
// its services. That roles/run.servicesInvoker is one of them is *unverified*.
func InvokerRoles() []string { return []string{"roles/run.invoker", "roles/run.servicesInvoker"} }

// isInvoker recognises the roles that let invoke a service, and the IAP service
// agent.
func isInvoker(s string) bool {
	return slices.Contains(InvokerRoles(), s) || strings.HasSuffix(s, IAPAgentSuffix)
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
