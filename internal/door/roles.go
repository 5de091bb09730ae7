package door

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// allUsers stands for everybody.
const allUsers = "allUsers"

// PublicMembers are the IAM members that stand for people nobody named: everybody,
// everybody with a Google account, and everybody with one at Gmail, which IAM knows
// under either name of the domain.
var PublicMembers = []string{allUsers, "allAuthenticatedUsers", "domain:gmail.com", "domain:googlemail.com"}

// Knowledge is an answer that may not be known.
type Knowledge string

// The answers.
const (
	Yes     Knowledge = "yes"
	No      Knowledge = "no"
	Unknown Knowledge = "unknown"
)

// The roles that are known to contain run.routes.invoke, or not to. Source:
// the predefined roles as the IAM API listed them on 2026-08-22 (data set
// iann0036/iam-dataset). A role is harmless only if its members can neither
// invoke a service, nor give themselves that right, nor get into its container:
// so roles/iam.securityAdmin and roles/run.sshReader are not.
var (
	invokingRoles = []string{
		posture.RoleInvoker, servicesInvoker, "roles/run.admin", "roles/run.developer", "roles/run.editor",
		"roles/run.sourceDeveloper", "roles/editor", "roles/owner",
		"roles/cloudfunctions.admin", "roles/cloudfunctions.developer", "roles/cloudfunctions.editor",
		"roles/firebase.admin", "roles/firebase.developAdmin",
		"roles/iam.dataScientist", "roles/iam.devOps", "roles/iam.mlEngineer",
	}
	harmlessRoles = []string{
		posture.RoleAccessor, "roles/run.viewer", "roles/run.sourceViewer", "roles/viewer", "roles/browser",
		"roles/cloudfunctions.viewer", "roles/firebase.viewer", "roles/firebase.developViewer",
		"roles/iam.securityReviewer", "roles/iam.securityAuditor", "roles/iam.supportUser",
		"roles/resourcemanager.tagUser", "roles/resourcemanager.tagViewer",
	}
)

// RoleInvokes reports whether a role lets its members invoke the service. A public
// member counts as an invoker unless the answer is No.
func RoleInvokes(p posture.Posture, role string) Knowledge {
	switch custom, read := readRole(p, role); {
	case role == servicesInvoker && p.Target.Instance:
		return No
	case slices.Contains(invokingRoles, role):
		return Yes
	case slices.Contains(harmlessRoles, role):
		return No
	case !read:
		return Unknown
	case custom.Invokes && !p.Target.Instance || custom.InvokesInstances && p.Target.Instance:
		return Yes
	case custom.Administers:
		return Unknown
	}
	return No
}

// servicesInvoker invokes services and not instances, which need run.instances.invoke
// (the same data set).
const servicesInvoker = "roles/run.servicesInvoker"

// readRole is a custom role, where it is known what it contains.
func readRole(p posture.Posture, role string) (found posture.Role, read bool) {
	found, read = p.Roles[role]
	return found, read && found.Unread == ""
}

// unreadRole is why it is not known what a role contains, "" where it is, and for
// Google's own roles.
func unreadRole(p posture.Posture, role string) string {
	if strings.HasPrefix(role, "roles/") {
		return ""
	}
	found, there := p.Roles[role]
	if !there {
		return "what the custom role " + posture.Shown(role) + " contains is not read"
	}
	return found.Unread
}

// OnlyInvokes reports whether a role gives its members nothing but the right to
// invoke.
func OnlyInvokes(role string) bool {
	return role == posture.RoleInvoker || role == servicesInvoker
}

// passesIAP reports whether a role may let its members through IAP. Of the
// predefined roles one contains iap.webServiceVersions.accessViaIAP (the same
// data set); a custom role that is not read may.
func passesIAP(p posture.Posture, role string) bool {
	if custom, read := readRole(p, role); read {
		return custom.PassesIAP
	}
	return role == posture.RoleAccessor || !strings.HasPrefix(role, "roles/")
}

// Grant is a member in a role of a policy.
type Grant struct{ Role, Member string }

// PublicInvokers lists the public members that a policy may let invoke the service,
// with and without a condition, each role and member once.
func PublicInvokers(p posture.Posture, policy posture.Policy) []Grant {
	return membersIn(p, policy, mayInvoke, IsPublic)
}

// PublicAccessors lists the public members that a policy may let through IAP,
// with and without a condition, each role and member once.
func PublicAccessors(p posture.Posture, policy posture.Policy) []Grant {
	return membersIn(p, policy, passesIAP, IsPublic)
}

// Accessors lists the members that a policy may let through IAP, each role and member
// once.
func Accessors(p posture.Posture, policy posture.Policy) []Grant {
	return membersIn(p, policy, passesIAP, func(string) bool { return true })
}

// Invokers lists the members that a policy may let invoke the service, each role and
// member once.
func Invokers(p posture.Posture, policy posture.Policy) []Grant {
	return membersIn(p, policy, mayInvoke, func(string) bool { return true })
}

// IsPublic reports whether a member is one of PublicMembers.
func IsPublic(member string) bool { return slices.Contains(PublicMembers, member) }

func mayInvoke(p posture.Posture, role string) bool { return RoleInvokes(p, role) != No }

// counts reports whether members of a role count.
type counts func(p posture.Posture, role string) bool

// membersIn lists the members of roles that count, each role and member once.
func membersIn(p posture.Posture, policy posture.Policy, role counts, member func(string) bool) []Grant {
	var found []Grant
	for _, binding := range policy.Bindings {
		if !role(p, binding.Role) {
			continue
		}
		for _, each := range binding.Members {
			if one := (Grant{binding.Role, each}); member(each) && !slices.Contains(found, one) {
				found = append(found, one)
			}
		}
	}
	return found
}
