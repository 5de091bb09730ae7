package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Examiner reads what a diagnosis needs beside the posture; withLog looks for a
// refused request too. What is forbidden is told as unread, and is no error.
type Examiner interface {
	Examine(ctx context.Context, p posture.Posture, withLog bool) (posture.Examination, error)
}

// answer does what the request asks for.
func (r *run) answer(ctx context.Context) (report.Report, error) {
	if r.request.Diagnose && !r.spared() {
		return r.diagnose(ctx)
	}
	return r.handle(ctx)
}

// diagnose finds out why the service answers 403, and does what follows from
// that. The version that a redeploy names was observed before the revisions were
// read: of two that decide at once, one meets a conflict and looks again.
func (r *run) diagnose(ctx context.Context) (report.Report, error) {
	for round := 1; ; round++ {
		v, err := r.observe(ctx)
		if err != nil {
			return r.blind(err)
		}
		if !v.inScope && !r.request.DryRun {
			return report.Report{}, ErrOutOfScope
		}
		evidence, err := r.evidence(ctx, v)
		if err != nil {
			return r.blind(err)
		}
		found := doctor.Diagnose(evidence, r.Now())
		r.diagnosis = &found
		if found.Cure != doctor.Redeploy || v.settings.ExemptAt(r.Now()) {
			return r.treat(ctx, v, evidence)
		}
		v.plan = plan.ForRedeploy(v.posture, evidence.Rollout.Serving.Name, v.settings.RedeployImage, found.Why)
		switch {
		case v.hold != nil && r.agreed(v):
			return r.held(v), nil
		case !r.mayWrite(v) || round > rounds:
			return r.report(v, report.Planned), nil
		}
		if final, blocked := r.nobodyKnowsWho(v); blocked {
			return final, nil
		}
		if final, stopped := r.braked(ctx, v); stopped {
			return final, nil
		}
		if err := r.start(ctx, v); err != nil {
			return report.Report{}, err
		}
		switch err := r.apply(ctx, v, v.plan.Steps); {
		case err == nil:
			return r.redeployed(ctx)
		case !plansAgain(err):
			return r.failed(ctx, v, err), nil
		}
	}
}

// blind gives the verdict where the service could not be looked at. Errors that
// pass are no verdict.
func (r *run) blind(err error) (report.Report, error) {
	final, failure := r.unobserved(err)
	if failure != nil || final.Outcome != report.Blocked {
		return final, failure
	}
	found := doctor.Blind(r.request.Target, fault.Of(err).Service, final.Advice)
	r.diagnosis, final.Advice = &found, nil
	r.diagnosed(r.unseen(), &final)
	return final, nil
}

// evidence reads what the diagnosis rests on. The request log is searched where
// the cause is no refused request itself.
func (r *run) evidence(ctx context.Context, v view) (doctor.Evidence, error) {
	e := doctor.Evidence{Symptom: symptomOf(r.request.Cause), Posture: v.posture, Settings: v.settings, Self: r.Self.Principals}
	if !v.inScope {
		e.Settings = policy.DefaultSettings()
	}
	ctx, ended := r.begin(ctx, "examine")
	err := r.retrying(ctx, func() (err error) {
		e.Examination, err = r.Examiner.Examine(ctx, v.posture, e.Symptom == nil)
		return err
	})
	ended(err)
	if err != nil {
		return e, fmt.Errorf("examining %s: %w", r.request.Target, err)
	}
	if e.Symptom == nil {
		e.Symptom = e.Refused
	}
	return e, nil
}

// symptomOf is the refused request that a cause tells of, nil for none.
func symptomOf(c event.Cause) *posture.Symptom {
	logs := map[event.Kind]posture.RequestLog{event.RunRequestDenied: posture.CloudRunLog, event.LBRequestDeniedByIAP: posture.LoadBalancerLog}
	log, known := logs[c.Kind]
	if !known || c.Symptom == nil {
		return nil
	}
	s := c.Symptom
	return &posture.Symptom{Log: log, Status: s.Status, Text: s.Text, URL: s.URL, UserAgent: s.UserAgent, Revision: s.Revision, At: c.At}
}

// treat does what follows from a verdict that calls for no new revision.
func (r *run) treat(ctx context.Context, v view, e doctor.Evidence) (report.Report, error) {
	switch r.diagnosis.Cure {
	case doctor.Wait:
		return r.deferred(v, r.diagnosis.Why, r.diagnosis.Until), nil
	case doctor.Person:
		return r.report(v, report.Blocked), nil
	case doctor.Hold:
		final := r.report(v, report.Held)
		final.WaitingFor = &report.WaitingFor{What: r.diagnosis.Why}
		return final, nil
	case doctor.Advise:
		v.plan = plan.ForRedeploy(v.posture, e.Rollout.Serving.Name, v.settings.RedeployImage, r.diagnosis.Why)
		return r.report(v, report.Planned), nil
	case doctor.Leave:
		r.request.ReadOnly = true // a refusal that is right is no reason to write
	}
	return r.handle(ctx)
}

// redeployed tells how things stand after a new revision.
func (r *run) redeployed(ctx context.Context) (report.Report, error) {
	v, err := r.observe(ctx)
	if err != nil {
		return r.unobserved(err)
	}
	v.plan = plan.Plan{Target: v.plan.Target}
	return r.report(v, report.Redeployed), nil
}

// diagnosed adds the diagnosis to a report. What it advises is done once the cure
// is; then it takes time.
func (r *run) diagnosed(v view, final *report.Report) {
	d := r.diagnosis
	if d == nil {
		return
	}
	steps := d.Advice
	if final.Outcome == report.Protected || final.Outcome == report.Redeployed {
		steps = d.Afterwards(v.posture.Target, v.settings.Propagation)
	}
	final.Verdict, final.Why = string(d.Verdict), d.Why
	for _, each := range d.Checked {
		final.Evidence = append(final.Evidence, report.Evidence{What: each.What, Found: each.Found})
	}
	told := append([]string(nil), steps...)
	for _, line := range final.Advice { // the findings' advice may be the same
		if !slices.Contains(told, line) {
			told = append(told, line)
		}
	}
	final.Advice = told
}
