package posture

import (
	"fmt"
	"slices"
	"time"
)

// SharedBackend: one IAP switch serves services for which different things are
// wanted.
const SharedBackend Code = "SHARED_BACKEND"

// sharedBackends refuses to choose: turning IAP on for one service turns it on
// for every service behind the same backend service, with the same accessors.
func sharedBackends(p Posture, want Wanted) []Finding {
	if want.Of == nil || p.direct(want) {
		return nil
	}
	var findings []Finding
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if member.Target == p.Target || member.Missing {
				continue
			}
			if conflict := disagreement(p, want, backend, member.Target); conflict != "" {
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

// disagreement says why turning IAP on at the backend service is not wanted of
// another service behind it. A neighbour's age is not read: where its rule
// leaves older services alone it counts as one, until IAP is on anyway.
func disagreement(p Posture, want Wanted, backend Backend, other Target) string {
	theirs, inScope := want.Of(other)
	switch {
	case theirs.Undecided != "":
		return "cannot be told apart from others: " + theirs.Undecided
	case !inScope || theirs.Recipe == RecipeOff:
		return "the policy does not protect"
	case theirs.ExemptAt(p.ObservedAt):
		return fmt.Sprintf("is exempt until %s (%s, %s)", theirs.Exemption.Expires.Format(time.DateOnly), theirs.Exemption.Ticket, theirs.Exemption.Owner)
	case theirs.Hold != nil && want.Hold == nil && !backend.IAPOn:
		return "is held: " + theirs.Hold.Reason
	case theirs.Recipe == RecipeDirect:
		return "is to have IAP of its own"
	case theirs.Mode != want.Mode:
		return fmt.Sprintf("is in mode %s, not %s", theirs.Mode, want.Mode)
	case !sameMembers(theirs.Access, want.Access):
		return "is to have other accessors"
	case !backend.IAPOn && !theirs.Since.IsZero() && !theirs.Existing:
		return fmt.Sprintf("rule %s may leave alone, as created before %s", theirs.Rule, theirs.Since.Format(time.DateOnly))
	}
	return ""
}

func sameMembers(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}
