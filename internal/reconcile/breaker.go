package reconcile

import (
	"context"
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

// A failed verification is a write that the API acknowledged and that reading
// again does not show, although nobody else wrote there: then we, or the API, do
// not do what we believe. The run that meets one knows of it at once; others
// learn of it from the audit log when the same write stands there twice in a row
// with nobody's between. What did not hold once, and was not written again, only
// the instance that met it counts; so it is with who has access through IAP,
// which the log tells under another name.

// unheld finds a step of this run that did not hold.
func (r *run) unheld(ctx context.Context, v view) (plan.Step, bool) {
	for _, step := range v.plan.Steps {
		if !r.took(step) || step.Op == plan.ProvisionAgent {
			continue
		}
		if version := r.versionAfter(step); version != "" {
			if version == step.Version {
				return step, true
			}
			continue // somebody wrote since
		}
		if r.History != nil && r.lastWasOurs(ctx, v.posture, step) {
			return step, true
		}
	}
	return plan.Step{}, false
}

// versionAfter is what this run's last write to what a step writes returned.
func (r *run) versionAfter(step plan.Step) (version string) {
	for _, done := range r.done {
		if done.Result == report.StepDone && (plan.Step{Op: plan.Op(done.Op), Resource: done.Resource}).Written() == step.Written() {
			version = done.VersionAfter
		}
	}
	return version
}

// lastWasOurs asks the log who wrote last, where no version tells it.
func (r *run) lastWasOurs(ctx context.Context, p posture.Posture, step plan.Step) bool {
	writes, err := r.writes(ctx, p.Target.Project)
	if err != nil {
		return false
	}
	ours := false
	for _, write := range writes {
		if sameThing(p, step, write) && write.Kind == kindOf(step) {
			ours = r.ours(write)
		}
	}
	return ours
}

// unverified reports that a step was acknowledged and is not so.
func (r *run) unverified(v view, step plan.Step) report.Report {
	what := settingOf(step)
	r.Memory.fail(what, r.Now())
	final := r.report(v, report.Failed)
	final.Advice = append(final.Advice, fmt.Sprintf(
		"%s was written and acknowledged, but reading again does not show it, and nobody else wrote there; two of these within an hour hold every write", what))
	return final
}

// settingOf names what a step writes, as failures and the log are compared by.
func settingOf(step plan.Step) string {
	if step.Written() != step.Resource {
		return "the IAM policy of " + step.Resource
	}
	return step.Field + " of " + step.Resource
}

// unheldIn finds what was written by us twice in a row, the same each time, with
// nobody's write between: the first did not hold. It gives the times.
func unheldIn(writes []event.Write, ours func(event.Write) bool, since time.Time) map[string][]time.Time {
	failed, last := map[string][]time.Time{}, map[string]string{}
	for _, write := range writes {
		resource, ok := resourceOf(write)
		if !ok {
			continue
		}
		if !ours(write) || write.Recreated {
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

// resourceOf is the name of what was written, as plans have it.
func resourceOf(write event.Write) (name string, ok bool) {
	switch write.Kind {
	case event.RunServiceChanged, event.RunIAMChanged, event.RunServiceDeleted:
		return posture.Target{Project: write.Project, Location: write.Location, Service: write.Service}.Name(), write.Service != ""
	case event.BackendServiceChanged:
		return posture.Backend{Project: write.Project, Location: write.Location, Name: write.BackendService}.Resource(), true
	}
	return "", false
}

// valuesOf are the settings that were written, each with its value as text. The
// entry of an update of a service says only that Cloud Run admitted it, not how
// its operation ended, so it proves no acknowledged write.
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
// Of one thing the larger count is right: the log and the memory know of the same.
func breakerOf(counts []map[string][]time.Time) *brake {
	failed := map[string][]time.Time{}
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
	return &brake{
		what: fmt.Sprintf("%d writes within an hour did not hold although they were acknowledged: %s", len(times),
			strings.Join(slices.Sorted(maps.Keys(failed)), ", ")),
		until: times[len(times)-opensAfter].Add(window).UTC(),
	}
}
