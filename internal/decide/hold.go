package decide

import (
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// heldIn returns a function that looks up the hold on a service of a posture.
func heldIn(p posture.Posture, s Settings, now time.Time) func(posture.Target) *policy.Hold {
	switch {
	case s.HoldsUnread != nil:
		unreadable := &policy.Hold{Reason: fmt.Sprintf("nothing is written while the holds cannot be read: %v",
			s.HoldsUnread)}
		return func(posture.Target) *policy.Hold { return unreadable }
	case s.Holds == nil:
		return func(posture.Target) *policy.Hold { return nil }
	}
	return func(target posture.Target) *policy.Hold {
		number := ""
		if target.Project == p.Target.Project {
			number = p.ProjectNumber
		}
		return s.Holds.On(target, number, now)
	}
}

// heldBy returns the hold that stops a plan: the service's own, or that of another
// service behind the same backend service, which the plan writes too.
func heldBy(p posture.Posture, of func(posture.Target) (policy.Settings, bool)) *policy.Hold {
	if settings, _ := of(p.Target); settings.Hold != nil {
		return settings.Hold
	}
	for _, part := range p.Regions {
		if settings, _ := of(part.Target); settings.Hold != nil {
			return settings.Hold
		}
	}
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if settings, _ := of(member.Target); settings.Hold != nil && !member.Missing {
				return settings.Hold
			}
		}
	}
	return nil
}

// HeldNow reports whether a hold stops writes to the services of a posture. It is
// asked right before each wave.
func HeldNow(p posture.Posture, s Settings, now time.Time) bool {
	held := heldIn(p, s, now)
	return heldBy(p, func(target posture.Target) (policy.Settings, bool) {
		return policy.Settings{Hold: held(target)}, true
	}) != nil
}

// held reports what would be done, and what stops it.
func (d *decider) held() Decision {
	decision := d.end(report.Held)
	decision.WaitingFor = &report.WaitingFor{What: d.hold.Reason, Who: d.hold.By}
	if d.hold.Until.IsZero() {
		return decision
	}
	until := d.hold.Until.UTC()
	decision.WaitingFor.Until, decision.LookAgain = &until, until
	decision.WaitingFor.What = fmt.Sprintf("%s is held until %s: %s", d.hold.Scope.Name(),
		until.Format(time.RFC3339), d.hold.Reason)
	decision.Advice = append(decision.Advice,
		"it goes on by itself after that, or at the next event or sweep after iapguard resume "+d.hold.Scope.Name())
	return decision
}
