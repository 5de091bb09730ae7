package plan

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// schedule says when each step is due.
//
//   - The agent's grant shuts nobody out and moves nothing that others write:
//     it is due at once.
//   - Everything else waits while a deployment is being rolled out, and until
//     the service has been quiet for the settle time: a write in the middle of
//     somebody's terraform apply makes theirs fail. SettleBy ends that wait.
//   - IAP goes on only after new accessors have had time to propagate, and the
//     public goes only after the agent's grant and IAP itself have.
//
// Waiting is bounded by what is observed: an unknown time of change counts as
// long ago.
func schedule(steps []Step, p posture.Posture, want policy.Wanted, now time.Time) {
	settled := now
	if want.Settle > 0 {
		settled = p.Service.UpdatedAt.Add(want.Settle)
	}
	if !want.SettleBy.IsZero() && settled.After(want.SettleBy) {
		settled = want.SettleBy
	}
	if p.Service.Reconciling {
		settled = latest(settled, now.Add(rolloutPause))
	}
	iapAt := latest(settled, accessPropagated(steps, p, want, now))
	publicAt := latest(iapAt, agentPropagated(steps, p, want, now))
	for i := range steps {
		switch steps[i].Op {
		case ProvisionAgent, GrantInvoker:
		case GrantAccess:
			steps[i].NotBefore = later(settled, now)
		case EnableIAP, EnableDirectIAP, RestrictIngress:
			steps[i].NotBefore = later(iapAt, now)
		default:
			steps[i].NotBefore = later(publicAt, now)
		}
	}
}

// rolloutPause is when to look again at a service that is being rolled out;
// readiness is an event of its own and usually comes first.
const rolloutPause = 10 * time.Second

// accessPropagated is when those whom the policy names can be expected to get
// in. Where it names nobody, we granted nothing that would have to propagate.
func accessPropagated(steps []Step, p posture.Posture, want policy.Wanted, now time.Time) time.Time {
	if has(steps, GrantAccess) {
		return now.Add(want.Propagation)
	}
	var at time.Time
	if has(steps, EnableDirectIAP) && len(want.Access) > 0 {
		for _, policy := range append([]posture.Policy{p.DirectAccess}, p.DirectInherited...) {
			at = latest(at, propagated(policy.ChangedAt, want))
		}
	}
	if has(steps, EnableIAP) && len(want.Access) > 0 {
		for _, backend := range p.Backends {
			for _, policy := range append([]posture.Policy{backend.Access}, backend.Inherited...) {
				at = latest(at, propagated(policy.ChangedAt, want))
			}
		}
	}
	return at
}

// agentPropagated is when IAP can be expected to reach the service as its
// agent. No API tells when IAP was switched on at a backend service; whoever
// did it a moment ago, or the audit log, says so in WroteAt.
func agentPropagated(steps []Step, p posture.Posture, want policy.Wanted, now time.Time) time.Time {
	if has(steps, GrantInvoker) || has(steps, EnableIAP) || has(steps, EnableDirectIAP) || has(steps, RestrictIngress) {
		return now.Add(want.Propagation)
	}
	granted := p.Invokers.ChangedAt
	if door.InheritsInvoker(p) {
		granted = latest(granted, p.Project.ChangedAt)
	}
	return latest(propagated(want.WroteAt, want), latest(propagated(granted, want), propagated(p.Service.UpdatedAt, want)))
}

func propagated(changed time.Time, want policy.Wanted) time.Time {
	if changed.IsZero() {
		return changed
	}
	return changed.Add(want.Propagation)
}

func has(steps []Step, op Op) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Op == op })
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
