package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// settingsOf looks up the policy's settings for this run. A person's consent lifts
// the restraints on what we do by ourselves.
func (d *decider) settingsOf(p posture.Posture) func(posture.Target) (policy.Settings, bool) {
	held := heldIn(p, d.rules, d.now)
	return func(target posture.Target) (policy.Settings, bool) {
		settings, inScope := d.rules.Policy.For(subjectOf(p, target))
		settings.Hold = held(target)
		if settings.ModeAgain != "" && d.reprotects() {
			settings.Mode = settings.ModeAgain
		}
		if settings.PolicyUnread != "" && d.reprotects() {
			settings = guardedAgain(settings, exposedIn(door.Of(p)))
		}
		if d.request.Consent {
			settings.Settle, settings.Quiet, settings.Since, settings.Callers = 0, 0, time.Time{}, policy.BreakProceed
			settings.Private = policy.PrivateInclude
		}
		if _, own := p.Part(target.Name()); own && d.request.Whole {
			settings.Private = policy.PrivateInclude
		}
		return settings, inScope
	}
}

// subjectOf is what a posture has for the policy's rules about one of its services.
func subjectOf(p posture.Posture, target posture.Target) policy.Subject {
	s := policy.Subject{Target: target, Labels: p.Service.Labels}
	if target.Project == p.Target.Project {
		s.ProjectNumber, s.Ancestors = p.ProjectNumber, p.Ancestors
	} else { // another project's number and folders were not read
		s.Ancestors.Unread = "nobody asked for those of another project"
	}
	if target == p.Target {
		return s
	}
	s.Labels = nil
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if member.Target == target {
				s.Labels = member.Labels
			}
		}
	}
	return s
}

// mayWrite reports whether the run is to change anything.
func (d *decider) mayWrite() bool {
	return !d.request.DryRun && !d.request.ReadOnly && d.hold == nil && d.agreed()
}

// agreed reports whether the run is to change anything, and it is known who writes.
func (d *decider) agreed() bool { return d.wanted() && !d.writer.None && d.writer.Unknown == "" }

// wanted reports whether the policy, or a person, lets the run change anything.
// A command over Pub/Sub is bound by the mode like any event. In mode approve it
// takes the approval of the plan that is right at the time. A command that names a
// plan acts on that plan or not at all, in every mode.
func (d *decider) wanted() bool {
	if d.otherPlan() {
		return false
	}
	if d.request.Whole {
		return d.mode() != policy.ReportOnly && d.approval() != nil
	}
	if d.request.Consent || d.mode() == policy.Enforce {
		return true
	}
	return d.mode() == policy.Approve && d.approval() != nil
}

// mode is the rule's, but for services whose age leaves them to people.
func (d *decider) mode() policy.Mode {
	if d.settings.Mode == policy.Enforce && d.leftToPeople() {
		return policy.Approve
	}
	return d.settings.Mode
}

// otherPlan reports whether a command names a plan that is not the current one.
// Once the run has begun to write, the rest of the plan has another ID.
func (d *decider) otherPlan() bool {
	command := d.request.Cause.Command
	return command != nil && command.PlanID != "" && command.PlanID != d.plan.ID() && d.run.Done == nil
}

// otherPlanAdvice says why a command that names a plan did nothing.
func (d *decider) otherPlanAdvice() string {
	return fmt.Sprintf("the command names plan %s, and the plan of now is %s: nothing was written; look at the plan of "+
		"now, then send its planId",
		posture.Shown(d.request.Cause.Command.PlanID), d.plan.ID())
}

// exempt reports an exempt service: its state, and until when the exemption lasts.
// Nothing is planned.
func (d *decider) exempt() Decision {
	exemption := d.settings.Exemption
	d.plan = plan.Plan{Target: d.facts.Posture.Target}
	return d.excused(*exemption, "the service is protected")
}

// excused is the decision about what an exemption leaves open until it ends, and what is
// done then.
func (d *decider) excused(exemption policy.Exemption, then string) Decision {
	decision := d.end(report.Exempt)
	decision.Exemption = &report.Exemption{
		Owner: exemption.Owner, Ticket: exemption.Ticket, Reason: exemption.Reason, Expires: exemption.Expires.UTC(),
	}
	if exemption.BuiltIn() {
		return decision
	}
	left := exemption.Expires.Sub(d.now)
	decision.Advice = append(decision.Advice,
		fmt.Sprintf("%d days are left of the exemption %s; after %s %s, unless %s has it renewed",
			int(left.Hours()/24), exemption.Ticket, policy.LastDay(exemption.Expires), then, exemption.Owner))
	return decision
}

// exemptIn reports whether a door is open that the policy exempts.
func exemptIn(doors []door.Door) bool {
	return slices.ContainsFunc(doors, func(d door.Door) bool { return d.Exempt != "" && d.Guard != door.GuardIAP })
}

