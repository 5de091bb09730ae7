package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// swept says whether a sweep led to this run, rather than an event.
func (r *run) swept() bool {
	command := r.request.Cause.Command
	return command != nil && command.Name == "sweep"
}

// lastChange is the last write of somebody else's that may have made one of the
// gaps, nil where the last 24 hours know of none. An event should have told of it.
func (r *run) lastChange(v view, due []plan.Step, writes []event.Write) *event.Write {
	for _, write := range slices.Backward(writes) {
		if r.ours(write) || write.Principal == "" {
			continue
		}
		for _, step := range due {
			if effect := effectOf(v.posture, step, write); effect != untouched && effect != made {
				return &write
			}
		}
	}
	return nil
}

// protected reports gaps that were closed. Where a sweep found them it says so,
// and who made them, as far as is known: events were to lead to it before. There
// is no memory of what held it back until now, but the reports have one.
func (r *run) protected(v view) report.Report {
	final := r.report(v, report.Protected)
	if !r.swept() {
		return final
	}
	found := "found by a sweep, and not by an event"
	if w := r.missed; w != nil {
		found += fmt.Sprintf(": %s changed it at %s (%s)", w.Principal, w.At.UTC().Format(time.RFC3339), w.Method)
	}
	final.Advice = append(final.Advice, found+"; unless an earlier report says what held it back, events do not arrive: check the sinks and triggers")
	return final
}
