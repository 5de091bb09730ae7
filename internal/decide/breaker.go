package decide

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// opensAfter is how many failed verifications within the window hold everything.
const opensAfter = 2

// A verification fails when the API acknowledged a write, a later read does not
// show it, and nobody else wrote there. Then we, or the API, do not do what we
// believe. A write whose operation failed is an error with Google's text, and
// never a failed verification.
//
// The run that meets a failed verification counts it at once. Other instances see
// it in the audit log, once the same write stands there twice in a row with no
// other writer between. Only the instance that met it counts a write that did not
// hold and was not repeated, or a change of the access through IAP, which the log
// has under another name.

// Failures are failed verifications, by the setting that did not hold.
type Failures map[string][]time.Time

// failedVerification finds a step of this run that did not hold.
func (d *decider) failedVerification() (plan.Step, bool) {
	for _, step := range d.plan.Steps {
		if !d.run.took(step) || step.Op() == provision || step.Op() == enableAPI {
			continue
		}
		if version := d.run.versionAfter(step); version != "" {
			if version == step.Version {
				return step, true
			}
			continue // somebody wrote since
		}
		if !d.off() && d.lastWasOurs(step) {
			return step, true
		}
	}
	return plan.Step{}, false
}

// versionAfter is what this run's last write to what a step writes returned.
func (r Run) versionAfter(step plan.Step) (version string) {
	for _, done := range r.own() {
		taken, err := done.Plan()
		if err == nil && done.Result == report.StepDone && taken.Written() == step.Written() {
			version = done.VersionAfter
		}
	}
	return version
}

// lastWasOurs asks the history who wrote last, where no version shows it.
func (d *decider) lastWasOurs(step plan.Step) bool {
	writes, known := d.history()
	own := false
	for _, write := range writes {
		if step.Audits(d.facts.Posture, write) {
			own = d.wroteIt(write)
		}
	}
	return known && own
}

// verificationFailed reports a step that was acknowledged and does not hold.
func (d *decider) verificationFailed(step plan.Step) Decision {
	what := settingOf(step)
	decision := d.end(report.Failed, fmt.Sprintf(
		"%s was written and acknowledged, but reading again does not show it, and nobody else wrote there; two of these "+
			"within an hour hold every write", what))
	decision.Remember.Failed = what
	return decision
}

// settingOf names what a step writes, as failures and audit log entries name it.
func settingOf(step plan.Step) string {
	if step.Written() != step.Resource {
		return "the IAM policy of " + step.Resource
	}
	return step.Field() + " of " + step.Resource
}

// FailuresIn finds values that we wrote twice in a row with no other writer
// between: the first write did not hold. It returns when, by setting.
func FailuresIn(writes []event.Write, self event.Self, since time.Time) Failures {
	failed, last := Failures{}, map[string]string{}
	for _, write := range writes {
		resource, ok := resourceOf(write)
		if !ok {
			continue
		}
		if !wroteIt(self, write) || write.Recreated {
			maps.DeleteFunc(last, func(what, _ string) bool { return strings.HasSuffix(what, " of "+resource) })
			continue
		}
		for what, value := range valuesOf(write, resource) {
			if last[what] == value && write.At.After(since) {
				failed[what] = append(failed[what], write.At)
			}
			last[what] = value
		}
	}
	return failed
}

// resourceOf is the name of what was written, as plans name it.
func resourceOf(write event.Write) (name string, ok bool) {
	switch write.Kind {
	case event.RunServiceChanged, event.RunIAMChanged, event.RunServiceDeleted:
		return posture.Target{Project: write.Project, Location: write.Location, Service: write.Service}.Name(),
			write.Service != ""
	case event.BackendServiceChanged:
		return posture.Backend{Project: write.Project, Location: write.Location, Name: write.BackendService}.Resource(), true
	}
	return "", false
}

// valuesOf are the settings that were written, each with its value as text. The
// entry of a service's update shows only that Cloud Run admitted it, not how its
// operation ended, so it does not prove an acknowledged write.
func valuesOf(write event.Write, resource string) map[string]string {
	values := map[string]string{}
	if write.Policy != nil {
		var lines []string
		for _, binding := range write.Policy.Bindings {
			for _, member := range binding.Members {
				lines = append(lines, binding.Role+" "+member+" "+binding.Condition)
			}
		}
		slices.Sort(lines)
		values["the IAM policy of "+resource] = "policy " + strings.Join(lines, "\n")
	}
	if write.Kind == event.RunServiceChanged {
		return values
	}
	for field, value := range write.Settings {
		values[field+" of "+resource] = value
	}
	return values
}

// breakerOf says what holds everything, nil while fewer than two writes failed.
// Several sources may count the same failures of a setting, so its largest count
// is taken.
func breakerOf(counts []Failures) *throttle {
	failed := Failures{}
	for _, each := range counts {
		for what, times := range each {
			if len(times) > len(failed[what]) {
				failed[what] = times
			}
		}
	}
	var times []time.Time
	for _, each := range failed {
		times = append(times, each...)
	}
	if len(times) < opensAfter {
		return nil
	}
	slices.SortFunc(times, time.Time.Compare)
	return &throttle{
		what: fmt.Sprintf("%d writes within an hour did not hold although they were acknowledged: %s", len(times),
			strings.Join(slices.Sorted(maps.Keys(failed)), ", ")),
		until: times[len(times)-opensAfter].Add(Window).UTC(),
	}
}

// Limited is how much was written within the last hour, for a person.
type Limited struct {
	Written map[string]int // services by project
	Overall int
	Open    string    // what the circuit breaker holds everything for, "" = closed
	Until   time.Time // until when
}

// LimitedBy sums up what was counted. It knows the failures in the audit log; an
// instance that met one may know more.
func LimitedBy(c Counts) Limited {
	sum := Limited{Written: map[string]int{}}
	for project, each := range c.Tallies {
		sum.Written[project] = each.size()
		sum.Overall += each.size()
	}
	if on := breakerOf(c.Failed); on != nil {
		sum.Open, sum.Until = on.what, on.until
	}
	return sum
}
