package reconcile

import (
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// settings looks up what the policy wants of services, for this run: a
// person's word lifts what restrains us when we act by ourselves. The holds are
// read once for all of them.
func (r *run) settings(rules Policy, p posture.Posture) func(posture.Target) (policy.Settings, bool) {
	held := r.holds(p)
	return func(target posture.Target) (policy.Settings, bool) {
		settings, inScope := rules.For(subject(p, target))
		settings.Hold = held(target)
		if r.request.Consent {
			settings.Settle, settings.Since, settings.Callers = 0, time.Time{}, policy.BreakProceed
		}
		return settings, inScope
	}
}

// subject is what a posture tells rules about a service in it.
func subject(p posture.Posture, target posture.Target) policy.Subject {
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

// agreed says whether this run is to change anything, and it is known who writes.
func (r *run) agreed(v view) bool { return r.wanted(v) && !v.writer.none && v.writer.unknown == "" }

// wanted says whether the policy, or a person, lets this run change anything.
// A command over Pub/Sub is bound by the mode like any event; in mode approve
// it acts only when it names the plan that is right at the time.
func (r *run) wanted(v view) bool {
	mode := v.settings.Mode
	if mode == policy.Enforce && v.tooOld() {
		mode = policy.Approve
	}
	if r.request.Consent || mode == policy.Enforce {
		return true
	}
	command := r.request.Cause.Command
	return mode == policy.Approve && command != nil && command.PlanID != "" &&
		(command.PlanID == v.plan.ID() || r.done != nil)
}

// exempt reports what the policy excuses: how things stand, and for how long it
// may be so. Nothing is planned.
func (r *run) exempt(v view) report.Report {
	exemption := v.settings.Exemption
	v.plan = plan.Plan{Target: v.posture.Target}
	final := r.report(v, report.Exempt)
	final.Exemption = &report.Exemption{
		Owner: exemption.Owner, Ticket: exemption.Ticket, Reason: exemption.Reason, Expires: exemption.Expires.UTC(),
	}
	if exemption.BuiltIn() {
		return final
	}
	left := exemption.Expires.Sub(r.Now())
	final.Advice = append(final.Advice, fmt.Sprintf("%d days are left of the exemption %s; after %s the service is protected, unless %s has it renewed",
		int(left.Hours()/24), exemption.Ticket, policy.LastDay(exemption.Expires), exemption.Owner))
	return final
}

// spared says whether the target is excused for good, whatever leads to it.
func (r *run) spared() bool { return r.unseen().settings.Exemption.BuiltIn() }

// tooOld reports whether a service was created before its rule began to change
// services. A time of creation that is not known counts as long ago.
func tooOld(p posture.Posture, settings policy.Settings) bool {
	return !settings.Since.IsZero() && !settings.Existing &&
		p.Service.CreatedAt.Before(settings.Since) && !protectedOnce(p)
}

// protectedOnce recognises, without a memory, a service that the recipe was
// applied to before: its ingress is exactly what we set, and either IAP's agent
// may invoke it or IAP is on. Whoever undoes one of the three leaves the
// others, except that an opened ingress alone cannot be told from a service
// that somebody set up by hand: guardedOnce asks the audit log about such a one.
func protectedOnce(p posture.Posture) bool {
	if p.Service.Ingress != posture.IngressInternalLoadBalancing {
		return false
	}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			return true
		}
	}
	return p.Invokers.Holds(posture.RoleInvoker, p.Agent())
}

// ageAdvice says why an older service is only planned, and what changes that.
func ageAdvice(v view) string {
	return fmt.Sprintf("rule %s changes services created since %s, and this one is older: write existing: true into the rule, or run iapguard apply %s",
		v.settings.Rule, v.settings.Since.Format(time.DateOnly), v.posture.Target)
}