// exemptDoor is the decision about a service that is protected but for one door.
func (d *decider) exemptDoor() Decision {
	backend, _ := d.facts.Posture.ExemptDoor()
	for _, one := range d.settings.Doors {
		if one.Backend == backend.Resource() && one.In(d.now) {
			return d.excused(one.Exemption, "its door is closed")
		}
	}
	return d.open()
}

// Unseen decides about a service that could not be read in full: it is exempt, or
// nothing is planned. What was read stands in the report, with the findings that need
// no more.
func Unseen(s Settings, r Request, seen posture.Posture, now time.Time) Decision {
	d := &decider{facts: Facts{Posture: seen}, rules: s, request: r, now: now}
	j := d.judge()
	if !j.inScope {
		j.want.Settings = policy.DefaultSettings()
	}
	d.want, d.settings, d.plan = j.want, j.want.Settings, plan.Plan{Target: seen.Target}
	d.facts.Posture.Trust = d.settings.Trust
	d.findings = protection.Proven(seen, j.findings)
	if d.settings.Exemption.BuiltIn() || j.inScope && d.settings.ExemptAt(now) {
		return d.exempt()
	}
	return d.end("")
}

// uncovered is the decision about a service that no rule covers. A command shows its
// doors; an event leads to no report.
func (d *decider) uncovered() Decision {
	if !d.request.Asked() {
		return Decision{OutOfScope: true, Posture: d.facts.Posture}
	}
	d.findings, d.plan, d.settings = nil, plan.Plan{Target: d.facts.Posture.Target}, policy.DefaultSettings()
	d.settings.Rule = ""
	return d.end(report.Uncovered)
}

// instance is the decision about a Cloud Run instance. Its doors are looked at and
// reported with what is wrong there, and nothing of it is changed.
func (d *decider) instance() Decision {
	d.needs = Needs{} // of a plan, which there is none of
	d.plan = plan.Plan{Target: d.facts.Posture.Target}
	if d.settings.ExemptAt(d.now) && d.inScope {
		return d.exempt()
	}
	if !d.inScope {
		return d.uncovered()
	}
	decision := d.end(report.Uncovered)
	decision.Advice = append(decision.Advice, "iapguard looks at Cloud Run instances and changes none")
	return decision
}

// leftToPeople reports whether the service's age leaves it to people.
func (d *decider) leftToPeople() bool {
	return tooOld(d.facts.Posture, d.settings) && !d.protectedBefore
}

// tooOld reports whether a service was created before its rule began to change
// services. A time of creation that is not known counts as long ago.
func tooOld(p posture.Posture, settings policy.Settings) bool {
	return !settings.Since.IsZero() && !settings.Existing &&
		p.Service.CreatedAt.Before(settings.Since) && !looksProtected(p)
}

// looksProtected recognises, without a memory, a service that the recipe was
// applied to before: its ingress is exactly what we set, and either IAP's agent
// may invoke it or IAP is on. A write that undoes one of the three leaves the
// others. But an opened ingress alone looks like a service that somebody set up
// by hand: wasProtectedBefore asks the history about it.
func looksProtected(p posture.Posture) bool {
	if p.Service.Ingress != posture.IngressInternalLoadBalancing {
		return false
	}
	return slices.ContainsFunc(p.Backends, posture.Backend.Guarded) ||
		p.AgentInvokes()
}

// wasProtectedBefore reports whether we guarded an older service before whose ingress is
// open to everybody and which otherwise looks protected. Such a service stays guarded. The
// memory knows. Where it has no record, our own writes of the last 24 hours are looked for.
func (d *decider) wasProtectedBefore() bool {
	p := d.facts.Posture
	restricted := p
	restricted.Service.Ingress = posture.IngressInternalLoadBalancing
	if p.Service.Ingress != posture.IngressAll || !tooOld(p, d.settings) || !looksProtected(restricted) {
		return false
	}
	if m := d.facts.Memory; m != nil {
		return !m.GuardedSince.IsZero() || slices.ContainsFunc(m.Wrote, closes)
	}
	writes, known := d.history()
	return known && slices.ContainsFunc(writes, func(w event.Write) bool {
		return d.wroteIt(w) && w.Kind == event.RunServiceChanged && w.Location == p.Target.Location &&
			w.Service == p.Target.Service &&
			w.Settings["ingress"] == string(posture.IngressInternalLoadBalancing)
	})
}

// ageAdvice says why an older service is only planned, and what changes that.
func (d *decider) ageAdvice() string {
	return fmt.Sprintf("rule %s changes services created since %s, and this one is older: write existing: true into "+
		"the rule, or run iapguard apply %s",
		d.settings.Rule, d.settings.Since.Format(time.DateOnly), d.facts.Posture.Target)
}

// exemptDoors marks the backend services whose doors the policy lets stay open now.
func (d *decider) exemptDoors() {
	settings, inScope := d.settingsOf(d.facts.Posture)(d.facts.Posture.Target)
	if inScope && len(settings.Doors) > 0 && settings.Recipe != policy.RecipeOff {
		d.facts.Posture = protection.Exempting(d.facts.Posture, policy.Wanted{Settings: settings}, d.now)
	}
}
