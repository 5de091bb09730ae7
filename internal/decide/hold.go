package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// heldIn returns a function that looks up the hold on a service of a posture.
func heldIn(p posture.Posture, s Settings, now time.Time) func(posture.Target) *policy.Hold {
	switch {
	case s.Holds == nil && s.HoldsUnread != nil:
		unreadable := &policy.Hold{Reason: fmt.Sprintf("nothing is written while the holds cannot be read: %v",
			s.HoldsUnread)}
		return func(posture.Target) *policy.Hold { return unreadable }
	case s.Holds == nil:
		return func(posture.Target) *policy.Hold { return nil }
	}
	return func(target posture.Target) *policy.Hold {
		subject := subjectOf(p, target)
		if target.Project == p.Target.Project && p.NoOrganization { // then it is in no folder
			subject.Ancestors = posture.Ancestors{Known: true}
		}
		return s.Holds.Covering(subject, now)
	}
}

// heldUnread returns what stops a plan while the holds cannot be read, nil where that stops
// nothing: the last good holds stay in force, and what was guarded before is guarded again.
func (d *decider) heldUnread() *policy.Hold {
	if d.rules.HoldsUnread == nil || d.reprotects() {
		return nil
	}
	return &policy.Hold{Reason: fmt.Sprintf("while the holds cannot be read, only what was guarded before is written: %v",
		d.rules.HoldsUnread)}
}

// reprotects reports whether the run guards a service again, and does nothing else: the
// memory knows that it was guarded.
func (d *decider) reprotects() bool { return d.guardedBefore() && !d.request.Diagnose }

// guardedBefore reports whether the service was guarded, or closed as stuck, as the memory
// knows.
func (d *decider) guardedBefore() bool {
	return d.facts.Memory != nil && !d.facts.Memory.GuardedSince.IsZero() || d.closedBefore()
}

// heldBy returns the hold that stops a plan: the service's own, or that of another
// service behind the same backend service, which the plan writes too. Where no frontend leads to
// a backend service, and no step of the plan writes it, its other services hold nothing:
// anybody who may make one could hold what they like.
func heldBy(p posture.Posture, steps []plan.Step, of func(posture.Target) (policy.Settings, bool)) *policy.Hold {
	if settings, _ := of(p.Target); settings.Hold != nil {
		return settings.Hold
	}
	for _, part := range p.Regions {
		if settings, _ := of(part.Target); settings.Hold != nil {
			return settings.Hold
		}
	}
	for _, backend := range p.Backends {
		writes := func(s plan.Step) bool {
			return s.Resource == backend.Resource() || s.Resource == backend.AccessResource(p.ProjectNumber)
		}
		if len(backend.Frontends) == 0 && !slices.ContainsFunc(steps, writes) {
			continue
		}
		for _, member := range backend.Members {
			if settings, _ := of(member.Target); settings.Hold != nil && !member.Missing {
				return settings.Hold
			}
		}
	}
	return nil
}

// HeldNow reports whether a hold stops the waves of a decision, or holds that became
// unreadable do. It is asked right before each wave.
func HeldNow(d Decision, s Settings, now time.Time) bool {
	held := heldIn(d.Posture, s, now)
	return s.HoldsUnread != nil && !d.Again || heldBy(d.Posture, d.Plan.Steps, func(target posture.Target) (policy.Settings, bool) {
		return policy.Settings{Hold: held(target)}, true
	}) != nil
}

// unreadPause is when to look again at a service that is held because the holds cannot be
// read.
const unreadPause = 5 * time.Minute

// held reports what would be done, and what stops it. It is looked at again when the hold
// ends, and before that when its end is announced.
func (d *decider) held() Decision {
	decision, hold := d.end(report.Held), d.hold
	decision.WaitingFor = &report.WaitingFor{What: hold.Reason, Who: hold.By}
	if hold.Until.IsZero() {
		decision.LookAgain = d.now.Add(unreadPause)
		decision.Advice = append(decision.Advice, "it goes on by itself within minutes of when they can be read again")
		return decision
	}
	until := hold.Until.UTC()
	what := hold.Name()
	if hold.Doubt != "" {
		what = fmt.Sprintf("%s may lie below %s (what is above it is not known: %s), which", d.facts.Posture.Target.Name(), what,
			hold.Doubt)
	}
	decision.WaitingFor.Until, decision.LookAgain = &until, until
	for _, notice := range hold.Notices() {
		switch {
		case notice.After(d.now):
			decision.LookAgain = earliest(decision.LookAgain, notice)
		case d.now.Before(until):
			decision.Advice = []string{fmt.Sprintf("the hold ends in %s: then what it stops is written",
				policy.InWords(until.Sub(d.now).Round(time.Minute)))}
		}
	}
	decision.WaitingFor.What = fmt.Sprintf("%s is held until %s: %s", what, until.Format(time.RFC3339), hold.Reason)
	if hold.Cut != "" {
		decision.Advice = append(decision.Advice, hold.Cut)
	}
	decision.Advice = append(decision.Advice,
		"it goes on by itself after that, or at the next event or sweep after iapguard resume "+hold.Name())
	return decision
}

// toldUnread adds to a decision that writes, or wrote, that the holds cannot be read.
func (d *decider) toldUnread(decision Decision) Decision {
	if d.rules.HoldsUnread != nil && d.hold == nil && (len(decision.Waves) > 0 || len(d.run.own()) > 0) {
		decision.Advice = append(decision.Advice, fmt.Sprintf("the holds cannot be read: the last good ones stay in force, and "+
			"only what was guarded before is written, until they can be read: %v", d.rules.HoldsUnread))
	}
	return decision
}

// ToHold are the scopes that are held while services are taken back: each service, or their
// projects where that would be more holds than most.
func ToHold(targets []posture.Target, most int) []posture.Scope {
	var scopes []posture.Scope
	for _, target := range targets {
		scope := posture.Scope(target)
		if len(targets) > most {
			scope = posture.Scope{Project: target.Project}
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}
