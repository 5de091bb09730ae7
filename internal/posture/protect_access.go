package posture

import (
	"slices"
	"strings"
)

// AccessorMissing: somebody whom the policy names cannot get through IAP.
const AccessorMissing Code = "ACCESSOR_MISSING"

// NoAccessor: nobody is known who could get in once IAP is on.
const NoAccessor Code = "NO_ACCESSOR"

// accessors wants every member that the policy names to have access, on each
// place, before IAP is turned on there.
func accessors(p Posture, want Wanted) []Finding {
	var findings []Finding
	for _, gate := range p.gates(want) {
		var missing []string
		for _, member := range want.Access {
			if !gate.lets(member, want.AccessIf) && !slices.Contains(missing, member) {
				missing = append(missing, member)
			}
		}
		if len(missing) > 0 {
			findings = append(findings, Finding{
				Code: AccessorMissing, Severity: Medium, Effect: Gap, Resource: gate.resource,
				Subject: strings.Join(missing, " "), Condition: want.AccessIf,
				Why: "the policy names who is to get in, and IAP does not let them in yet",
			})
		}
	}
	return findings
}

// accessKnown keeps IAP off where turning it on would shut everybody out.
func accessKnown(p Posture, want Wanted) []Finding {
	if want.NoneFor == NoneEnable || len(want.Access) > 0 {
		return nil
	}
	var findings []Finding
	for _, gate := range p.gates(want) {
		if gate.on || gate.letsAnybody() {
			continue
		}
		findings = append(findings, Finding{
			Code: NoAccessor, Severity: Medium, Effect: Waits, Resource: gate.resource,
			Why:    "nobody is known to have access through IAP, so turning it on would shut everybody out",
			Remedy: "name members under access in the policy, or run: " + gate.command + " --member=MEMBER",
		})
	}
	return findings
}

// guarded are the backends at which IAP is to be on: all that a frontend leads to.
func (p Posture) guarded() []Backend {
	return slices.DeleteFunc(slices.Clone(p.Backends), func(b Backend) bool { return len(b.Frontends) == 0 })
}

func (b Backend) regionFlag() string {
	if b.Location == Global {
		return ""
	}
	return " --region=" + b.Location
}
