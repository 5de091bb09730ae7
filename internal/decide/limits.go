package decide

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Window is how far limits and the circuit breaker look back.
const Window = time.Hour

// Counts is what was written within the window, and what did not hold, in the
// projects that the policy names in full and in those that this instance met.
type Counts struct {
	Tallies map[string]Tally // by project
	Failed  []Failures       // by source: this instance, and the history of each project
	// Own are the services that this instance let write, which the audit log may
	// not know of yet.
	Own map[posture.Target]time.Time
	// Unread is why the log of a project could not be read.
	Unread map[string]error
}

// Tally is what was written by us in one project within the window: every
// service and every backend service, with the last time.
type Tally struct{ services, backends map[string]time.Time }

// TallyOf counts our writes of a project since a time.
func TallyOf(writes []event.Write, self event.Self, since time.Time) Tally {
	t := Tally{map[string]time.Time{}, map[string]time.Time{}}
	for _, write := range writes {
		switch {
		case !write.At.After(since) || !wroteIt(self, write):
		case write.Service != "":
			t.services[write.Location+"/"+write.Service] = write.At
		case write.BackendService != "" && write.Kind == event.BackendServiceChanged:
			t.backends[write.Location+"/"+write.BackendService] = write.At
		}
	}
	return t
}

// size is how many services were written.
func (t Tally) size() int { return len(t.times()) }

// times are the last writes of everything that counts. The log does not say which
// services are behind a backend service. Most likely they are the services that
// were written, so the larger of both numbers counts.
func (t Tally) times() []time.Time {
	if len(t.backends) > len(t.services) {
		return slices.Collect(maps.Values(t.backends))
	}
	return slices.Collect(maps.Values(t.services))
}

// holds reports whether a service, or a backend service before it, counts already.
func (t Tally) holds(p posture.Posture) bool {
	for _, part := range append(p.Parts(), p) {
		if _, ok := t.services[part.Target.Location+"/"+part.Target.Service]; ok {
			return true
		}
	}
	return slices.ContainsFunc(p.Backends, func(b posture.Backend) bool {
		_, ok := t.backends[b.Location+"/"+b.Name]
		return ok
	})
}

// with returns the tallies with this instance's own writes, by project.
func (c Counts) with(now time.Time) map[string]Tally {
	tallies := map[string]Tally{}
	for project, t := range c.Tallies {
		tallies[project] = Tally{maps.Clone(t.services), t.backends}
	}
	for target, at := range c.Own {
		if now.Sub(at) >= Window {
			continue
		}
		t, known := tallies[target.Project]
		if !known {
			t = Tally{map[string]time.Time{}, map[string]time.Time{}}
			tallies[target.Project] = t
		}
		t.services[target.Location+"/"+target.Service] = at
	}
	return tallies
}

// throttle stops a service because of what was written elsewhere.
type throttle struct {
	what  string
	until time.Time // when the next may be written
}

// limited is held when the circuit breaker or a limit stops the service. Both stop
// a person's request too.
func (d *decider) limited() (decision Decision, stopped bool) {
	if d.off() {
		return decision, false
	}
	if d.facts.Counts == nil {
		d.needs.Counts = true
		return decision, false
	}
	name, on := "the circuit breaker is open", breakerOf(d.facts.Counts.Failed)
	if on == nil {
		name, on = "the hourly limit is used up", d.limit()
	}
	if on == nil {
		return decision, false
	}
	decision = d.end(report.Held, "it goes on at the next event or sweep after that")
	decision.WaitingFor = &report.WaitingFor{What: fmt.Sprintf("%s until %s: %s", name, on.until.Format(time.RFC3339),
		on.what), Until: &on.until}
	return decision, true
}

// limit returns the limit that stops the service, nil for none. Where the log
// cannot be read, only this instance's own writes count.
func (d *decider) limit() *throttle {
	return limitOf(d.facts.Posture, d.settings, d.facts.Counts.with(d.now), d.now)
}

func limitOf(p posture.Posture, settings policy.Settings, tallies map[string]Tally, now time.Time) *throttle {
	limits, own := settings.Limits, tallies[p.Target.Project]
	if own.holds(p) {
		return nil
	}
	var all []time.Time
	for _, each := range tallies {
		all = append(all, each.times()...)
	}
	if on := reached(own.times(), limits.PerProject, now); on != nil {
		on.what = fmt.Sprintf("%d of at most %d services of project %s were written within an hour "+
			"(limits.perProject of rule %s)",
			len(own.times()), limits.PerProject, p.Target.Project, settings.Rule)
		return on
	}
	if on := reached(all, limits.Overall, now); on != nil {
		on.what = fmt.Sprintf("%d of at most %d services were written within an hour (limits.overall of rule %s)",
			len(all), limits.Overall, settings.Rule)
		return on
	}
	return nil
}

// reached returns until when these writes stop a further one, nil for none.
func reached(times []time.Time, limit int, now time.Time) *throttle {
	if limit == 0 || len(times) < limit {
		return nil
	}
	slices.SortFunc(times, time.Time.Compare)
	until := times[len(times)-limit].Add(Window)
	if !until.After(now) {
		return nil
	}
	return &throttle{until: until.UTC()}
}
