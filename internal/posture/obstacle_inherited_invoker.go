package posture

import "slices"

// InheritedPublicInvoker: the project's policy lets everybody invoke every
// service in it. Resource Manager says that it refuses such bindings; where one
// is there all the same, no step of ours on the service could close it.
// Source: cloudresourcemanager's discovery document, projects.setIamPolicy.
const InheritedPublicInvoker Code = "INHERITED_PUBLIC_INVOKER"

func inheritedInvokers(p Posture, _ Wanted) []Finding {
	var findings []Finding
	for _, role := range invokingRoles {
		for _, member := range p.Project.Members(role) {
			if !slices.Contains(publicMembers, member) {
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
