package command

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// GrantServiceAccess lets a member through the service's own IAP. A zero
// condition always holds.
func GrantServiceAccess(t posture.Target, member string, condition posture.Condition) Command {
	c := onIAP("add-iam-policy-binding", iapResource{kind: cloudRun, region: t.Location, service: t.Service})
	return under(c.project(t.Project).flag("role", posture.RoleAccessor).flag("member", member), condition)
}

// GrantBackendAccess lets a member through the IAP of a backend service.
func GrantBackendAccess(b posture.Backend, member string, condition posture.Condition) Command {
	at := iapResource{kind: backendService, service: b.Name}
	if b.Location != posture.Global {
		at.region = b.Location
	}
	c := onIAP("add-iam-policy-binding", at).project(b.Project)
	return under(c.flag("role", posture.RoleAccessor).flag("member", member), condition)
}

// under adds the condition of a binding.
func under(c Command, condition posture.Condition) Command {
	if condition.Always() {
		return c
	}
	pairs := []pair{{"expression", condition.Expression}, {"title", condition.Title}}
	if condition.Description != "" {
		pairs = append(pairs, pair{"description", condition.Description})
	}
	return c.pairs("condition", pairs...)
}

// RevokeAccess takes a member out of a role, with and without conditions, in the
// policy of a resource of IAP's, a project, a folder or an organization: see
// posture.AccessPolicy.
func RevokeAccess(resource, project, role, member string) Command {
	at, ok := iapResourceOf(resource)
	switch {
	case posture.AboveProject(resource):
		return above(resource, "remove-iam-policy-binding").flag("member", member).flag("role", role).on("all")
	case !ok:
		return RevokeProjectRole(project, role, member)
	}
	return onIAP("remove-iam-policy-binding", at).project(project).
		flag("member", member).flag("role", role).on("all")
}

// GrantAccess lets a member through the IAP of a resource that has a policy of IAP's.
func GrantAccess(resource, project, member string) Command {
	at, _ := iapResourceOf(resource)
	return onIAP("add-iam-policy-binding", at).project(project).
		flag("role", posture.RoleAccessor).flag("member", member)
}

// DeleteAuthorizationPolicy deletes an authorization policy of a load balancer, which is
// projects/P/locations/L/authzPolicies/NAME. Only the beta track has the command (gcloud
// 528).
func DeleteAuthorizationPolicy(policy string) Command {
	part := strings.Split(policy, "/")
	if len(part) != 6 {
		part = make([]string, 6)
	}
	return gcloud("beta", "network-security", "authz-policies", "delete").named(part[5]).
		flag("location", part[3]).project(part[1])
}

// The types of resources that IAP guards, as gcloud spells them.
const (
	cloudRun       = "cloud-run"
	backendService = "backend-services"
	forwardingRule = "forwarding-rule"
)

// iapResource is a resource that has a policy of IAP's: a service, all services
// of a kind, in one region or global, or where kind is "" all that IAP guards in
// a project.
type iapResource struct{ kind, region, service string }

// iapResourceOf reads a name that IAP gives a resource.
// Source: iap/docs/managing-access.
func iapResourceOf(name string) (at iapResource, ok bool) {
	_, web, ok := strings.Cut(name, "/iap_web")
	kind, service, _ := strings.Cut(strings.TrimPrefix(web, "/"), "/services/")
	at.service = service
	if region, found := strings.CutPrefix(kind, "cloud_run-"); found {
		at.kind, at.region = cloudRun, region
	} else if region, found := strings.CutPrefix(kind, "forwarding_rule"); found {
		at.kind, at.region = forwardingRule, strings.TrimPrefix(region, "-")
	} else if kind != "" {
		at.kind = backendService
		at.region, _ = strings.CutPrefix(strings.TrimPrefix(kind, "compute"), "-")
	}
	return at, ok
}

// onIAP begins a command for a policy of IAP's. Only the beta track takes the
// type of Cloud Run services (gcloud 528).
func onIAP(verb string, at iapResource) Command {
	c := gcloud("iap", "web", verb)
	if at.kind == cloudRun {
		c = gcloud("beta", "iap", "web", verb)
	}
	for _, f := range []pair{{"resource-type", at.kind}, {"service", at.service}, {"region", at.region}} {
		if f.value != "" {
			c = c.flag(f.key, f.value)
		}
	}
	return c
}
