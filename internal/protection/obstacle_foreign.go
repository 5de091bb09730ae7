package protection

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// ForeignAccessor: somebody outside of access.domains gets in through IAP.
const ForeignAccessor Code = "FOREIGN_ACCESSOR"

// ForeignInvoker: somebody outside of access.domains may invoke the service.
const ForeignInvoker Code = "FOREIGN_INVOKER"

var _ = register(positionObstacle, foreignAccessors, ForeignAccessor)

// foreignAccessors names the outsiders in the policies of every IAP that is on. They
// are a person's to judge: nothing is taken from them.
func foreignAccessors(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, at := range p.IAPPolicies() {
		f, found := foreign(p, want, at, door.Accessors)
		if found && !slices.ContainsFunc(findings, f.same) {
			f.Code, f.Why = ForeignAccessor, "outside of access.domains, and let in by IAP: "+f.Why
			findings = append(findings, f)
		}
	}
	return findings
}

var _ = register(positionObstacle, foreignInvokers, ForeignInvoker)

// foreignInvokers names the outsiders who may invoke the service, by its own policy and
// by those of the folders and the organization.
func foreignInvokers(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, at := range append([]posture.AccessPolicy{{Resource: p.Target.Name(), Policy: p.Invokers}}, p.Above...) {
		if f, found := foreign(p, want, at, door.Invokers); found {
			f.Code, f.Why = ForeignInvoker, "outside of access.domains, and may invoke the service: "+f.Why
			findings = append(findings, f)
		}
	}
	return findings
}

// maxForeign bounds how many members one finding names.
const maxForeign = 10

func foreign(
	p posture.Posture, want policy.Wanted, at posture.AccessPolicy, in func(posture.Posture, posture.Policy) []door.Grant,
) (Finding, bool) {
	var members []string
	for _, one := range in(p, at.Policy.Effective(p.ObservedAt)) {
		if !door.IsPublic(one.Member) && want.Trust.Foreign(one.Member, p.Target.Project, p.ProjectNumber) &&
			!slices.Contains(members, posture.Shown(one.Member)) {
			members = append(members, posture.Shown(one.Member))
		}
	}
	if len(members) == 0 {
		return Finding{}, false
	}
	why := strings.Join(members[:min(len(members), maxForeign)], ", ")
	if more := len(members) - maxForeign; more > 0 {
		why += fmt.Sprintf(" and %d more", more)
	}
	return Finding{
		Severity: High, Disposition: Remarks, Resource: at.Resource, Why: why, Subject: strings.Join(members, " "),
		Remedy: "take them out of the policy of " + at.Resource + ", or name them under access.trusted of the rule",
	}, true
}
