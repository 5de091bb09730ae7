package decide

import (
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// logged is how far back the history goes. A state that is older is known to have
// lasted that long, and no longer.
const logged = 24 * time.Hour

func exposedIn(doors []door.Door) bool { return door.Exposed(doors) == door.Yes }

// openSince is since when a door that is open now has been open without a break:
// since the last change that the resources and the history show. Zero means that
// nothing is proven.
func (d *decider) openSince() time.Time {
	p := d.facts.Posture
	doors := door.Of(p)
	if !exposedIn(doors) {
		return time.Time{}
	}
	writes, known := d.auditWrites()
	var since time.Time
	for _, one := range doors {
		if !one.Guard.Exposed() {
			continue
		}
		if at := unchangedSince(p, one, writes, known); since.IsZero() || !at.IsZero() && at.Before(since) {
			since = at
		}
	}
	return since
}

// auditWrites is what the audit log has of the service's project, and whether it
// could be read. Only sweeps and other commands ask. An event is itself the last
// change, and the log's answer, which is kept for a minute, may be older than the
// event. A dry run publishes nothing, so it does not ask.
func (d *decider) auditWrites() ([]event.Write, bool) {
	if d.off() || d.request.DryRun || d.request.Cause.Command == nil {
		return nil, false
	}
	return d.history()
}

// unchangedSince is when the settings behind a door last changed. For a service's
// own addresses the service and its IAM policy show it, where the policy's etag
// holds a time. For other doors only the history shows it.
func unchangedSince(p posture.Posture, one door.Door, writes []event.Write, known bool) time.Time {
	own := one.Kind == door.DefaultURL || one.Kind == door.TagURL
	if part, at := p.Part(one.Via); own && at && !part.Invokers.ChangedAt.IsZero() {
		return latest(p.Service.CreatedAt, p.Service.UpdatedAt, part.Invokers.ChangedAt, p.Invokers.ChangedAt,
			p.Project.ChangedAt, accessChangedAt(p))
	}
	if !known {
		return time.Time{}
	}
	since := latest(p.Service.CreatedAt, p.Project.ChangedAt, accessChangedAt(p), p.ObservedAt.Add(-logged))
	return lastOf(writes, since, func(w event.Write) bool {
		return ofService(p, w) || !own && (ofBackend(p, w) || w.Kind == event.RoutingChanged)
	})
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

// waitingSince is since when the thing that a service waits for has been missing,
// with the same proofs; zero where the history cannot be read.
func (d *decider) waitingSince(waits protection.Finding) time.Time {
	p := d.facts.Posture
	if waits.Code == protection.IngressNotKnown {
		return latest(p.Service.CreatedAt, p.Service.UpdatedAt)
	}
	writes, known := d.auditWrites()
	if !known {
		return time.Time{}
	}
	since := latest(p.Service.CreatedAt, p.ObservedAt.Add(-logged))
	if waits.Code != protection.NoAccessor {
		// A created resource takes no load balancer away. Whether any other led to
		// the service is no longer known.
		return lastOf(writes, since, func(w event.Write) bool {
			return (w.Kind == event.BackendServiceChanged || w.Kind == event.RoutingChanged) &&
				!strings.HasSuffix(w.Method, ".insert")
		})
	}
	for _, part := range p.Parts() {
		since = latest(since, part.DirectAccess.ChangedAt)
	}
	for _, backend := range p.Backends {
		since = latest(since, backend.Access.ChangedAt)
	}
	return lastOf(writes, since, func(w event.Write) bool { return !d.wroteIt(w) && (ofService(p, w) || ofBackend(p, w)) })
}

// lastOf is the time of the last write of that kind, but not before since.
func lastOf(writes []event.Write, since time.Time, kind func(event.Write) bool) time.Time {
	for _, write := range writes {
		if kind(write) {
			since = latest(since, write.At)
		}
	}
	return since
}

// ofService reports whether a write was to the service itself or to its policy.
func ofService(p posture.Posture, w event.Write) bool {
	written := posture.Target{Project: p.Target.Project, Location: w.Location, Service: w.Service}
	_, ours := p.Part(written.Name())
	return ofProject(p, w) && ours
}

// ofBackend reports whether a write was to a backend service before the service.
func ofBackend(p posture.Posture, w event.Write) bool {
	return ofProject(p, w) && slices.ContainsFunc(p.Backends, func(b posture.Backend) bool {
		return w.BackendService != "" && w.Location == b.Location && (w.BackendService == b.Name || w.BackendService == b.ID)
	})
}

func ofProject(p posture.Posture, w event.Write) bool {
	return w.Project == p.Target.Project || w.Project == p.ProjectNumber
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
