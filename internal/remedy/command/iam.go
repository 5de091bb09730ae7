package command

import (
	"strings"
)

// GrantProjectRole gives a member a role in a project.
func GrantProjectRole(project, role, member string) Command {
	return gcloud("projects", "add-iam-policy-binding").named(project).flag("member", member).flag("role", role)
}

// RevokeProjectRole takes a member out of a role in a project, with and without
// conditions.
func RevokeProjectRole(project, role, member string) Command {
	return gcloud("projects", "remove-iam-policy-binding").named(project).
		flag("member", member).flag("role", role).on("all")
}

// GrantRoleAbove gives a member a role in a folder or an organization: folders/NUMBER or
// organizations/NUMBER.
func GrantRoleAbove(container, role, member string) Command {
	return above(container, "add-iam-policy-binding").flag("member", member).flag("role", role)
}

// above begins a command about the policy of a folder or an organization.
func above(container, verb string) Command {
	if number, ok := strings.CutPrefix(container, "organizations/"); ok {
		return gcloud("organizations", verb).named(number)
	}
	return gcloud("resource-manager", "folders", verb).named(strings.TrimPrefix(container, "folders/"))
}

// GrantAccountRole gives a member a role on a service account, whose e-mail
// address names its project: project is the one that gcloud asks for, "" = the
// configured one.
func GrantAccountRole(account, role, member, project string) Command {
	return gcloud("iam", "service-accounts", "add-iam-policy-binding").named(account).
		flag("member", member).flag("role", role).project(project)
}

// AddPermission adds a permission to a custom role of home, projects/P or
// organizations/NUMBER.
func AddPermission(role, permission, home string) Command {
	c := gcloud("iam", "roles", "update").named(role).flag("add-permissions", permission)
	if organization, ok := strings.CutPrefix(home, "organizations/"); ok {
		return c.flag("organization", organization)
	}
	return c.project(strings.TrimPrefix(home, "projects/"))
}
