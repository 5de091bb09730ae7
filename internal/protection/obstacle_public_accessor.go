package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// PublicAccessor: IAP lets in people who are not named anywhere, so the service is
// open to all of them once IAP's agent may invoke it.
// Source: iap/docs/managing-access, "Public access".
const PublicAccessor Code = "PUBLIC_ACCESSOR"

var _ = register(positionObstacle, publicAccessors, PublicAccessor)

// letsAgentIn are the operations by which strangers come to the service through an IAP that
// lets them in: until the agent exists nobody passes, and until it may invoke, only where
// everybody may. The last two turn IAP on.
var letsAgentIn = anywhere(opProvision, opGrant, opIAP, opDirect)

// publicAccessors looks at each IAP that is on, and at each that the policy wants on.
// From the policy of the backend service or the service itself the public is taken
// away. At a forwarding rule and above a person must do that, since other services are
// concerned. Until then the agent's grant stops: with it, strangers get in through IAP. So
// does IAP itself, which may replace a check that keeps them out.
func publicAccessors(p posture.Posture, want policy.Wanted) []Finding {
	var policies, atRules []posture.AccessPolicy
	if p.Service.IAPOn || policy.Direct(p, want) {
		policies = append(policies, p.DirectAccessPolicies()...)
	}
	for _, backend := range p.Reached() {
		if backend.IAPOn || !policy.Direct(p, want) {
			policies = append(policies, p.AccessPolicies(backend)...)
		}
	}
	for _, backend := range p.Backends {
		for _, frontend := range backend.RulesWithIAP() {
			atRules = append(atRules, p.RuleAccessPolicies(frontend)...)
		}
	}
	var findings []Finding
	for i, at := range append(policies, atRules...) {
		stops := letsAgentIn
		if i >= len(policies) {
			stops = stops[:2] // IAP is on there
		}
		for _, public := range door.PublicAccessors(p, at.Policy.Effective(p.ObservedAt)) {
			f := publicAccessor(p, at, public)
			f.Stops = stops
			if ownPolicy(p, at.Resource) && !want.KeepAccessors {
				findings = revoked(findings, f, public, at.Policy.Version)
			} else if !slices.ContainsFunc(findings, f.same) {
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// revoked adds a finding whose gap a step closes, one for each role of a policy.
func revoked(findings []Finding, f Finding, public door.Grant, version string) []Finding {
	for i, earlier := range findings {
		change, made := earlier.Change.(plan.RevokeAccess)
		if made && earlier.Resource == f.Resource && change.Role == public.Role {
			change.Members = append(slices.Clone(change.Members), public.Member)
			findings[i].Change = change
			return findings
		}
	}
	f.Disposition, f.Remedy, f.Version, f.Stops = Gap, "", version, nil
	f.Change = plan.RevokeAccess{Role: public.Role, Members: []string{public.Member}}
	return append(findings, f)
}

// ownPolicy reports whether IAP's policy of a resource concerns the service or its
// backend services alone.
func ownPolicy(p posture.Posture, resource string) bool {
	return resource == p.Target.AccessResource(p.ProjectNumber) || slices.ContainsFunc(p.Backends,
		func(b posture.Backend) bool { return resource == b.AccessResource(p.ProjectNumber) })
}

// same reports whether two findings are about one binding.
func (f Finding) same(other Finding) bool {
	return f.Code == other.Code && f.Resource == other.Resource && f.Subject == other.Subject
}

func publicAccessor(p posture.Posture, at posture.AccessPolicy, public door.Grant) Finding {
	who := "everybody"
	if public.Member != door.PublicMembers[0] {
		who = "any Google account"
	}
	return Finding{
		Code: PublicAccessor, Severity: High, Disposition: Blocks, Resource: at.Resource,
		Subject: public.Role + " " + public.Member,
		Why:     "IAP lets " + who + " in: " + public.Member + " has " + public.Role + " at " + at.Resource,
		Remedy: command.RevokeAccess(at.Resource, p.ProjectOf(at.Resource), public.Role, public.Member).String() +
			", and name those who are to get in under access in the policy",
	}
}
