package plan

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Schedule says when each step of a plan is due.
//
//   - A grant exposes nobody, but a grant between a tool's read and write of a
//     policy makes the tool fail. Grants, and the creation of the agent that they
//     are for, wait until service and policies were left alone: for the quiet time
//     while a door is open, for the settle time otherwise.
//   - Everything else waits until the service has been quiet for the settle time:
//     a write in the middle of a terraform apply makes the apply fail.
//   - An API that this run turned on and that still answers as if it were off is not
//     turned on again before it has had time to propagate.
//   - IAP goes on only after new accessors have had time to propagate, and the
//     public goes only after the agent's grant and IAP itself have.
//
// Nothing is due while a deployment is being rolled out. SettleBy ends every wait
// for quiet. An unknown time of change counts as long ago.
func Schedule(made Plan, p posture.Posture, want policy.Wanted, now time.Time) {
	steps := made.Steps
	settled := now
	if want.Settle > 0 {
		settled = bounded(p.Service.UpdatedAt.Add(want.Settle), want)
	}
	if p.Service.Reconciling {
		settled = latest(settled, now.Add(rolloutPause))
	}
	iapAt := latest(settled, accessHolds(steps, p, want, now))
	publicAt := latest(iapAt, agentHolds(steps, p, want, now))
	grantsAt := quietAt(steps, p, want, now)
	for i := range steps {
		switch steps[i].operation().timing {
		case atOnce:
		case apiPropagated:
			steps[i].NotBefore = later(latest(grantsAt, propagated(want.WroteAt, want)), now)
		case quiet:
			steps[i].NotBefore = later(grantsAt, now)
		case accessPropagated:
			steps[i].NotBefore = later(iapAt, now)
		case agentPropagated:
			steps[i].NotBefore = later(publicAt, now)
		}
	}
}

// rolloutPause is when to look again at a service that is being rolled out;
// readiness is an event of its own and usually comes first.
const rolloutPause = 10 * time.Second

// quietAt is when the service and the policies that the grants write will have
// been left alone for long enough.
func quietAt(steps []Step, p posture.Posture, want policy.Wanted, now time.Time) time.Time {
	wait := want.Settle
	if door.Exposed(door.Of(p)) == door.Yes {
		wait = want.Quiet
	}
	changed := p.Service.UpdatedAt
	for _, step := range steps {
		if invokers, known := invokersAt(p, step.Resource); known && step.stage() == stageInvoker {
			changed = latest(changed, invokers.ChangedAt)
		}
		if access, known := accessAt(p, step.Resource); known {
			changed = latest(changed, access.ChangedAt)
		}
	}
	at := now
	if wait > 0 && !changed.IsZero() {
		at = bounded(changed.Add(wait), want)
	}
	if p.Service.Reconciling {
		at = latest(at, now.Add(rolloutPause))
	}
	return at
}

// bounded ends a wait for quiet at SettleBy.
func bounded(at time.Time, want policy.Wanted) time.Time {
	if !want.SettleBy.IsZero() && at.After(want.SettleBy) {
		return want.SettleBy
	}
	return at
}

// accessHolds is when the members that the policy names can be expected to get in.
// Where it names nobody, no grant of ours has to propagate.
func accessHolds(steps []Step, p posture.Posture, want policy.Wanted, now time.Time) time.Time {
	if hasStage(steps, stageAccess) {
		return now.Add(want.Propagation)
	}
	var at time.Time
	if len(want.Access) == 0 {
		return at
	}
	for _, step := range steps {
		var policies []posture.Policy
		switch step.Change.(type) {
		case EnableDirectIAP:
			for _, part := range p.Parts() {
				policies = append(append(policies, part.DirectInherited...), part.DirectAccess)
			}
		case EnableIAP:
			for _, backend := range p.Backends {
				policies = append(append(policies, backend.Inherited...), backend.Access)
			}
		}
		for _, one := range policies {
			at = latest(at, propagated(one.ChangedAt, want))
		}
	}
	return at
}

// agentHolds is when IAP can be expected to reach the service as its agent. No API
// returns when IAP was enabled at a backend service: WroteAt holds that time.
func agentHolds(steps []Step, p posture.Posture, want policy.Wanted, now time.Time) time.Time {
	if hasStage(steps, stageInvoker, stageIAP, stageIngress) {
		return now.Add(want.Propagation)
	}
	var granted time.Time
	for _, part := range p.Parts() {
		granted = latest(granted, part.Invokers.ChangedAt)
	}
	if at, inherits := door.InheritedInvoker(p); inherits {
		granted = latest(granted, at.Policy.ChangedAt)
	}
	return latest(propagated(want.WroteAt, want), latest(propagated(granted, want), propagated(p.Service.UpdatedAt, want)))
}

func propagated(changed time.Time, want policy.Wanted) time.Time {
	if changed.IsZero() {
		return changed
	}
	return changed.Add(want.Propagation)
}

func hasStage(steps []Step, stages ...int) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return slices.Contains(stages, s.stage()) })
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// later is t where it lies ahead, else zero: due at once.
func later(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return time.Time{}
}
