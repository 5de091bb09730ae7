package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// conclude names the outcome of what was last observed.
func (r *run) conclude(v view) report.Report {
	due, later := v.plan.Due(r.Now())
	switch worst := protection.Worst(v.findings); {
	case worst == protection.Blocks:
		return r.report(v, report.Blocked)
	case len(v.plan.Steps) > 0 && v.hold != nil && r.agreed(v):
		return r.held(v)
	case len(due) > 0 && r.mayWrite(v):
		return r.deferred(v, "the resources kept changing while they were written", time.Time{})
	case len(later) > 0 && r.mayWrite(v):
		return r.deferred(v, waitReason(later[0].NotBefore, v), later[0].NotBefore)
	case worst == protection.Waits:
		return r.waiting(v)
	case len(v.plan.Steps) > 0:
		return r.planned(v)
	case r.wrote():
		return r.protected(v)
	}
	return r.report(v, report.Compliant)
}

// wrote says whether this run may have changed how the service is protected: a
// step that failed may have taken effect, with its answer lost. A redeploy
// protects nothing; one that failed is here because somebody else was quicker.
func (r *run) wrote() bool {
	return slices.ContainsFunc(r.done, func(step report.Step) bool { return step.Op != string(plan.Redeploy) })
}

// waitReason says why the next step is not due.
func waitReason(until time.Time, v view) string {
	if v.posture.Service.Reconciling {
		return "the service is still being deployed"
	}
	if settled := v.posture.Service.UpdatedAt.Add(v.settings.Settle); v.settings.Settle > 0 && !until.After(settled) {
		return fmt.Sprintf("the service was changed less than %s ago", policy.InWords(v.settings.Settle))
	}
	return fmt.Sprintf("a grant or setting may take %s to hold everywhere", policy.InWords(v.settings.Propagation))
}

func (r *run) deferred(v view, what string, until time.Time) report.Report {
	final := r.report(v, report.Deferred)
	final.WaitingFor = &report.WaitingFor{What: what}
	if !until.IsZero() {
		until = until.UTC()
		final.WaitingFor.Until = &until
	}
	return final
}

func (r *run) planned(v view) report.Report {
	final := r.report(v, report.Planned)
	if v.tooOld() {
		final.Advice = append(final.Advice, ageAdvice(v))
	}
	return final
}

func (r *run) waiting(v view) report.Report {
	final := r.report(v, report.Waiting)
	if finding, ok := waitsFor(v.findings); ok {
		final.WaitingFor = &report.WaitingFor{What: finding.Why}
		if since := v.since.UTC(); !v.since.IsZero() {
			final.WaitingFor.Since = &since
		}
	}
	return final
}

// waitsFor is the finding that a service waits for, if nothing else stops it.
func waitsFor(findings []protection.Finding) (protection.Finding, bool) {
	if protection.Worst(findings) != protection.Waits {
		return protection.Finding{}, false
	}
	at := slices.IndexFunc(findings, func(f protection.Finding) bool { return f.Effect == protection.Waits })
	return findings[at], true
}

// busyPause is when to look again at what somebody else is changing.
const busyPause = 10 * time.Second

// failed reports an error of a write, and how things stand after it.
func (r *run) failed(ctx context.Context, v view, err error) report.Report {
	if again, observeErr := r.observe(ctx); observeErr == nil {
		v = again
	}
	if fault.ActionOf(err) == fault.Later {
		return r.deferred(v, "somebody else's change is under way, and no second one is taken meanwhile: "+err.Error(), r.Now().Add(busyPause))
	}
	final := r.report(v, outcomeOf(err))
	final.Advice = append(final.Advice, r.advice(err, placeOf(v.posture))...)
	return final
}

// refused reports a plan that nobody agreed to.
func (r *run) refused(v view, err error) report.Report {
	final := r.report(v, report.Blocked)
	final.Advice = append(final.Advice, err.Error())
	return final
}

