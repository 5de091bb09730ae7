package protection

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// PublicAccessor: IAP lets in people whom nobody named, so behind it the service
// is open to whom IAP's agent may invoke it for.
// Source: iap/docs/managing-access, "Public access".
const PublicAccessor Code = "PUBLIC_ACCESSOR"

var _ = register(placeObstacle, publicAccessors, PublicAccessor)

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
		Code: PublicAccessor, Severity: High, Effect: Blocks, Resource: resource, Subject: public.Role + " " + public.Member,
		Why: "IAP lets " + who + " in: " + public.Member + " has " + public.Role + " at " + resource,
		Remedy: removeAccessor(p, resource) + " --member=" + public.Member + " --role=" + public.Role + " --all" +
			", and name those who are to get in under access in the policy",
	}
}

// removeAccessor is the gcloud command that takes a member out of one of IAP's
// policies or the project's, without the member.
func removeAccessor(p posture.Posture, resource string) string {
	_, web, isIAP := strings.Cut(resource, "/iap_web")
	if !isIAP {
		return "gcloud projects remove-iam-policy-binding " + p.Target.Project
	}
	kind, service, _ := strings.Cut(strings.TrimPrefix(web, "/"), "/services/")
	track, flags := "", ""
	if region, regional := strings.CutPrefix(kind, "cloud_run-"); regional {
		track, flags = "beta ", " --resource-type=cloud-run --region="+region
	} else if kind != "" {
		flags = " --resource-type=backend-services"
		if region, regional := strings.CutPrefix(kind, "compute-"); regional {
			flags += " --region=" + region
		}
	}
	if service != "" {
		flags += " --service=" + service
	}
	return "gcloud " + track + "iap web remove-iam-policy-binding" + flags + " --project=" + p.Target.Project
}
