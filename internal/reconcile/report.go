package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// report puts a decision into the published form.
func (r *run) report(d decide.Decision) report.Report {
	p, doors := d.Posture, door.Of(d.Posture)
	final := report.Report{
		RunID: r.id, PlanID: d.Plan.ID(), ObservedAt: p.ObservedAt.UTC(), Version: r.Version,
		Outcome: d.Outcome, Mode: d.Settings.Mode,
		Policy: &report.Policy{Digest: d.Digest, Rule: d.Settings.Rule, SkippedRules: d.Settings.SkippedRules},
		Target: report.TargetOf(p),
		Cause:  report.CauseOf(r.request.Cause), Command: report.CommandOf(r.request.Cause, r.request.By), WouldAct: d.WouldAct,
		DoorsBefore: report.DoorsOf(d.Run.Before), Doors: report.DoorsOf(doors), ExpectedAudience: p.Audiences(),
		Unread: report.UnreadOf(slices.Concat(p.Unread, d.Run.Unread)), Callers: report.CallersOf(d.Run.Judged),
		WaitingFor: d.WaitingFor, Contest: d.Contest, Exemption: d.Exemption,
		Steps: append([]report.Step(nil), d.Run.Done...),
		Calls: r.meter.Calls(), ElapsedMS: r.now().Sub(r.sofar.Began).Milliseconds(),
	}
	invokers, accessors := door.NamedInvokers(p), door.NamedAccessors(p)
	final.Invokers, final.InvokersLeftOff = report.NamedOf(invokers.Named), invokers.LeftOff
	final.Accessors, final.AccessorsLeftOff = report.NamedOf(accessors.Named), accessors.LeftOff
	final.InvokersAtLeast, final.AccessorsAtLeast = invokers.AtLeast, accessors.AtLeast
	for _, step := range d.Plan.Steps {
		final.Steps = append(final.Steps, report.StepOf(step, report.StepPlanned))
	}
	for _, f := range d.Findings {
		final.Findings = append(final.Findings,
			report.Finding{Code: f.Code, Severity: f.Severity, Resource: f.Resource, Why: f.Why})
		if f.Remedy != "" && f.Disposition != protection.Gap {
			final.Advice = append(final.Advice, f.Remedy)
		}
	}
	if !d.ClosesAt.IsZero() {
		at := d.ClosesAt.UTC()
		final.ClosesAt = &at
	}
	final.LookAgain, final.ApprovedBy = d.LookAgain, r.approvedBy
	if d.Approval != nil {
		final.ApprovedBy = d.Approval.By
	}
	r.exposure(&final, d.Run, doors)
	final.Accepted = decide.Accepted(doors, p.Unread, d.Settings, r.now())
	diagnosed(d, &final)
	if advice := caller.ForwardAdvice(p, d.Plan.Changes()); advice != "" {
		final.Advice = append(final.Advice, advice)
	}
	final.Advice = append(final.Advice, d.Advice...)
	if d.Err == nil && door.Exposed(doors) == door.Unknown && d.Outcome == report.Blocked {
		for _, line := range r.unreadAdvice(p) {
			if !slices.Contains(final.Advice, line) {
				final.Advice = append(final.Advice, line)
			}
		}
	}
	if d.Err != nil {
		final.Advice = append(final.Advice, r.advice(d.Err, scopeOf(p))...)
	}
	if d.AfterErr != "" {
		final.Advice = append(final.Advice, d.AfterErr)
	}
	if r.notPersisted != nil {
		final.Advice = append(final.Advice,
			fmt.Sprintf("notPersisted: the memory does not know of this run: %v", r.notPersisted))
	}
	return final
}

// exposure says from when to when a door was open.
func (r *run) exposure(final *report.Report, run decide.Run, doors []door.Door) {
	final.Exposed = door.Exposed(doors)
	final.ExposedSince, final.ExposedUntil = nil, nil
	openSince, until := decide.Exposure(run, final.Exposed, r.request.Cause.At, final.ObservedAt)
	if !openSince.IsZero() {
		final.ExposedSince = &openSince
	}
	if !until.IsZero() {
		final.ExposedUntil = &until
	}
}

// diagnosed adds the diagnosis to a report. Once the cure is performed, its advice
// is replaced by what to expect afterwards.
func diagnosed(d decide.Decision, final *report.Report) {
	found := d.Diagnosis
	if found == nil {
		return
	}
	steps := found.Advice
	if final.Outcome == report.Protected || final.Outcome == report.Redeployed {
		steps = found.Afterwards(d.Posture.Target, d.Settings.Propagation)
	}
	final.Verdict, final.Why = string(found.Verdict), found.Why
	for _, each := range found.Checked {
		final.Evidence = append(final.Evidence, report.Evidence{What: each.What, Found: each.Found})
	}
	advice := append([]string(nil), steps...)
	for _, line := range final.Advice { // the findings' advice may be the same
		if !slices.Contains(advice, line) {
			advice = append(advice, line)
		}
	}
	final.Advice = advice
}

// failed reports an error of a write, with the state after it.
func (r *run) failed(ctx context.Context, facts decide.Facts, err error) report.Report {
	settings := r.settings(ctx)
	if seen, observeErr := r.observe(ctx, settings); observeErr == nil {
		facts.Posture = seen
	}
	facts.Run, facts.WriteErr = r.sofar, err
	return r.report(decide.Decide(facts, settings, r.request, r.now()))
}

// unobserved reports an error of reading, with what could be read. What an earlier
// delivery of the run wrote belongs to the report even so.
func (r *run) unobserved(ctx context.Context, seen posture.Posture, err error) (report.Report, error) {
	if fault.ActionOf(err) == fault.Gone {
		r.unindex(ctx)
		return report.Report{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if seen.ObservedAt.IsZero() {
		seen = posture.Posture{Target: r.request.Target, ObservedAt: r.now(), ServiceUnread: err.Error()}
	}
	r.recall(ctx, seen)
	unseen := decide.Unseen(r.settings(ctx), r.request, seen, r.now())
	if unseen.Outcome == report.Exempt && fault.ActionOf(err) == fault.Block {
		return r.report(unseen), nil // an observation would change nothing
	}
	unseen.Run.Done = r.sofar.Done // what was written before stays known, and can be undone
	unseen.Outcome, unseen.Exemption, unseen.Advice = decide.OutcomeOf(err), nil, nil
	advice := r.advice(err, scopeOf(seen))
	if r.request.Diagnose && unseen.Outcome == report.Blocked {
		unseen.Diagnosis = decide.Blind(r.request, err, advice)
		return r.report(unseen), nil
	}
	unseen.Advice = advice
	return r.report(unseen), nil
}

// probed adds how the doors answer strangers, where the policy wants them probed.
func (r *run) probed(ctx context.Context, decision decide.Decision) report.Report {
	target, asked := decision.Posture.Target, r.now()
	requests := decide.Probes(decision, r.request, r.instance.keptAt(target), asked)
	if r.Prober == nil || len(requests) == 0 {
		return r.report(decision)
	}
	probed := decide.WithAnswers(decision, r.request, r.Prober.Probe(ctx, requests), r.now())
	if !probed.LetsIn {
		r.instance.keep(target, asked)
	}
	final := r.report(probed.Decision)
	if len(probed.Open) > 0 {
		doors := probed.Doors(door.Of(decision.Posture))
		final.Doors = report.DoorsOf(doors)
		r.exposure(&final, decision.Run, doors)
	}
	final.Evidence = append(final.Evidence, probed.Evidence...)
	return final
}
