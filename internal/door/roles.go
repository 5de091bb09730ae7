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

// RoleInvokes reports whether a role lets its members invoke a service. A public
// member counts as an invoker unless the answer is No.
func RoleInvokes(role string) Knowledge {
	switch {
	case slices.Contains(invokingRoles, role):
		return Yes
	case slices.Contains(harmlessRoles, role):
		return No
	}
	return Unknown
}

// OnlyInvokes reports whether a role gives its members nothing but the right to
// invoke.
func OnlyInvokes(role string) bool {
	return role == posture.RoleInvoker || role == servicesInvoker
}

// passesIAP reports whether a role may let its members through IAP. Of the
// predefined roles one contains iap.webServiceVersions.accessViaIAP (the same
// data set); a custom role may.
func passesIAP(role string) bool {
	return role == posture.RoleAccessor || !strings.HasPrefix(role, "roles/")
}

// Grant is a member in a role of a policy.
type Grant struct{ Role, Member string }

// PublicInvokers lists the public members that a policy may let invoke services,
// with and without a condition, each role and member once.
func PublicInvokers(policy posture.Policy) []Grant {
	return membersIn(policy, mayInvoke, IsPublic)
}

// PublicAccessors lists the public members that a policy may let through IAP,
// with and without a condition, each role and member once.
func PublicAccessors(policy posture.Policy) []Grant {
	return membersIn(policy, passesIAP, IsPublic)
}

// Accessors lists the members that a policy may let through IAP, each role and member
// once.
func Accessors(policy posture.Policy) []Grant {
	return membersIn(policy, passesIAP, func(string) bool { return true })
}

// Invokers lists the members that a policy may let invoke services, each role and member
// once.
func Invokers(policy posture.Policy) []Grant {
	return membersIn(policy, mayInvoke, func(string) bool { return true })
}

// IsPublic reports whether a member is one of PublicMembers.
func IsPublic(member string) bool { return slices.Contains(PublicMembers, member) }

func mayInvoke(role string) bool { return RoleInvokes(role) != No }

// servicesInvoker invokes services and not instances, which need run.instances.invoke
// (the same data set).
const servicesInvoker = "roles/run.servicesInvoker"

func mayInvokeInstance(role string) bool { return role != servicesInvoker && mayInvoke(role) }

// membersIn lists the members of roles that count, each role and member once.
func membersIn(policy posture.Policy, role, member func(string) bool) []Grant {
	var found []Grant
	for _, binding := range policy.Bindings {
		for _, each := range binding.Members {
			if one := (Grant{binding.Role, each}); member(each) && role(binding.Role) && !slices.Contains(found, one) {
				found = append(found, one)
			}
		}
	}
	return found
}