// unobserved reports an error of reading.
func (r *run) unobserved(err error) (report.Report, error) {
	if fault.ActionOf(err) == fault.Gone {
		return report.Report{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if r.spared() && fault.ActionOf(err) == fault.Block {
		return r.exempt(r.unseen()), nil // nothing would follow from looking
	}
	final := r.report(r.unseen(), outcomeOf(err))
	final.Advice = r.advice(err, place{project: r.request.Target.Project})
	return final, nil
}

// unseen is what can be said of a target that was not observed.
func (r *run) unseen() view {
	rules := r.Policy()
	settings, inScope := rules.For(policy.Subject{Target: r.request.Target})
	if !inScope {
		settings = policy.DefaultSettings()
	}
	return view{posture: posture.Posture{Target: r.request.Target, ObservedAt: r.Now()}, settings: settings, digest: rules.Digest()}
}

func outcomeOf(err error) report.Outcome {
	if fault.ActionOf(err) == fault.Block {
		return report.Blocked
	}
	return report.Failed
}

// report fills in what every report has.
func (r *run) report(v view, outcome report.Outcome) report.Report {
	p := v.posture
	final := report.Report{
		RunID: r.id, PlanID: v.plan.ID(), ObservedAt: p.ObservedAt.UTC(), Version: r.Version,
		Outcome: outcome, Mode: v.settings.Mode, Policy: &report.Policy{Digest: v.digest, Rule: v.settings.Rule, SkippedRules: v.settings.SkippedRules},
		Target: &report.Target{
			Project: p.Target.Project, ProjectNumber: p.ProjectNumber, Location: p.Target.Location,
			Service: p.Target.Service, UID: p.Service.UID, Labels: p.Service.Labels,
		},
		Cause: r.cause(), Command: r.command(),
		WouldAct:    len(v.plan.Steps) > 0 && v.hold == nil && r.agreed(v),
		DoorsBefore: r.before, Doors: door.Of(p), Unread: p.Unread, ExpectedAudience: p.Audiences(),
		Steps: append([]report.Step(nil), r.done...),
		Calls: r.meter.Calls(), ElapsedMS: r.Now().Sub(r.began).Milliseconds(),
	}
	final.Invokers, final.InvokersLeftOff = door.NamedInvokers(p)
	for _, step := range v.plan.Steps {
		final.Steps = append(final.Steps, stepReport(step, report.StepPlanned))
	}
	for _, f := range slices.Concat(v.findings, r.unwritten(v)) {
		final.Findings = append(final.Findings, report.Finding{Code: f.Code, Severity: f.Severity, Resource: f.Resource, Why: f.Why})
		if f.Remedy != "" && f.Effect != protection.Gap {
			final.Advice = append(final.Advice, f.Remedy)
		}
	}
	r.exposure(&final)
	r.diagnosed(v, &final)
	r.named(v, &final)
	return final
}

// exposure tells from when to when a door was open, as far as is known: from
// the cause on, or from earlier where that is proven, until the last observation.
func (r *run) exposure(final *report.Report) {
	final.Exposed = door.Exposed(final.Doors)
	if !door.Exposed(final.DoorsBefore) && !final.Exposed {
		return
	}
	since := r.began.UTC()
	if at := r.request.Cause.At; !at.IsZero() && at.Before(since) {
		since = at.UTC()
	}
	if !r.open.IsZero() && r.open.Before(since) {
		since = r.open.UTC()
	}
	final.ExposedSince = &since
	if !final.Exposed {
		until := final.ObservedAt
		final.ExposedUntil = &until
	}
}

func (r *run) command() *report.Command {
	c := r.request.Cause.Command
	if c == nil {
		return nil
	}
	return &report.Command{Name: c.Name, ID: c.ID, PlanID: c.PlanID}
}

func (r *run) cause() report.Cause {
	c := r.request.Cause
	reported := report.Cause{
		Kind: string(c.Kind), Key: c.Key, EventID: c.EventID, Method: c.Method,
		Principal: c.Principal, UserAgent: c.UserAgent, CallerIP: c.CallerIP,
	}
	if !c.At.IsZero() {
		at := c.At.UTC()
		reported.At = &at
	}
	return reported
}
