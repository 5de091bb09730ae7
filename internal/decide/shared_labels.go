package decide

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// letsMoreIn reports whether a judgement without labels grants access, at a backend service,
// to somebody that the rule of a service behind it does not name once its labels count, and
// who gets in there by that. A public service lets them in already, and where IAP's agent may
// not invoke nobody gets in.
func (d *decider) letsMoreIn(p posture.Posture, plain judgement) bool {
	of := d.settingsOf(p)
	for _, f := range plain.findings {
		grant, ok := f.Change.(plan.GrantAccess)
		if !ok {
			continue
		}
		for _, backend := range p.Backends {
			if backend.AccessResource(p.ProjectNumber) == f.Resource && slices.ContainsFunc(backend.Members,
				func(member posture.Member) bool {
					theirs, _ := of(member.Target)
					within := theirs.AccessCondition.Always() || theirs.AccessCondition == posture.Condition(grant.Condition)
					named := !slices.ContainsFunc(grant.Members, func(m string) bool { return !posture.Includes(theirs.Access, m) })
					return !(named && within) && opensByIAP(p, plain, member)
				}) {
				return true
			}
		}
	}
	return false
}

// opensByIAP reports whether those who pass IAP before a service get in there, or may, and
// others do not.
func opensByIAP(p posture.Posture, plain judgement, member posture.Member) bool {
	if member.Missing {
		return false
	}
	part, own := p.Part(member.Target.Name())
	if own && !door.Private(part) || len(door.PublicInvokers(p, member.Invokers.Effective(p.ObservedAt))) > 0 {
		return false
	}
	return member.Invokers.Unread != "" || own && part.AgentInvokes() ||
		member.Invokers.Holds(posture.RoleInvoker, p.Agent()) || slices.ContainsFunc(plain.findings, func(f protection.Finding) bool {
		_, invokes := f.Change.(plan.GrantInvoker)
		return invokes && f.Resource == member.Target.Name()
	})
}
