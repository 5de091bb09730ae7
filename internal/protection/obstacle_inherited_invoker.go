package protection

import (
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// InheritedPublicInvoker: the policy of the project, or of what is above it, lets everybody
// invoke every service in it. Resource Manager says that it refuses such bindings; where one
// is there all the same, no step of ours on the service could close it.
// Source: cloudresourcemanager's discovery document, projects.setIamPolicy.
const InheritedPublicInvoker Code = "INHERITED_PUBLIC_INVOKER"

var _ = register(positionObstacle, inheritedInvokers, InheritedPublicInvoker)

// inheritedInvokers finds public members that the policy of the project, or of what is
// above it, may let invoke.
func inheritedInvokers(p posture.Posture, _ policy.Wanted) []Finding {
	var findings []Finding
	for _, at := range policiesAbove(p) {
		for _, public := range door.PublicInvokers(p, at.Policy.Effective(p.ObservedAt)) {
			findings = append(findings, Finding{
				Code: InheritedPublicInvoker, Severity: High, Disposition: Blocks, Resource: at.Resource,
				Subject: public.Role + " " + public.Member,
				Why: "the IAM policy of " + at.Resource + " gives " + public.Role + " to " + public.Member +
					", who may so invoke every service in it",
				Remedy: command.RevokeAccess(at.Resource, p.Target.Project, public.Role, public.Member).String(),
			})
		}
	}
	return findings
}

// policiesAbove are the policies of the project, of the folders above it and of its
// organization.
func policiesAbove(p posture.Posture) []posture.AccessPolicy {
	project := posture.AccessPolicy{Resource: "projects/" + p.Target.Project, Policy: p.Project}
	return append([]posture.AccessPolicy{project}, p.Above...)
}
