package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// PublicAccessor: IAP lets in people who are not named anywhere, so the service is
// open to all of them once IAP's agent may invoke it.
// Source: iap/docs/managing-access, "Public access".
const PublicAccessor Code = "PUBLIC_ACCESSOR"

var _ = register(positionObstacle, publicAccessors, PublicAccessor)

// publicAccessors stops every step, the agent's grant first: with it, strangers
// get in through IAP. It looks at each IAP that is on, and at each that the
// policy wants on.
func publicAccessors(p posture.Posture, want policy.Wanted) []Finding {
	var policies []posture.AccessPolicy
	if p.Service.IAPOn || policy.Direct(p, want) {
		policies = append(policies, p.DirectAccessPolicies()...)
	}
	for _, backend := range p.Reached() {
		if backend.IAPOn || !policy.Direct(p, want) {
			policies = append(policies, p.AccessPolicies(backend)...)
		}
	}
	var findings []Finding
	for _, at := range policies {
		for _, public := range door.PublicAccessors(at.Policy) {
			if f := publicAccessor(p, at.Resource, public); !slices.Contains(findings, f) {
				findings = append(findings, f)
			}
		}
	}
	return findings
}

func publicAccessor(p posture.Posture, resource string, public door.PublicBinding) Finding {
	who := "everybody"
	if public.Member != door.PublicMembers[0] {
		who = "any Google account"
	}
	return Finding{
		Code: PublicAccessor, Severity: High, Disposition: Blocks, Resource: resource, Subject: public.Role + " " + public.Member,
		Why: "IAP lets " + who + " in: " + public.Member + " has " + public.Role + " at " + resource,
		Remedy: command.RevokeAccess(resource, p.Target.Project, public.Role, public.Member).String() +
			", and name those who are to get in under access in the policy",
	}
}
