package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// window is what brakes and the circuit breaker look back upon.
const window = time.Hour

// tally is what was written by us in one project within the window: every
// service and every backend service, with the last time.
type tally struct{ services, backends map[string]time.Time }

// tallyOf counts the writes of a project.
func tallyOf(writes []event.Write, ours func(event.Write) bool, since time.Time) tally {
	t := tally{map[string]time.Time{}, map[string]time.Time{}}
	for _, write := range writes {
		switch {
		case !write.At.After(since) || !ours(write):
		case write.Service != "":
			t.services[write.Location+"/"+write.Service] = write.At
		case write.BackendService != "" && write.Kind == event.BackendServiceChanged:
			t.backends[write.Location+"/"+write.BackendService] = write.At
		}
	}
	return t
}

// times are the last writes of all that counts. The log does not say which
// services are behind a backend service: those that were written themselves
// are most likely these, so that the larger number counts.
func (t tally) times() []time.Time {
	if len(t.backends) > len(t.services) {
		return slices.Collect(maps.Values(t.backends))
	}
	return slices.Collect(maps.Values(t.services))
}

// holds reports whether a service, or a backend service before it, counts already.
func (t tally) holds(p posture.Posture) bool {
	if _, ok := t.services[p.Target.Location+"/"+p.Target.Service]; ok {
		return true
	}
	return slices.ContainsFunc(p.Backends, func(b posture.Backend) bool {
		_, ok := t.backends[b.Location+"/"+b.Name]
		return ok
	})
}

// brake is what stops a service because many others were written.
type brake struct {
	what  string
	until time.Time // when the next may be written
}

// admit lets a service be written, or says which brake is on. Whom it lets
// counts from then on, also before the log knows. Where the log cannot be read,
// tallies is empty, and what counts are this instance's own writes alone.
func (m *Memory) admit(p posture.Posture, limits policy.Limits, rule string, tallies map[string]tally, now time.Time) *brake {
	if m == nil {
		m = &Memory{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.wrote, func(_ posture.Target, at time.Time) bool { return now.Sub(at) >= window })
	for target, at := range m.wrote {
		t, known := tallies[target.Project]
		if !known {
			t = tally{map[string]time.Time{}, map[string]time.Time{}}
			tallies[target.Project] = t
		}
		t.services[target.Location+"/"+target.Service] = at
	}
	own := tallies[p.Target.Project]
	if !own.holds(p) {
		var all []time.Time
		for _, each := range tallies {
			all = append(all, each.times()...)
		}
		if on := braking(own.times(), limits.PerProject, now); on != nil {
			on.what = fmt.Sprintf("%d of at most %d services of project %s were written within an hour (limits.perProject of rule %s)", len(own.times()), limits.PerProject, p.Target.Project, rule)
			return on
		}
		if on := braking(all, limits.Overall, now); on != nil {
			on.what = fmt.Sprintf("%d of at most %d services were written within an hour (limits.overall of rule %s)", len(all), limits.Overall, rule)
			return on
		}
	}
	if m.wrote == nil {
		m.wrote = map[posture.Target]time.Time{}
	}
	m.wrote[p.Target] = now
	return nil
}

// braking says until when so many writes keep a further one back, nil for none.
func braking(times []time.Time, limit int, now time.Time) *brake {
	if limit == 0 || len(times) < limit {
		return nil
	}
	slices.SortFunc(times, time.Time.Compare)
	until := times[len(times)-limit].Add(window)
	if !until.After(now) {
		return nil
	}
	return &brake{until: until.UTC()}
}
