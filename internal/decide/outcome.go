package decide

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// outcome decides how the run ends, by what was last observed.
func (d *decider) outcome() Decision {
	due, later := d.due()
	if len(d.run.Failed) > 0 {
		return d.endedBy()
	}
	if d.onlyGlass(due, later) {
		return d.endBroken()
	}
	switch worst := protection.Worst(d.findings); {
	case worst == protection.Blocks && len(d.plan.Steps) == 0 && len(d.heldUp) == 0:
		return d.end(report.Blocked)
	case len(d.plan.Steps) > 0 && d.hold != nil && d.agreed():
		return d.held()
	case d.contest != nil && (len(due) == 0 || !d.mayWrite()):
		return d.endContested()
	case len(due) > 0 && d.mayWrite():
		return d.keptChanging()
	case len(d.heldUp) > 0 && len(due) == 0 && len(later) == 0:
		return d.heldBack()
	case len(later) > 0 && d.mayWrite():
		return d.deferred(d.waitReason(later[0].NotBefore), later[0].NotBefore)
	case worst == protection.Blocks:
		return d.end(report.Blocked)
	case worst == protection.Waits:
		return d.waiting()
	case len(d.plan.Steps) > 0:
		return d.planned()
	case d.want.Recipe != policy.RecipeOff && door.Exposed(door.NotExempt(door.Of(d.facts.Posture))) != door.No:
		return d.open()
	case d.want.Recipe != policy.RecipeOff && exemptIn(door.Of(d.facts.Posture)):
		return d.exemptDoor()
	case d.run.wrote():
		return d.protected()
	case d.run.redeployedSince(time.Time{}):
		return d.end(report.Redeployed)
	}
	return d.end(report.Compliant)
}

// keptChanging ends a run whose rounds are used up.
func (d *decider) keptChanging() Decision {
	what := "the resources kept changing while they were written"
	if d.run.Conflict != nil {
		what += ": " + d.run.Conflict.Error()
	}
	return d.deferred(what, time.Time{})
}

// waitReason says why the next step is not due.
func (d *decider) waitReason(until time.Time) string {
	p := d.facts.Posture
	if p.Service.Reconciling {
		return "the service is still being deployed"
	}
	for _, wait := range []time.Duration{d.settings.Quiet, d.settings.Settle} {
		if wait > 0 && !until.After(p.Service.UpdatedAt.Add(wait)) {
			return fmt.Sprintf("the service was changed less than %s ago", policy.InWords(wait))
		}
	}
	touched := d.want.Clocks.TouchedAt
	if wait := max(d.settings.Settle, d.settings.Quiet); !touched.IsZero() && !until.After(touched.Add(wait)) {
		return fmt.Sprintf("a backend service was changed less than %s ago", policy.InWords(wait))
	}
	for _, part := range p.Parts() {
		quiet := part.Invokers.ChangedAt.Add(d.settings.Quiet)
		if d.settings.Quiet > 0 && !until.After(quiet) {
			return fmt.Sprintf("the service's IAM policy was changed less than %s ago", policy.InWords(d.settings.Quiet))
		}
	}
	return fmt.Sprintf("a grant or setting may take %s to hold everywhere", policy.InWords(d.settings.Propagation))
}

func (d *decider) deferred(what string, until time.Time) Decision {
	decision := d.end(report.Deferred)
	decision.WaitingFor = &report.WaitingFor{What: what}
	if !until.IsZero() {
		until = until.UTC()
		decision.WaitingFor.Until = &until
	}
	return decision
}

func (d *decider) planned() Decision {
	decision := d.end(report.Planned)
	if d.otherPlan() {
		decision.Advice = append(decision.Advice, d.otherPlanAdvice())
	}
	if d.leftToPeople() {
		decision.Advice = append(decision.Advice, d.ageAdvice())
	}
	return decision
}

func (d *decider) waiting() Decision {
	decision := d.end(report.Waiting)
	if finding, ok := waitsFor(d.findings); ok {
		decision.WaitingFor = &report.WaitingFor{What: finding.Why}
		if since := d.missingSince.UTC(); !d.missingSince.IsZero() {
			decision.WaitingFor.Since = &since
		}
	}
	return decision
}

