package protection

import (
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// InheritedPublicInvoker: the project's policy lets everybody invoke every
// service in it. Resource Manager says that it refuses such bindings; where one
// is there all the same, no step of ours on the service could close it.
// Source: cloudresourcemanager's discovery document, projects.setIamPolicy.
const InheritedPublicInvoker Code = "INHERITED_PUBLIC_INVOKER"

var _ = register(positionObstacle, inheritedInvokers, InheritedPublicInvoker)

// inheritedInvokers finds public members that the project's own policy may let
// invoke.
func inheritedInvokers(p posture.Posture, _ policy.Wanted) []Finding {
	var findings []Finding
	for _, public := range door.PublicInvokers(p, p.Project.Effective(p.ObservedAt)) {
		findings = append(findings, Finding{
			Code: InheritedPublicInvoker, Severity: High, Disposition: Blocks, Resource: "projects/" + p.Target.Project,
			Subject: public.Role + " " + public.Member,
			Why: "the project's IAM policy gives " + public.Role + " to " + public.Member +
				", who may so invoke every service in it",
			Remedy: command.RevokeProjectRole(p.Target.Project, public.Role, public.Member).String(),
		})
	}
	return findings
}
