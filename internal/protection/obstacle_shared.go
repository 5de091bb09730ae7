package protection

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// SharedBackend: one IAP switch serves services for which different things are
// wanted.
const SharedBackend Code = "SHARED_BACKEND"

var _ = register(positionObstacle, sharedBackends, SharedBackend)

// sharedBackends refuses to choose: turning IAP on for one service turns it on
// for every service behind the same backend service, with the same accessors.
func sharedBackends(p posture.Posture, want policy.Wanted) []Finding {
	if want.SettingsOf == nil || policy.Direct(p, want) {
		return nil
	}
	var findings []Finding
	for _, backend := range p.Backends {
		if backend.Delegated() || len(backend.Frontends) == 0 {
			continue // nothing is switched there
		}
		for _, member := range backend.Members {
			if member.Target == p.Target || member.Missing {
				continue
			}
			if conflict, remedy := disagreement(p, want, backend, member); conflict != "" {
				findings = append(findings, Finding{
					Code: SharedBackend, Severity: High, Disposition: Blocks, Resource: backend.Resource(),
					Stops:   append(iapAt(p, backend), stop{opGrant, member.Target.Name()}),
					Subject: member.Target.Name(),
					Why:     fmt.Sprintf("it also serves %s, which %s", member.Target.Name(), conflict),
					Remedy:  cmp.Or(remedy, "give the two services backend services of their own, or the same rule of the policy"),
				})
			}
		}
	}
	return findings
}

// disagreement says why turning IAP on at the backend service is not wanted of
// another service behind it, and what a person can do where that is special.
// What is asked of the neighbour's service itself was read only while IAP is
// off. A time of creation that is not known counts as long ago.
func disagreement(p posture.Posture, want policy.Wanted, backend posture.Backend,
	member posture.Member) (why, remedy string) {
	theirs, inScope := want.SettingsOf(member.Target)
	switch {
	case theirs.Undecided != "":
		return "cannot be distinguished from others: " + theirs.Undecided, ""
	case !inScope || theirs.Recipe == policy.RecipeOff:
		return "the policy does not protect", ""
	case theirs.ExemptAt(p.ObservedAt):
		return theirs.Exemption.Describe(), ""
	case theirs.Hold != nil && want.Hold == nil && !backend.IAPOn:
		return "is held " + theirs.Hold.Describe(),
			"wait: the next event or sweep after the hold goes on; or: iapguard resume " + theirs.Hold.Scope.Name()
	case theirs.Recipe == policy.RecipeDirect:
		return "is to have IAP of its own", ""
	case member.IAPOn && !backend.IAPOn:
		return "has IAP of its own on, so that with IAP here too every request to it would end in 500 " +
				"(multiple_iap_policies)",
			"give it a backend service of its own, or let its owners turn its own IAP off"
	case theirs.Mode != want.Mode:
		return fmt.Sprintf("is in mode %s, not %s", theirs.Mode, want.Mode), ""
	case !sameMembers(theirs.Access, want.Access):
		return "is to have other accessors", ""
	case theirs.AccessCondition != want.AccessCondition:
		return "is to have its accessors under another condition", ""
	case !backend.IAPOn && backend.OAuthClient == "" && theirs.OAuthClient.ID != want.OAuthClient.ID:
		return "is to have another OAuth client", ""
	case !backend.IAPOn && !theirs.Existing && member.CreatedAt.Before(theirs.Since):
		return fmt.Sprintf("rule %s leaves alone, as created before %s", theirs.Rule, theirs.Since.Format(time.DateOnly)), ""
	}
	return "", ""
}

func sameMembers(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}
