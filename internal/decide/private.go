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
	"github.com/iapguard/iapguard/internal/report"
)

// guardedOnce reports whether a private service was behind IAP before, or was closed by us,
// so that a missing part of the protection is restored: that lets nobody in who was not let
// in before. The memory alone proves nothing, since others may be able to write it. What
// Cloud Run shows must agree: both parts of the protection that stand there, which only those
// who may change the service can make. Where one is missing, our own writes of the last 24
// hours must be in the audit log. IAP before the service proves nothing where its agent
// invokes by a grant of ours alone, or may do so by the rule. A service that we took the public
// from stays public: see unpublished.
func (d *decider) guardedOnce(p posture.Posture, rule policy.Private) bool {
	byRule, guarded := rule != policy.PrivateLeave, d.guardedByUs(rule)
	switch remembered := d.facts.Memory; {
	case !door.Private(p) || d.ownGrant(p, rule):
		return false // nothing depends on it
	case door.GuardedByIAP(p) && (!byRule || guarded), d.unpublished(p):
		return true
	case remembered != nil && !byRule && !guarded && remembered.GuardedSince.IsZero():
		return false
	case remembered != nil && (!byRule || guarded) && p.AgentInvokes() &&
		p.Service.Ingress == posture.IngressInternalLoadBalancing:
		return true
	}
	logged, _ := d.closedInLog(p, rule)
	return logged
}

// closedInLog reports whether the audit log shows that we closed a service, and whether it
// was read.
func (d *decider) closedInLog(p posture.Posture, rule policy.Private) (closed, known bool) {
	writes, known := d.history()
	return known && slices.ContainsFunc(writes, func(w event.Write) bool { return d.closedBy(w, p, rule) }), known
}

// closedBy reports whether a write of ours shows that we closed a service: by its settings,
// or by an IAM policy that IAP's agent is in, and the public is not. Where the rule grants on
// private services too, the policy may have been such a grant; where it includes them, the recipe
// restricts their ingress before IAP is on, which shows nothing.
func (d *decider) closedBy(w event.Write, p posture.Posture, rule policy.Private) bool {
	if !d.wroteIt(w) || w.Service != p.Target.Service || w.Location != p.Target.Location {
		return false
	}
	if w.At.Before(p.Service.CreatedAt) {
		return false // it was written to another service of its name
	}
	if w.Kind == event.RunServiceChanged { // a redeploy closes nothing, and what was undone opens
		ingress := w.Settings["ingress"]
		restricted := rule != policy.PrivateInclude && ingress != "" && ingress != string(posture.IngressAll)
		return restricted || w.Settings["invokerIamDisabled"] == "false" || w.Settings["iapEnabled"] == "true"
	}
	if w.Kind != event.RunIAMChanged || rule != policy.PrivateLeave || w.Policy == nil ||
		!w.Policy.Holds(posture.RoleInvoker, p.Agent()) {
		return false
	}
	return !holdsPublic(*w.Policy)
}

// holdsPublic reports whether everybody is a member of a policy.
func holdsPublic(of posture.Policy) bool {
	return slices.ContainsFunc(of.Bindings,
		func(b posture.Binding) bool { return slices.ContainsFunc(b.Members, door.IsPublic) })
}

// closes reports whether a write of ours closed a way in.
func closes(w memory.Write) bool {
	return slices.Contains([]string{string(revokePublic), string(requireInvoker), string(restrictIngress)}, w.Op)
}

// closedByUs reports whether the memory knows that we closed a way in, or turned IAP on
// before the service.
func (d *decider) closedByUs() bool { return d.guardedByUs(policy.PrivateLeave) }

// guardedByUs is closedByUs under a rule. One that includes private services restricts their ingress too,
// before IAP is on: that shows nothing.
func (d *decider) guardedByUs(rule policy.Private) bool {
	return d.facts.Memory != nil && slices.ContainsFunc(d.facts.Memory.Wrote, func(w memory.Write) bool {
		if rule == policy.PrivateInclude && w.Op == string(restrictIngress) {
			return false
		}
		return closes(w) || w.Op == string(enableIAP) || w.Op == string(enableDirectIAP)
	})
}

// closed reports whether we closed a way to a private service: in this delivery, or as the
// audit log shows. Who may write the memory must not have the invokers shut out: a record
// counts only while the log cannot be read, and only where nobody else can have written it. It
// counts as far back as the log would, so that an older record which somebody put back ends to
// count. Elsewhere the invokers keep what they use meanwhile; strangers do not get in.
func (d *decider) closed() bool {
	now := func(s report.Step) bool { return s.Result == report.StepDone && closes(memory.Write{Op: s.Op}) }
	if slices.ContainsFunc(d.run.own(), now) || d.unpublished(d.facts.Posture) {
		return true
	}
	closed, known := d.closedInLog(d.facts.Posture, policy.PrivateBehindIAP)
	return closed || !known && !d.needs.History && d.closedInMemory()
}

// closedInMemory reports whether a record that nobody else can have written shows that we closed
// this service since it was made, as far back as the log is asked.
func (d *decider) closedInMemory() bool {
	since := d.now.Add(-logged)
	if created := d.facts.Posture.Service.CreatedAt; created.After(since) {
		since = created
	}
	return d.facts.MemoryProven && d.facts.Memory != nil && slices.ContainsFunc(d.facts.Memory.Wrote,
		func(w memory.Write) bool { return closes(w) && !w.At.Before(since) })
}

// ownGrant reports whether IAP's agent invokes the service by a grant of ours that no
// protection followed, as the memory knows: the service was public for a moment, or the
// rule grants on private services too. A record may be lost and begun anew, so the audit
// log has to agree that we closed nothing; where it cannot be read, a record that says that
// the service was guarded before keeps the grant.
func (d *decider) ownGrant(p posture.Posture, rule policy.Private) bool {
	if d.facts.Memory == nil || d.guardedByUs(rule) || !door.ByNameOnly(p) {
		return false // nothing depends on it, and the log is asked once a minute only
	}
	granted := slices.ContainsFunc(agentsGrants(p), func(at posture.Posture) bool {
		grant := plan.Step{Resource: at.Target.Name(),
			Change: plan.GrantInvoker{Role: posture.RoleInvoker, Member: p.Agent()}}
		wrote := d.lastWrote(grant)
		return !wrote.IsZero() && !d.reversedSince(grant, wrote)
	})
	if !granted {
		return false
	}
	guarded, known := d.closedInLog(p, rule)
	if !known {
		return d.facts.Memory.GuardedSince.IsZero()
	}
	return !guarded
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
