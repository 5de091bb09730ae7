package decide

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// logged is how far back the history goes. A state that is older is known to have
// lasted that long, and no longer.
const logged = 24 * time.Hour

// exposedIn reports whether a door is open that the policy does not exempt.
func exposedIn(doors []door.Door) bool { return door.Exposed(door.NotExempt(doors)) == door.Yes }

// openSince is since when a door that is open now has been open without a break: since it
// was first seen open, or since the last change that the resources show. Zero means that
// nothing is proven.
func (d *decider) openSince() time.Time {
	p := d.facts.Posture
	var since time.Time
	for _, one := range door.Of(p) {
		if !one.Guard.Exposed() {
			continue
		}
		at := unchangedSince(p, one)
		if d.facts.Memory != nil {
			at = earliest(at, d.facts.Memory.OpenSince(one.Key()))
		}
		since = earliest(since, at)
	}
	return since
}

// openNowSince is when the memory has the door that has been open for longest, of those
// that are open now; zero = it has none.
func (d *decider) openNowSince() (since time.Time) {
	if d.facts.Memory == nil {
		return since
	}
	for _, one := range door.Of(d.facts.Posture) {
		if at := d.facts.Memory.OpenSince(one.Key()); one.Guard.Exposed() && !at.After(d.now) {
			since = earliest(since, at)
		}
	}
	return since
}

// unchangedSince is when the settings behind one of the service's own addresses last
// changed: the service and its IAM policy show it, where the policy's etag holds a time.
// Nothing shows it of other doors.
func unchangedSince(p posture.Posture, one door.Door) time.Time {
	own := one.Kind == door.DefaultURL || one.Kind == door.TagURL
	part, known := p.Part(one.Via)
	if !own || !known || part.Invokers.ChangedAt.IsZero() {
		return time.Time{}
	}
	return latest(p.Service.CreatedAt, p.Service.UpdatedAt, part.Invokers.ChangedAt, p.Invokers.ChangedAt,
		p.Project.ChangedAt, accessChangedAt(p))
}

// accessChangedAt is the latest known change of a policy of an IAP that is on: a
// public accessor opens its door.
func accessChangedAt(p posture.Posture) time.Time {
	var at time.Time
	for _, policy := range p.IAPPolicies() {
		at = latest(at, policy.Policy.ChangedAt)
	}
	return at
}

// waitingSince is since when a service waits: since its first door was seen open, which
// nobody else's write resets.
func (d *decider) waitingSince(waits protection.Finding) time.Time {
	if waits.Code == protection.IngressNotKnown {
		return latest(d.facts.Posture.Service.CreatedAt, d.facts.Posture.Service.UpdatedAt)
	}
	return d.openSince()
}

// earliest is the earlier of two times that are known.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
