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
//   - The ingress is restricted once the service has been quiet for the settle time,
//     and those who are entitled pass a load balancer: a write in the middle of a
//     terraform apply makes the apply fail.
//   - IAP goes on once the accessors' own grants have had time to propagate, and before a
//     private service the removal of public accessors too.
//   - The public goes once the agent's own grant has, and IAP is on.
//   - Before a new service nobody can rely on a way in, so IAP goes on there and the
//     public goes without a wait for propagation.
//   - An API that this run turned on and that still answers as if it were off is not
//     turned on again before it has had time to propagate.
//
// Waits for quiet count others' writes only. They end at QuietBy, as does the wait for
// a roll-out. A step is not due before those earlier ones without which it would lock
// people out. An unknown time of change counts as long ago, and a grant of unknown age
// as new.
func Schedule(made Plan, p posture.Posture, want policy.Wanted, now time.Time) {
	s := schedule{p, want, made.Steps, now}
	for i := range made.Steps {
		at := latest(s.own(made.Steps[i]), s.afterNeeded(i))
		made.Steps[i].NotBefore = later(at, now)
	}
}

// Pause makes steps wait for longer, each until a time that until gives, and those that
// need them.
func Pause(made Plan, p posture.Posture, until func(Step) time.Time) {
	s := schedule{p: p, steps: made.Steps}
	for i, step := range made.Steps {
		made.Steps[i].NotBefore = latest(latest(step.NotBefore, until(step)), s.afterNeeded(i))
	}
}

// rolloutPause is when to look again at a service that is being rolled out;
// readiness is an event of its own and usually comes first.
const rolloutPause = 10 * time.Second

// schedule is what the times of a plan's steps follow from. NotBefore is final for the
// steps before the one that is looked at.
type schedule struct {
	p     posture.Posture
	want  policy.Wanted
	steps []Step
	now   time.Time
}

// own is when a step is due as far as the other steps let it be.
func (s schedule) own(step Step) time.Time {
	if step.Closes {
		return time.Time{}
	}
	switch step.operation().timing {
	case grants:
		return s.grantsAt()
	case apiPropagated:
		return latest(s.grantsAt(), s.propagated(s.want.WroteAt))
	case settled:
		touched := latest(s.serviceTouched(), s.want.Clocks.TouchedAt)
		return latest(s.quietSince(touched, s.want.Settle), s.wayIn(step))
	case accessPropagated:
		return latest(latest(s.bounded(s.want.Clocks.TouchedAt, s.want.Quiet), s.accessHolds(step)), s.removalsHold(step))
	case agentPropagated:
		return latest(s.publicQuiet(step), s.agentHolds(step))
	}
	return time.Time{}
}

