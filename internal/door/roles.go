package door

import (
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
)

// basicRoles may invoke every service of a project. Source:
// iam/docs/roles-overview; that an editor may is *unverified*.
var basicRoles = []string{"roles/owner", "roles/editor"}

// PublicMembers are the two members that stand for people nobody named.
var PublicMembers = []string{"allUsers", "allAuthenticatedUsers"}

// InvokingRoles contain run.routes.invoke. Source: run/docs/reference/iam/roles.
var InvokingRoles = []string{posture.RoleInvoker, "roles/run.servicesInvoker", "roles/run.admin"}

// Invoking reports whether a role lets its members invoke a service.
func Invoking(role string) bool { return slices.Contains(InvokingRoles, role) }

// PublicIn lists the public members that a policy gives the role.
func PublicIn(policy posture.Policy, role string) []string {
	return slices.DeleteFunc(policy.Members(role), func(m string) bool { return !slices.Contains(PublicMembers, m) })
}

// Public reports whether a caller without credentials may invoke the service.
func Public(p posture.Posture) bool {
	return p.Service.InvokerCheckOff || slices.ContainsFunc(InvokingRoles, func(role string) bool {
		return len(PublicIn(p.Invokers, role)) > 0 || len(PublicIn(p.Project, role)) > 0
	})
}
