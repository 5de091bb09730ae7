package reconcile

import (
	"errors"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// errHeld stops a round of writes: a hold came after it was planned.
var errHeld = errors.New("writes are held")

// holds reads the holds as they are now, for the services of a posture. Holds
// that cannot be read hold everything.
func (r *run) holds(p posture.Posture) func(posture.Target) *policy.Hold {
	if r.Holds == nil {
		return func(posture.Target) *policy.Hold { return nil }
	}
	now := r.Now()
	holds, err := r.Holds()
	if err != nil {
		unreadable := &policy.Hold{Reason: fmt.Sprintf("nothing is written while the holds cannot be read: %v", err)}
		return func(posture.Target) *policy.Hold { return unreadable }
	}
	return func(target posture.Target) *policy.Hold {
		number := ""
		if target.Project == p.Target.Project {
			number = p.ProjectNumber
		}
		return holds.On(target, number, now)
	}
}

// heldBy gives the hold that stops a plan for a posture: the service's own, or
// that of a service behind the same backend service, which the plan writes too.
func heldBy(p posture.Posture, of func(posture.Target) (policy.Settings, bool)) *policy.Hold {
	if settings, _ := of(p.Target); settings.Hold != nil {
		return settings.Hold
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

// heldNow asks again, right before a write.
func (r *run) heldNow(v view) bool {
	held := r.holds(v.posture)
	return heldBy(v.posture, func(target posture.Target) (policy.Settings, bool) {
		return policy.Settings{Hold: held(target)}, true
	}) != nil
}

// held reports what would be done, and what stops it.
func (r *run) held(v view) report.Report {
	final := r.report(v, report.Held)
	final.WaitingFor = &report.WaitingFor{What: v.hold.Reason, Who: v.hold.By}
	if v.hold.Until.IsZero() {
		return final
	}
	until := v.hold.Until.UTC()
	final.WaitingFor.Until = &until
	final.WaitingFor.What = fmt.Sprintf("%s is held until %s: %s", v.hold.Scope.Name(), until.Format(time.RFC3339), v.hold.Reason)
	final.Advice = append(final.Advice, "it goes on at the next event or sweep after that, or after iapguard resume "+v.hold.Scope.Name())
	return final
}