// afterNeeded is when the earlier steps will have been taken without which the step
// would lock people out.
func (s schedule) afterNeeded(i int) time.Time {
	step, earlier := s.steps[i], s.steps[:i]
	times := []time.Time{{}}
	for _, one := range earlier {
		times = append(times, one.NotBefore)
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	for _, at := range times {
		taken := slices.DeleteFunc(slices.Clone(earlier), func(e Step) bool { return e.NotBefore.After(at) })
		if step.missing(s.p, taken) == "" {
			return at
		}
	}
	return times[len(times)-1]
}

// grantsAt is when the service and the policies that the grants write will have
// been left alone for long enough.
func (s schedule) grantsAt() time.Time {
	wait := s.want.Settle
	if door.Exposed(door.Of(s.p)) == door.Yes {
		wait = s.want.Quiet
	}
	touched := s.serviceTouched()
	for _, step := range s.steps {
		if step.operation().timing == grants {
			touched = latest(touched, s.policyTouched(step))
		}
	}
	return s.quietSince(touched, wait)
}

// publicQuiet is when what a step about public members writes will have been left alone
// for the quiet time: the policy, or the service.
func (s schedule) publicQuiet(step Step) time.Time {
	if step.operation().Policy {
		return s.bounded(s.policyTouched(step), s.want.Quiet)
	}
	return s.quietSince(s.serviceTouched(), s.want.Quiet)
}

// quietSince is when a service that was touched then will have been left alone for a
// time, and its roll-out has ended.
func (s schedule) quietSince(touched time.Time, wait time.Duration) time.Time {
	at := s.bounded(touched, wait)
	if s.p.Service.Reconciling {
		at = latest(at, s.atMost(s.now.Add(rolloutPause)))
	}
	return at
}

// bounded is the end of a wait for quiet.
func (s schedule) bounded(touched time.Time, wait time.Duration) time.Time {
	if wait <= 0 || touched.IsZero() {
		return time.Time{}
	}
	return s.atMost(touched.Add(wait))
}

func (s schedule) atMost(at time.Time) time.Time {
	if end := s.want.Clocks.QuietBy; !end.IsZero() && at.After(end) {
		return end
	}
	return at
}

// serviceTouched is when somebody else last changed the service, zero where that was
// before our last write.
func (s schedule) serviceTouched() time.Time {
	return s.touched(s.p.Target.Name(), s.p.Service.UpdatedAt)
}

// policyTouched is when somebody else last changed the policy that a step writes.
func (s schedule) policyTouched(step Step) time.Time {
	for _, find := range []func(posture.Posture, string) (posture.Policy, bool){invokersAt, accessAt} {
		if policy, known := find(s.p, step.Resource); known {
			return s.touched(step.Written(), policy.ChangedAt)
		}
	}
	return time.Time{}
}

func (s schedule) touched(written string, changed time.Time) time.Time {
	if !changed.After(s.want.Clocks.Wrote[written]) {
		return time.Time{}
	}
	return changed
}

func (s schedule) propagated(since time.Time) time.Time {
	if since.IsZero() {
		return since
	}
	return since.Add(s.want.Propagation)
}

// accessHolds is when the members that the policy names can be expected to pass IAP
// where a step turns it on.
func (s schedule) accessHolds(step Step) time.Time {
	var at time.Time
	for _, place := range s.placesOf(step) {
		at = latest(at, s.passes(place))
	}
	return at
}

// removalsHold is when public accessors that we took away before a private service, or that the
// plan takes away, can be expected to pass no more where a step turns IAP on. What others
// write there delays nothing but that.
func (s schedule) removalsHold(step Step) time.Time {
	if !door.Private(s.p) {
		return time.Time{}
	}
	var at time.Time
	for _, place := range s.placesOf(step) {
		at = latest(at, s.propagated(s.want.Clocks.Removed[place.resource]))
		for _, earlier := range s.steps {
			if _, removes := earlier.Change.(RevokeAccess); removes && earlier.Resource == place.resource {
				at = latest(at, s.propagated(latest(s.now, earlier.NotBefore)))
			}
		}
	}
	return at
}

// passes is when the members that the policy names can be expected to pass a place's IAP.
func (s schedule) passes(at place) time.Time {
	granted := s.granting(at.resource)
	if s.want.Clocks.New || len(s.want.Access) == 0 || at.settings.External() {
		return granted
	}
	return latest(granted, s.propagated(s.ageOf(s.access(at))))
}

// granting is when the plan grants access at a resource, zero where it does not.
func (s schedule) granting(resource string) time.Time {
	var at time.Time
	for _, step := range s.steps {
		if step.stage() == stageAccess && step.Resource == resource {
			at = latest(at, step.NotBefore)
		}
	}
	return at
}

// wayIn is when those who are entitled can be expected to pass one of the load
// balancers before the service: the ingress leaves no other way in. Where nothing leads
// to the service there is none, and no wait for one. Where IAP is off, anybody passes it.
func (s schedule) wayIn(step Step) time.Time {
	if s.want.Clocks.New {
		return time.Time{} // nobody got in before us
	}
	var at time.Time
	for _, part := range step.parts(s.p) {
		var passed []time.Time
		for _, backend := range part.Reached() {
			passes := time.Time{}
			if backend.IAPOn {
				passes = s.passes(placeOf(s.p, backend))
			}
			passed = append(passed, passes)
		}
		if len(passed) > 0 {
			at = latest(at, slices.MinFunc(passed, time.Time.Compare))
		}
		if before := (partBefore{part, s.p.Target, nil}); before.led() && before.byNameOnly() {
			at = latest(at, s.agentPasses(part))
		}
	}
	return at
}

// agentHolds is when IAP can be expected to reach the parts of a service, which lose
// their public members, as its agent.
func (s schedule) agentHolds(step Step) time.Time {
	var at time.Time
	for _, part := range step.parts(s.p) {
		if before := (partBefore{part, s.p.Target, s.steps}); before.led() && !s.want.Clocks.New {
			at = latest(at, s.agentPasses(part))
		}
	}
	return at
}

func (s schedule) agentPasses(part posture.Posture) time.Time {
	return s.propagated(s.ageOf(s.agent(part)))
}

// Due splits the steps into those that are due and those that are not, the next
// one first.
func (p Plan) Due(now time.Time) (due, later []Step) {
	for _, step := range p.Steps {
		if step.NotBefore.After(now) {
			later = append(later, step)
		} else {
			due = append(due, step)
		}
	}
	slices.SortStableFunc(later, func(a, b Step) int { return a.NotBefore.Compare(b.NotBefore) })
	return due, later
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
