package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// guardedOnce reports whether a private service was behind IAP before, or was closed by us,
// so that a missing part of the protection is restored: that lets nobody in who was not let
// in before. The memory alone proves nothing, since others may be able to write it. What
// Cloud Run shows must agree: both parts of the protection that stand there, which only those
// who may change the service can make. Where one is missing, our own writes of the last 24
// hours must be in the audit log. IAP before the service proves nothing where its agent
// invokes by a grant of ours alone, or may do so by the rule.
func (d *decider) guardedOnce(p posture.Posture, settings policy.Settings) bool {
	behindIAP := settings.Private == policy.PrivateBehindIAP
	switch remembered := d.facts.Memory; {
	case settings.Private != policy.PrivateLeave && !behindIAP || !door.Private(p) || d.ownGrant(p):
		return false // nothing depends on it
	case door.GuardedByIAP(p) && (!behindIAP || d.closedByUs()):
		return true
	case remembered != nil && !behindIAP && !d.closedByUs() && remembered.GuardedSince.IsZero():
		return false
	case remembered != nil && (!behindIAP || d.closedByUs()) && p.AgentInvokes() &&
		p.Service.Ingress == posture.IngressInternalLoadBalancing:
		return true
	}
	writes, known := d.history()
	return known && slices.ContainsFunc(writes, func(w event.Write) bool {
		// A write to the IAM policy may have been the rule's own grant.
		ours := w.Kind == event.RunIAMChanged && !behindIAP || w.Kind == event.RunServiceChanged
		// What was written before it was created was written to another service of its name.
		ours = ours && !w.At.Before(p.Service.CreatedAt)
		return ours && d.wroteIt(w) && w.Service == p.Target.Service && w.Location == p.Target.Location
	})
}

// closes reports whether a write of ours closed a way in.
func closes(w memory.Write) bool {
	return slices.Contains([]string{string(revokePublic), string(requireInvoker), string(restrictIngress)}, w.Op)
}

// closedByUs reports whether the memory knows that we closed a way in, or turned IAP on
// before the service.
func (d *decider) closedByUs() bool {
	return d.facts.Memory != nil && slices.ContainsFunc(d.facts.Memory.Wrote, func(w memory.Write) bool {
		return closes(w) || w.Op == string(enableIAP) || w.Op == string(enableDirectIAP)
	})
}

// ownGrant reports whether IAP's agent invokes the service by a grant of ours that no
// protection followed, as the memory knows: the service was public for a moment, or the
// rule puts private services behind IAP.
func (d *decider) ownGrant(p posture.Posture) bool {
	if d.facts.Memory == nil || d.closedByUs() {
		return false
	}
	return slices.ContainsFunc(agentsGrants(p), func(at posture.Posture) bool {
		grant := plan.Step{Resource: at.Target.Name(),
			Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: p.Agent()}}
		granted := d.lastWrote(grant)
		return !granted.IsZero() && !d.reversedSince(grant, granted)
	})
}

// agentsGrants are the parts of a service, and the whole, whose own policies let IAP's agent
// invoke it.
func agentsGrants(p posture.Posture) []posture.Posture {
	return slices.DeleteFunc(append([]posture.Posture{p}, p.Parts()...),
		func(at posture.Posture) bool { return !at.Invokers.Holds(posture.RoleInvoker, p.Agent()) })
}

// ownGrantLogged asks the audit log where the memory knows of no grant of ours, and the
// rule wants none: a record may be lost, or forged.
func (d *decider) ownGrantLogged(p posture.Posture, want policy.Wanted) bool {
	if want.Private != policy.PrivateBehindIAP || want.GuardedOnce || d.closedByUs() || !door.ByNameOnly(p) ||
		len(agentsGrants(p)) == 0 || protection.OthersPass(p, want) == nil {
		return false
	}
	writes, known := d.history()
	return known && slices.ContainsFunc(writes, func(w event.Write) bool {
		return w.Kind == event.RunIAMChanged && d.wroteIt(w) && w.Service == p.Target.Service &&
			w.Location == p.Target.Location && w.Policy != nil && w.Policy.Holds(posture.RoleInvoker, p.Agent())
	})
}

// reversedSince reports whether we took a step back ourselves after a time, by a step of
// another kind.
func (d *decider) reversedSince(step plan.Step, at time.Time) bool {
	switch change := step.Change.(type) {
	case plan.GrantInvoker:
		step.Change = plan.WithdrawInvoker(change)
	case plan.WithdrawInvoker:
		step.Change = plan.GrantInvoker(change)
	default:
		return false
	}
	return d.lastWrote(step).After(at)
}
