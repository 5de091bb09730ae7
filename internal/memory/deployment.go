package memory

import (
	"maps"
	"slices"
	"time"
)

// Deployment is the record of the whole deployment.
type Deployment struct {
	Header
	Breaker Breaker `json:"breaker,omitzero"`
	// Versions holds when each version of the policy and of iapguard was first at work.
	Versions map[string]time.Time `json:"versions,omitempty"`
	// Sweeps holds the last sweep of each scope, by its resource name; "" = all that the policy names.
	Sweeps map[string]Sweep `json:"sweeps,omitempty"`
	// Heartbeats holds when a heartbeat last arrived, by where it begins.
	Heartbeats map[string]time.Time `json:"heartbeats,omitempty"`
	// SignIn holds, by project and host, when IAP's settings were last seen to name the host
	// as the page at which external identities sign in.
	SignIn map[string]time.Time `json:"signIn,omitempty"`
	// Policy is the one in force: the last that could be read and was let in.
	Policy PolicyVersion `json:"policy,omitzero"`
	// Policies holds, by their sums, when earlier policies were last in force.
	Policies map[string]time.Time `json:"policies,omitempty"`
	// Waiting is a policy that waits for an approver; nil = none does.
	Waiting *WaitingPolicy `json:"waiting,omitempty"`
	// Holds is the last text that could be read and parsed.
	Holds Text `json:"holds,omitzero"`
	// Held is when each hold was first seen, by its target and its end.
	Held map[string]time.Time `json:"held,omitempty"`
	// Placed are the holds that commands placed, and those that ended within 30 days.
	Placed []PlacedHold `json:"placed,omitempty"`
}

// Sweep is one that was begun.
type Sweep struct {
	At       time.Time `json:"at"`
	Services int       `json:"services"` // that are looked at
	// Projects are those whose services are looked at, where they were still to be listed.
	Projects int `json:"projects,omitempty"`
}

// SeeHeartbeat notes that a heartbeat arrived. It reports whether the record changed: once in
// some minutes is enough for who asks.
func (d *Deployment) SeeHeartbeat(place string, at time.Time) bool {
	if at.Sub(d.Heartbeats[place]) < heartbeatGrain {
		return false
	}
	if d.Heartbeats == nil {
		d.Heartbeats = map[string]time.Time{}
	}
	d.Heartbeats[place] = at.UTC().Round(0)
	return true
}

// heartbeatGrain is how exactly the last heartbeat is known.
const heartbeatGrain = 4 * time.Minute

// sweepGrain is how exactly the last sweep is known: anybody who may publish commands can send any
// number, and each write of this record keeps others from theirs.
const sweepGrain = time.Minute

// SeeSweep notes a sweep of a scope. It reports whether the record changed.
func (d *Deployment) SeeSweep(scope string, sweep Sweep) bool {
	if sweep.At.Sub(d.Sweeps[scope].At) < sweepGrain {
		return false
	}
	if d.Sweeps == nil {
		d.Sweeps = map[string]Sweep{}
	}
	sweep.At = sweep.At.UTC().Round(0)
	d.Sweeps[scope] = sweep
	return true
}

// Breaker is the circuit breaker. It counts writes of ours that were acknowledged and
// did not hold, and those that shut out who is entitled.
type Breaker struct {
	Failures []Failure `json:"failures,omitempty"`
	// ClosedAt is when a person closed it. Earlier failures no longer count.
	ClosedAt time.Time `json:"closedAt,omitzero"`
	ClosedBy string    `json:"closedBy,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

// Failure is one write that did not hold, or after which nobody got in any more.
type Failure struct {
	Project  string    `json:"project"`
	Service  string    `json:"service"` // for which it was written: projects/P/locations/L/services/S
	Resource string    `json:"resource"`
	Field    string    `json:"field"`
	Op       string    `json:"op"`
	At       time.Time `json:"at"`
	// Harm means that the write held, and that nobody got in at the load balancers after it.
	Harm bool `json:"harm,omitempty"`
}

// Fail notes a write that failed so. It reports whether the record changed.
func (b *Breaker) Fail(failure Failure) bool {
	failure.At = failure.At.UTC().Round(0) // as it is when it is read back
	if slices.Contains(b.Failures, failure) {
		return false
	}
	b.Failures = append(b.Failures, failure)
	return true
}

// Close says that a person closed it, and why: what failed until then holds nothing back.
// It reports whether the record changed.
func (b *Breaker) Close(at time.Time, by, reason string) bool {
	b.ClosedAt, b.ClosedBy, b.Reason = at.UTC().Round(0), clip(by), clip(reason)
	return true
}

// mostVersions bounds how many versions are remembered.
const mostVersions = 20

// SeeVersion notes that a version is at work. It reports whether the record changed.
func (d *Deployment) SeeVersion(version string, at time.Time) bool {
	if _, known := d.Versions[version]; known {
		return false
	}
	if d.Versions == nil {
		d.Versions = map[string]time.Time{}
	}
	for len(d.Versions) >= mostVersions {
		delete(d.Versions, slices.MinFunc(slices.Collect(maps.Keys(d.Versions)),
			func(a, b string) int { return d.Versions[a].Compare(d.Versions[b]) }))
	}
	d.Versions[version] = at
	return true
}

// Bounds of Held. A hold that is taken out of its file and put back within the time is the
// same one.
const (
	heldFor  = 30 * 24 * time.Hour
	mostHeld = 200
)

// SeeHolds notes holds with when they were first seen; earlier times in the record stay. It
// reports whether the record changed.
func (d *Deployment) SeeHolds(seen map[string]time.Time, now time.Time) bool {
	changed := false
	for key, at := range seen {
		if known := d.Held[key]; !known.IsZero() && !at.Before(known) {
			continue
		}
		if d.Held == nil {
			d.Held = map[string]time.Time{}
		}
		d.Held[key], changed = at.UTC().Round(0), true
	}
	for key, at := range d.Held {
		if _, inForce := seen[key]; !inForce && now.Sub(at) > heldFor {
			delete(d.Held, key)
			changed = true
		}
	}
	for len(d.Held) > mostHeld {
		delete(d.Held, slices.MinFunc(slices.Collect(maps.Keys(d.Held)),
			func(a, b string) int { return d.Held[a].Compare(d.Held[b]) }))
		changed = true
	}
	return changed
}

// Text is a file's content when it was last read and parsed.
type Text struct {
	Digest string    `json:"digest,omitempty"`
	Text   string    `json:"text,omitempty"`
	Since  time.Time `json:"since,omitzero"` // when this content was first read
}

// shrink drops the oldest failures and sweeps, then the holds. Without a stored text the
// stricter case applies.
func (d *Deployment) shrink(excess int) bool {
	type swept struct {
		Scope string
		Sweep
	}
	var scopes []swept
	for scope, sweep := range d.Sweeps {
		scopes = append(scopes, swept{scope, sweep})
	}
	slices.SortFunc(scopes, func(a, b swept) int { return a.At.Compare(b.At) })
	sweeps := list{sizesOf(scopes), func(n int) {
		for _, one := range scopes[:n] {
			delete(d.Sweeps, one.Scope)
		}
	}}
	left, dropped := shrink(excess, sweeps, listOf(&d.Breaker.Failures))
	if left > 0 && d.Holds != (Text{}) {
		d.Holds, dropped = Text{}, true
	}
	return dropped
}

func (d *Deployment) header() *Header { return &d.Header }
func (*Deployment) limit() int        { return maxDeployment }
