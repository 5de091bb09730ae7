package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// logged is how far back History tells of writes. What is older than that is
// known to have lasted as long, and no longer.
const logged = 24 * time.Hour

// openSince is from when on a door that is open now has been open without a
// break, as far as the resources and the audit log prove it: since their last
// change. Zero means that nothing is proven.
func (r *run) openSince(ctx context.Context, p posture.Posture) time.Time {
	doors := door.Of(p)
	if !door.Exposed(doors) {
		return time.Time{}
	}
	writes, read := r.told(ctx, p)
	var since time.Time
	for _, way := range doors {
		if !way.Guard.Exposed() {
			continue
		}
		if at := unchangedSince(p, way, writes, read); since.IsZero() || !at.IsZero() && at.Before(since) {
			since = at
		}
	}
	return since
}

// told is what the audit log tells of the service's project, and whether it
// could be read. Only sweeps and other commands ask: an event is itself the last
// change, and its answer, which lasts a minute, must not be older than what is
// decided by it. Nobody publishes what a dry run finds, so that asks for nothing.
func (r *run) told(ctx context.Context, p posture.Posture) ([]event.Write, bool) {
	if r.History == nil || r.request.DryRun || r.request.Cause.Command == nil {
		return nil, false
	}
	writes, err := r.writes(ctx, p.Target.Project)
	return writes, err == nil
}

// unchangedSince is when what decides about a door was last changed. Of a
// service's own addresses the service and its policy tell it, where the
// policy's etag does; of the rest the audit log does alone.
func unchangedSince(p posture.Posture, way door.Door, writes []event.Write, read bool) time.Time {
	own := way.Kind == door.DefaultURL || way.Kind == door.TagURL
	if own && !p.Invokers.ChangedAt.IsZero() {
		return latest(p.Service.CreatedAt, p.Service.UpdatedAt, p.Invokers.ChangedAt, p.Project.ChangedAt, accessChangedAt(p))
	}
	if !read {
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
	var policies []posture.AccessPolicy
	if p.Service.IAPOn {
		policies = append(policies, p.DirectAccessPolicies()...)
	}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			policies = append(policies, p.AccessPolicies(backend)...)
		}
	}
	var at time.Time
	for _, policy := range policies {
		at = latest(at, policy.Policy.ChangedAt)
	}
	return at
}

// waitingSince is since when what a service waits for has been missing, by the
// same proofs; zero where the log cannot be read.
func (r *run) waitingSince(ctx context.Context, p posture.Posture, waits protection.Finding) time.Time {
	if waits.Code == protection.IngressNotKnown {
		return latest(p.Service.CreatedAt, p.Service.UpdatedAt)
	}
	writes, read := r.told(ctx, p)
	if !read {
		return time.Time{}
	}
	since := latest(p.Service.CreatedAt, p.ObservedAt.Add(-logged))
	if waits.Code != protection.NoAccessor {
		// What is made anew takes no load balancer away; of the rest nobody can
		// tell any more whether it led to the service.
		return lastOf(writes, since, func(w event.Write) bool {
			return (w.Kind == event.BackendServiceChanged || w.Kind == event.RoutingChanged) && !strings.HasSuffix(w.Method, ".insert")
		})
	}
	since = latest(since, p.DirectAccess.ChangedAt)
	for _, backend := range p.Backends {
		since = latest(since, backend.Access.ChangedAt)
	}
	return lastOf(writes, since, func(w event.Write) bool { return !r.ours(w) && (ofService(p, w) || ofBackend(p, w)) })
}

// lastOf is the time of the last write of that kind, at least since.
func lastOf(writes []event.Write, since time.Time, kind func(event.Write) bool) time.Time {
	for _, write := range writes {
		if kind(write) {
			since = latest(since, write.At)
		}
	}
	return since
}

// ofService says whether a write was to the service itself or to its policy.
func ofService(p posture.Posture, w event.Write) bool {
	return ofProject(p, w) && w.Service == p.Target.Service && w.Location == p.Target.Location
}

// ofBackend says the same of a backend service before it.
func ofBackend(p posture.Posture, w event.Write) bool {
	return ofProject(p, w) && slices.ContainsFunc(p.Backends, func(b posture.Backend) bool {
		return w.BackendService != "" && w.Location == b.Location && (w.BackendService == b.Name || w.BackendService == b.ID)
	})
}

func ofProject(p posture.Posture, w event.Write) bool {
	return w.Project == p.Target.Project || w.Project == p.ProjectNumber
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
