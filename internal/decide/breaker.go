package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// A write did not hold when the API acknowledged it as done, the resource is still at
// the version that the write returned, and the field is not as we wrote it. Then we,
// or the API, do not do what we believe. A write whose operation failed is an error
// with Google's text, and a write whose version has moved on was undone by somebody:
// neither counts.

// Window is how far limits and the circuit breaker look back.
const Window = memory.Window

// opensAfter is how many services in one project, or how many projects, make the
// circuit breaker hold a kind of step in the project, or everywhere.
const opensAfter = 3

// unheld sets the steps of this run aside that did not hold.
func (d *decider) unheld() {
	for _, step := range d.plan.Steps {
		if !d.run.took(step) || step.Op() == provision || step.Op() == enableAPI || d.run.failed(step) {
			continue
		}
		if version := d.run.versionAfter(step); version == "" || version != step.Version {
			continue // somebody wrote since, or nobody can say
		}
		d.run.Failed = append(slices.Clip(d.run.Failed), FailedStep{Step: step, Err: fmt.Errorf(
			"%s was written and acknowledged, but reading again does not show it, and nobody else wrote there; "+
				"for an hour this step is not repeated", settingOf(step))})
		d.run.Unheld = append(slices.Clip(d.run.Unheld), memory.Failure{
			Project: d.facts.Posture.Target.Project, Service: d.facts.Posture.Target.Name(),
			Resource: step.Resource, Field: step.Field(), Op: string(step.Op()), At: d.now,
		})
	}
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

// settingOf names what a step writes.
func settingOf(step plan.Step) string {
	if step.Written() != step.Resource {
		return "the IAM policy of " + step.Resource
	}
	return step.Field() + " of " + step.Resource
}

// broken holds back the kinds of steps that the circuit breaker has open.
func (d *decider) broken() {
	failures := RecentFailures(*d.facts.Breaker, d.now)
	if len(failures) == 0 {
		return
	}
	open := door.Exposed(door.Of(d.facts.Posture)) == door.Yes
	for _, step := range d.plan.Steps {
		if step.Op() == withdrawInvoker {
			continue
		}
		same := func(s plan.Step) bool { return s.Op() == step.Op() && s.Resource == step.Resource }
		if why := openFor(step, d.facts.Posture.Target.Project, failures); why != nil && !(open && closesDoors(step)) {
			d.holdBack(same, *why)
		}
		if why := harmfulNow(step, failures); why != nil && d.counts(step) && !d.restores(step) {
			d.holdBack(same, *why)
		}
	}
}

// closesDoors reports whether a step takes a way in from strangers. The circuit breaker
// never stops that while a door is open.
func closesDoors(step plan.Step) bool {
	return slices.Contains(closers, step.Op())
}

var closers = []plan.Op{restrictIngress, requireInvoker, revokePublic, revokeAccess}

// RecentFailures are those that count: within the window, and after somebody closed the
// circuit breaker. A time that lies ahead was not written by us.
func RecentFailures(b memory.Breaker, now time.Time) []memory.Failure {
	closed := b.ClosedAt
	if closed.After(now) {
		closed = time.Time{}
	}
	return slices.DeleteFunc(slices.Clone(b.Failures), func(f memory.Failure) bool {
		return f.At.After(now) || now.Sub(f.At) >= Window || !f.At.After(closed)
	})
}

// openFor is why the circuit breaker holds a step, nil = it does not: the same step
// failed on this resource, on three services of the project, or in three projects.
func openFor(step plan.Step, project string, failures []memory.Failure) *Holdup {
	var here []memory.Failure
	kind := ofKind(step, failures, false)
	services, projects := map[string]bool{}, map[string]bool{}
	for _, failure := range kind {
		if failure.Resource == step.Resource && failure.Field == step.Field() {
			here = append(here, failure)
		}
		if failure.Project == project {
			services[failure.Service] = true
		}
		projects[failure.Project] = true
	}
	what := ""
	switch {
	case len(projects) >= opensAfter:
		here, what = kind, fmt.Sprintf("in %d projects", len(projects))
	case len(services) >= opensAfter:
		here, what = kind, fmt.Sprintf("for %d services of project %s", len(services), project)
	case len(here) > 0:
		what = "on " + step.Resource
	default:
		return nil
	}
	until := windowAfter(here)
	return &Holdup{fmt.Sprintf("the circuit breaker holds %s until %s: the same write did not hold %s although it was "+
		"acknowledged", step.Op(), until.Format(time.RFC3339), what), until}
}

// ofKind are the failures of a step's kind: those that are harm, or those that are not.
func ofKind(step plan.Step, failures []memory.Failure, harm bool) []memory.Failure {
	return slices.DeleteFunc(slices.Clone(failures), func(f memory.Failure) bool {
		return f.Op != string(step.Op()) || f.Harm != harm
	})
}

// windowAfter is when a window after the last of the failures ends.
func windowAfter(failures []memory.Failure) time.Time {
	last := slices.MaxFunc(failures, func(a, b memory.Failure) int { return a.At.Compare(b.At) })
	return last.At.Add(Window).UTC()
}
