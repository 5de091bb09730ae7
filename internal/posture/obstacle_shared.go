package posture

import (
	"fmt"
	"slices"
)

// SharedBackend: one IAP switch serves services for which different things are
// wanted.
const SharedBackend Code = "SHARED_BACKEND"

// sharedBackends refuses to choose: turning IAP on for one service turns it on
// for every service behind the same backend service, with the same accessors.
func sharedBackends(p Posture, want Wanted) []Finding {
	if want.Of == nil || p.Service.IAPOn {
		return nil
	}
	var findings []Finding
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if member.Target == p.Target || member.Missing {
				continue
			}
			if conflict := disagreement(want, member.Target); conflict != "" {
				findings = append(findings, Finding{
					Code: SharedBackend, Severity: High, Effect: Blocks, Resource: backend.Resource(),
					Subject: member.Target.Name(),
					Why:     fmt.Sprintf("it also serves %s, which %s", member.Target.Name(), conflict),
					Remedy:  "give the two services backend services of their own, or the same rule of the policy",
				})
			}
		}
	}
	return findings
}

func disagreement(want Wanted, other Target) string {
	theirs, inScope := want.Of(other)
	switch {
	case !inScope || theirs.Recipe == RecipeOff:
		return "the policy does not protect"
	case theirs.Mode != want.Mode:
		return fmt.Sprintf("is in mode %s, not %s", theirs.Mode, want.Mode)
	case !sameMembers(theirs.Access, want.Access):
		return "is to have other accessors"
	}
	return ""
}

func sameMembers(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}
