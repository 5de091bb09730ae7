package protection

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// AccessorMissing: a member that the policy names cannot get through IAP.
const AccessorMissing Code = "ACCESSOR_MISSING"

// NoAccessor: nobody is known who could get in once IAP is on.
const NoAccessor Code = "NO_ACCESSOR"

var _ = register(positionAccess, accessors, AccessorMissing)

// accessors wants every member that the policy names to have access, on each
// place, before IAP is turned on there.
func accessors(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, iap := range iapResources(p, want) {
		if iap.settings.External() || iap.on && iapAPIOff(p) {
			continue // IAM does not decide who has access, or nobody knows who has
		}
		var missing []string
		for _, member := range want.Access {
			in := iap.lets(member, want.AccessCondition) || iap.shared && iap.letsEverybody()
			if !in && !slices.Contains(missing, member) {
				missing = append(missing, member)
			}
		}
		if len(missing) > 0 && iap.shared {
			findings = append(findings, Finding{
				Code: AccessorMissing, Severity: Medium, Disposition: Waits, Resource: iap.resource, Stops: closings(),
				Why: "the policy names who is to get in, and IAP at the forwarding rule does not let them in; a grant there " +
					"counts for everything behind the rule, so a person has to make it",
				Remedy: "for each of " + posture.Shown(strings.Join(missing, ", ")) + ": " + iap.grant.String(),
			})
		} else if len(missing) > 0 {
			findings = append(findings, Finding{
				Code: AccessorMissing, Severity: Medium, Disposition: Gap, Resource: iap.resource,
				Change: plan.GrantAccess{Role: posture.RoleAccessor, Members: missing,
					Condition: plan.Condition(want.AccessCondition)},
				Version: iap.version,
				Why:     "the policy names who is to get in, and IAP does not let them in yet",
			})
		}
	}
	return findings
}

var _ = register(positionAccess, accessKnown, NoAccessor)

// accessKnown keeps IAP off where turning it on would shut everybody out: nobody is
// named, or nobody of those who are can sign in.
func accessKnown(p posture.Posture, want policy.Wanted) []Finding {
	if want.NoneFor == policy.NoneEnable {
		return nil
	}
	var findings []Finding
	for _, iap := range iapResources(p, want) {
		if iap.on || iap.settings.External() || iap.letsAnybody(p.ObservedAt) || slices.ContainsFunc(want.Access, iap.settings.CanSignIn) {
			continue
		}
		f := Finding{
			Code: NoAccessor, Severity: Medium, Disposition: Waits, Resource: iap.resource, Stops: iap.stops,
			Why:    "nobody is known to have access through IAP, so turning it on would shut everybody out",
			Remedy: "name members under access in the policy, or run: " + iap.grant.String(),
		}
		if len(want.Access) > 0 {
			f.Why = "nobody whom the policy names can sign in at IAP as its settings are, so turning it on would shut everybody out"
			f.Remedy = "set accessSettings.identitySources, workforceIdentitySettings or allowedDomainsSettings in IAP's settings " +
				"of " + iap.resource + " (iap/docs/use-workforce-identity-federation), or name others under access"
		}
		findings = append(findings, f)
	}
	return findings
}
