package decide

import (
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

const (
	// waitAtMost bounds how long touching a service over and over postpones its
	// protection; four settle times do where a door is open.
	waitAtMost = 10 * time.Minute
	// wantedFor is how long the clock of the waits runs. A service that stays open for
	// another reason, such as a missing load balancer, is not written in the middle of
	// a deployment a week later.
	wantedFor = time.Hour
	// A service is new for a while after its creation, if we saw it at once and knew
	// none of its name.
	newFor     = 10 * time.Minute
	seenWithin = 2 * time.Minute
	namedAgo   = 30 * 24 * time.Hour
)

// Traffic is whether requests were answered, before the service was created, at the
// hosts and paths by which load balancers lead to it.
type Traffic struct {
	Served bool
	Unread error
}

// clocks are the times that the resources do not show.
func (d *decider) clocks(p posture.Posture, settings policy.Settings) policy.Clocks {
	clocks := policy.Clocks{QuietBy: d.quietBy(p, settings), Wrote: map[string]time.Time{},
		Removed: map[string]time.Time{}, Seen: map[policy.Grant]time.Time{}}
	if cause := d.request.Cause; cause.Kind == event.BackendServiceChanged && !wroteIt(d.facts.Self, event.Write{Cause: cause}) {
		clocks.TouchedAt = cause.At
	}
	wrote := func(op, resource string, at time.Time) {
		written := plan.Written(plan.Op(op), resource)
		if at.After(clocks.Wrote[written]) && !at.After(d.now) {
			clocks.Wrote[written] = at
		}
		if op == string(revokeAccess) && at.After(clocks.Removed[resource]) && !at.After(d.now) {
			clocks.Removed[resource] = at
		}
	}
	for _, step := range d.facts.Run.Done {
		if step.At != nil {
			wrote(step.Op, step.Resource, *step.At)
		}
	}
	if known := d.facts.Memory; known != nil {
		for _, write := range known.Wrote {
			wrote(write.Op, write.Resource, write.At)
		}
		for _, b := range known.Bindings {
			clocks.Seen[policy.Grant{Resource: b.Resource, Role: b.Role, Members: b.Member, Condition: b.Condition}] = b.FirstSeen
		}
	}
	for grant, since := range d.facts.Relied {
		if known := clocks.Seen[grant]; known.IsZero() || since.Before(known) {
			clocks.Seen[grant] = since
		}
	}
	return clocks
}

// quietBy is when the waits for quiet and for a roll-out end at the latest. While no
// door is open they bound nothing but our own work.
func (d *decider) quietBy(p posture.Posture, settings policy.Settings) time.Time {
	since := d.request.Since
	if door.Exposed(door.Of(p)) != door.Yes {
		if since.IsZero() {
			return since
		}
		return since.Add(waitAtMost)
	}
	if wanted := d.wantedSince(); since.IsZero() || wanted.Before(since) {
		since = wanted
	}
	return since.Add(min(waitAtMost, max(4*patienceOf(settings), settings.Quiet)))
}

// patienceOf is the settle time that the bound of the waits is made of. A rule without
// one still waits for a roll-out.
func patienceOf(settings policy.Settings) time.Duration {
	if settings.Settle > 0 {
		return settings.Settle
	}
	return policy.DefaultSettings().Settle
}

// wantedSince is since when steps have been wanted while a door is open: since now
// where the memory has no clock that runs.
func (d *decider) wantedSince() time.Time {
	if known := d.facts.Memory; known != nil {
		if at := known.WantedSince; !at.IsZero() && !at.After(d.now) && d.now.Sub(at) < wantedFor {
			return at
		}
	}
	return d.now
}

// planSoon plans anew without the waits for propagation, where the service is new and
// steps would be due by that.
func (d *decider) planSoon() {
	if !d.looksNew() || !d.mayWrite() {
		return
	}
	p, want := d.facts.Posture, d.want
	want.Clocks.New = true
	soon := protection.Plan(p, want, d.findings, d.now)
	if !sooner(soon, d.plan, d.now) {
		return // the next step does not wait for propagation
	}
	switch traffic := d.facts.Traffic; {
	case traffic == nil:
		d.needs.Traffic = true
	case !traffic.Served && traffic.Unread == nil:
		d.want, d.plan = want, soon
	}
}

// sooner reports whether one plan has more to do now than another of the same steps, or
// goes on earlier.
func sooner(one, other plan.Plan, now time.Time) bool {
	due, later := one.Due(now)
	dueThere, laterThere := other.Due(now)
	if len(due) != len(dueThere) {
		return len(due) > len(dueThere)
	}
	return len(later) > 0 && later[0].NotBefore.Before(laterThere[0].NotBefore)
}

// looksNew reports whether nobody can have come to rely on the service by its age and
// its name. Its age counts when steps were first wanted, so a service that was new when its
// protection began is new until that ends. What the memory does not hold is not proven.
func (d *decider) looksNew() bool {
	created := d.facts.Posture.Service.CreatedAt
	if d.facts.MemoryUnread || d.request.DryRun || created.IsZero() || d.now.Sub(created) > 2*newFor ||
		d.wantedSince().Sub(created) > newFor {
		return false
	}
	seen := d.now
	if known := d.facts.Memory; known != nil {
		if !known.FirstSeen.IsZero() {
			seen = known.FirstSeen
		}
		if before := known.Predecessor; before != nil && created.Sub(lastKnown(*before)) < namedAgo {
			return false
		}
	}
	return seen.Sub(created) <= seenWithin
}

func lastKnown(before memory.Predecessor) time.Time {
	return latest(before.WrittenAt, before.DeletedAt)
}