// open is the decision about a service that is open or may be, with nothing left to
// do about it: a person must close the door, or let it be read.
func (d *decider) open() Decision {
	var advice []string
	for _, one := range door.NotExempt(door.Of(d.facts.Posture)) {
		at := cmp.Or(one.Address, one.Via)
		switch {
		case one.Guard.Exposed():
			advice = append(advice, fmt.Sprintf("%s is open: %s", at, cmp.Or(one.Why, "anybody gets in there")))
		case one.Guard == door.GuardUnknown:
			advice = append(advice, fmt.Sprintf("%s may be open: %s", at, one.Why))
		}
	}
	return d.end(report.Blocked, advice...)
}

// waitsFor is the finding that a service waits for, if nothing else stops it.
func waitsFor(findings []protection.Finding) (protection.Finding, bool) {
	if protection.Worst(findings) != protection.Waits {
		return protection.Finding{}, false
	}
	at := slices.IndexFunc(findings, func(f protection.Finding) bool { return f.Disposition == protection.Waits })
	return findings[at], true
}

// protected reports gaps that were closed. Where a sweep found them, it adds that,
// and who made them if that is known: an event should have led here earlier.
func (d *decider) protected() Decision {
	decision := d.end(report.Protected)
	if !d.request.swept() {
		return decision
	}
	writes, _ := d.history()
	found := "found by a sweep, and not by an event"
	if w := d.lastChange(d.taken(), writes); w != nil {
		found += fmt.Sprintf(": %s changed it at %s (%s)", w.Principal, w.At.UTC().Format(time.RFC3339), w.Method)
	}
	decision.Advice = append(decision.Advice,
		found+"; unless an earlier report says what held it back, events do not arrive: check the sinks and triggers")
	return decision
}

// busyPause is when to look again at what is being changed.
const busyPause = 10 * time.Second

// failed reports the error of a write, with the state after it.
func (d *decider) failed() Decision {
	d.needs, d.diagnosis = Needs{}, d.run.Diagnosis // the state is enough
	err := d.facts.WriteErr
	switch {
	case fault.Of(err).Kind == fault.OperationUnread:
		return d.deferred("a change of our own is not seen yet: "+err.Error(), d.now.Add(busyPause))
	case fault.ActionOf(err) == fault.Later:
		return d.deferred("somebody else's change is under way, and no second one is taken meanwhile: "+err.Error(),
			d.now.Add(busyPause))
	}
	decision := d.end(OutcomeOf(err))
	if decision.Outcome == report.Deferred {
		decision = d.deferred("the delivery was ended before the run was: the next delivery goes on", time.Time{})
	}
	decision.Err = err
	if constraint := fault.Of(err).Constraint; constraint != "" {
		found := protection.ForbiddenBy(constraint, d.facts.Posture.Target.Project, err.Error())
		decision.Findings = append(decision.Findings, found)
	}
	return decision
}

// OutcomeOf is the outcome of a run that met an error. A run that is cut off, because the
// instance stops or the sender waits no longer, is handed over.
func OutcomeOf(err error) report.Outcome {
	switch {
	case fault.ActionOf(err) == fault.Block:
		return report.Blocked
	case fault.Of(err).Kind == fault.Canceled:
		return report.Deferred
	}
	return report.Failed
}

// Exposure is from when to when a door was open, as far as is known: from the
// cause on, or from earlier where that is proven, until the observation. Zero
// times are not known, or do not apply.
func Exposure(run Run, exposed door.Knowledge, cause, observed time.Time) (since, until time.Time) {
	if door.Exposed(run.Before) != door.Yes && exposed != door.Yes {
		return since, until
	}
	since = run.Began.UTC()
	for _, earlier := range []time.Time{cause, run.OpenSince} {
		if !earlier.IsZero() && earlier.Before(since) {
			since = earlier.UTC()
		}
	}
	if exposed == door.No {
		until = observed
	}
	return since, until
}
