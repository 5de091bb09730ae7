package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// InheritedPublicInvoker: the project's policy lets everybody invoke every
// service in it. Resource Manager says that it refuses such bindings; where one
// is there all the same, no step of ours on the service could close it.
// Source: cloudresourcemanager's discovery document, projects.setIamPolicy.
const InheritedPublicInvoker Code = "INHERITED_PUBLIC_INVOKER"

func InheritedInvokers(p posture.Posture, _ policy.Wanted) []Finding {
	var findings []Finding
	for _, role := range door.InvokingRoles {
		for _, member := range p.Project.Members(role) {
			if !slices.Contains(door.PublicMembers, member) {
				continue
			}
			findings = append(findings, Finding{
				Code: InheritedPublicInvoker, Severity: High, Effect: Blocks, Resource: "projects/" + p.Target.Project, Subject: role + " " + member,
				Why:    "the project's IAM policy gives " + role + " to " + member + ", who may so invoke every service in it",
				Remedy: "gcloud projects remove-iam-policy-binding " + p.Target.Project + " --member=" + member + " --role=" + role + " --all",
			})
		}
	}
	return findings
}
