package posture

import "regexp"

// Role is what a custom role lets its members do, as far as it decides who gets in.
// Nothing of a role that is deleted or disabled has effect. Sources:
// iam/docs/reference/rest/v1/projects.roles/delete, and iam's discovery document,
// Role.stage.
type Role struct {
	Invokes          bool // run.routes.invoke
	InvokesInstances bool // run.instances.invoke
	PassesIAP        bool // iap.webServiceVersions.accessViaIAP
	// Administers is true where its members can give themselves the right to invoke.
	Administers bool
	Unread      string // why it is not known what it contains; "" = it is
}

var customRole = regexp.MustCompile(`^(projects|organizations)/[a-z0-9.:-]+/roles/[a-zA-Z0-9_.]{3,64}$`)

// IsCustomRole reports whether a role's name is that of a project's or an
// organization's own role. Source: iam/docs/reference/rest/v1/projects.roles, Role.name.
func IsCustomRole(name string) bool { return customRole.MatchString(name) }
