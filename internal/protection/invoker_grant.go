package protection

import (
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// AgentNotInvoker: requests that IAP let through would end in Cloud Run's 403.
const AgentNotInvoker Code = "AGENT_NOT_INVOKER"

var _ = register(positionInvoker, invokerGrant, AgentNotInvoker)

// invokerGrant wants the agent to be an invoker, without a condition, of every
// service behind the backend services: IAP is switched for all of them at once. While
// IAP's API is off, nobody passes IAP.
func invokerGrant(p posture.Posture, want policy.Wanted) []Finding {
	if iapAPIOff(p) || door.InheritsInvoker(p) {
		return nil
	}
	var findings []Finding
	for _, member := range p.AllMembers() {
		if policy.Direct(p, want) && member.Target != p.Target {
			continue // IAP on this service concerns no other
		}
		if member.Target != p.Target && leftPrivate(p, want, member) {
			continue // to put a service behind a backend service takes no rights on it
		}
		if member.Missing || member.Invokers.Holds(posture.RoleInvoker, p.Agent()) {
			continue
		}
		findings = append(findings, Finding{
			Code: AgentNotInvoker, Severity: Medium, Disposition: Gap, Resource: member.Target.Name(),
			Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: p.Agent()}, Version: member.Invokers.Version,
			Why: "IAP sends requests on as its service agent, which must be allowed to invoke the service",
		})
	}
	return findings
}

// leftPrivate reports whether a neighbour has no public invoker, and its rule does not include
// private services, or somebody passes IAP here that its rule does not name. Its own look decides whether it was guarded before, and restores
// the grant then.
func leftPrivate(p posture.Posture, want policy.Wanted, neighbour posture.Member) bool {
	if want.SettingsOf == nil || neighbour.Invokers.Unread != "" ||
		len(door.PublicInvokers(p, neighbour.Invokers.Effective(p.ObservedAt))) > 0 {
		return false
	}
	theirs, inScope := want.SettingsOf(neighbour.Target)
	agents := policy.Wanted{Settings: theirs, OwnGrant: true} // it gets in by the grant
	return inScope && (theirs.Private != policy.PrivateInclude || othersPass(p, agents) != nil)
}
