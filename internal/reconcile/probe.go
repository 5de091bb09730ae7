package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// Prober asks at doors as a stranger would, once each and without credentials.
// It gives an answer for each knock, in their order.
type Prober interface {
	Probe(ctx context.Context, knocks []door.ProbeRequest) []door.Answer
}

// probing is how long after a change, beside its propagation, the doors are
// still asked: as long as the deferred message may take to come again.
const probing = 10 * time.Minute

// probed adds to what a run ended with how the doors answer strangers. What was
// verified is the configuration; a door that lets somebody in all the same is
// told at once as open. As long as a change may not hold everywhere yet, it is
// asked again instead.
func (r *run) probed(ctx context.Context, v view, final report.Report) report.Report {
	changed := r.changedAt(v.posture)
	ended := final.Outcome == report.Protected || final.Outcome == report.Compliant
	if r.Prober == nil || v.settings.Probe != policy.ProbeOn || !ended || r.request.DryRun || r.request.ReadOnly ||
		r.Now().Sub(changed) > v.settings.Propagation+probing || r.foundKept(v, changed) {
		return final
	}
	asked, knocks := r.Now(), door.ProbeRequests(v.posture)
	open := map[string]string{} // door to what it answered
	var evidence []report.Evidence
	for i, answer := range r.Prober.Probe(ctx, knocks) {
		reading := knocks[i].Read(answer)
		evidence = append(evidence, report.Evidence{What: "a request without credentials to " + knocks[i].Door, Found: reading.Found})
		if reading.Open {
			open[knocks[i].Door] = reading.Found
		}
	}
	if len(open) == 0 {
		r.Memory.keep(v.posture.Target, asked)
	}
	if until := changed.Add(v.settings.Propagation); len(open) > 0 && r.Now().Before(until) {
		final = r.deferred(v, fmt.Sprintf("a stranger still gets in at %s: a grant or setting may take %s to hold everywhere",
			doorsAmong(final.Doors, open), v.settings.Propagation), until)
	} else if len(open) > 0 {
		r.opened(&final, open)
	}
	final.Evidence = append(final.Evidence, evidence...)
	return final
}

// changedAt is when what is asked about was last changed, as far as is known: by
// this run, by the event that it is about, or by what the resources themselves
// say. A command is no change.
func (r *run) changedAt(p posture.Posture) time.Time {
	times := []time.Time{r.wroteAt(), p.Service.UpdatedAt, p.Invokers.ChangedAt}
	for _, backend := range p.Backends {
		times = append(times, backend.Access.ChangedAt)
	}
	if cause := r.request.Cause; cause.Command == nil {
		times = append(times, cause.At)
	}
	return slices.MaxFunc(times, time.Time.Compare)
}

// foundKept reports whether every door was found kept since the last change:
// one change is told by many events. Nothing hangs on it being remembered.
func (r *run) foundKept(v view, changed time.Time) bool {
	at := r.Memory.keptAt(v.posture.Target)
	return !at.IsZero() && len(r.done) == 0 && !at.Before(changed)
}

// opened tells the doors at which a stranger got in as open.
func (r *run) opened(final *report.Report, open map[string]string) {
	final.Findings = append(final.Findings, report.Finding{
		Code: protection.ProbeOpen, Severity: protection.High, Resource: final.Subject(),
		Why: "the configuration keeps every door, and a stranger got in at " + doorsAmong(final.Doors, open),
	})
	final.Advice = append(final.Advice, "ask there yourself; if the application answers, close the door by hand and tell us: run "+
		"iapguard doctor "+final.Subject()+" and look at what else leads there")
	for i, way := range final.Doors {
		if found, ok := open[way.Address]; ok {
			final.Doors[i].Guard, final.Doors[i].Why = door.GuardOpen, "a request without credentials was answered: "+found
		}
	}
	final.ExposedSince, final.ExposedUntil = nil, nil
	r.exposure(final)
}

// doorsAmong names the doors that are open, in their order.
func doorsAmong(doors []door.Door, open map[string]string) string {
	var named []string
	for _, door := range doors {
		if _, ok := open[door.Address]; ok {
			named = append(named, door.Address)
		}
	}
	return strings.Join(named, ", ")
}
