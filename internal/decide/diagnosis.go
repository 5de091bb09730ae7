package decide

import (
	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/refusal"
	"github.com/iapguard/iapguard/internal/report"
)

// diagnose finds out why the service answers 403, and decides what follows. The
// version that a redeploy names was observed before the revisions were read: of
// two that decide at once, one meets a conflict and looks again.
func (d *decider) diagnose() Decision {
	if !d.inScope && !d.request.DryRun {
		return d.uncovered()
	}
	took := d.run.took(plan.Step{Change: plan.Redeploy{}, Resource: d.facts.Posture.Target.Name()})
	if cause := d.request.Cause.At; took || !cause.IsZero() && d.run.redeployedSince(cause) {
		return d.redeployed()
	}
	if d.run.Treated {
		d.diagnosis = d.run.Diagnosis
		return d.protectAfter()
	}
	if d.facts.Examination == nil {
		d.needs.Examination = true
		return Decision{}
	}
	evidence := d.evidence()
	found := doctor.Diagnose(evidence, d.now)
	d.diagnosis = &found
	if found.Remedy == doctor.Confirm && !d.settings.ExemptAt(d.now) {
		d.needs.Forbidden = found.Asks
		return Decision{}
	}
	if unread := d.facts.Forbidden; unread != nil && unread.Unread != nil {
		d.alsoUnread(*unread.Unread)
	}
	if found.Remedy != doctor.Redeploy || d.settings.ExemptAt(d.now) {
		return d.treat(evidence)
	}
	d.plan = d.redeployPlan(evidence)
	switch {
	case d.hold != nil && d.agreed():
		return d.held()
	case !d.mayWrite() || d.run.Round > maxRounds:
		return d.end(report.Planned)
	case d.writer.Unknown != "" && d.wanted():
		return d.end(report.Blocked)
	}
	due := d.restrained(d.plan.Steps)
	switch {
	case d.needs.Any():
		return Decision{}
	case len(due) == 0:
		return d.heldBack()
	}
	decision := d.end(report.Started)
	decision.Waves = plan.Waves(due)
	return decision
}

func (d *decider) redeployPlan(e doctor.Evidence) plan.Plan {
	change := plan.Redeploy{Serving: e.Rollout.Serving.Name, Image: d.settings.RedeployImage}
	return plan.ForRedeploy(d.facts.Posture, change, d.diagnosis.Why)
}

// redeployed is the state after a new revision, with the diagnosis that led to it.
func (d *decider) redeployed() Decision {
	d.diagnosis = d.run.Diagnosis
	d.plan = plan.Plan{Target: d.facts.Posture.Target}
	return d.end(report.Redeployed)
}

// evidence is what the diagnosis rests on. The refused request is the cause's, or
// one of those that the request logs have.
func (d *decider) evidence() doctor.Evidence {
	e := doctor.Evidence{
		Symptom: SymptomOf(d.request.Cause), Posture: d.facts.Posture, Settings: d.settings, Self: d.facts.Self.Principals,
		Examination: *d.facts.Examination, Counted: d.facts.Forbidden,
	}
	if !d.inScope {
		e.Settings = policy.DefaultSettings()
	}
	return e
}

// SymptomOf is the refused request that a cause reports, nil for none.
func SymptomOf(c event.Cause) *refusal.Request {
	logs := map[event.Kind]refusal.Log{event.RunRequestDenied: refusal.CloudRunLog,
		event.LBRequestDeniedByIAP: refusal.LoadBalancerLog}
	log, known := logs[c.Kind]
	if !known || c.Symptom == nil {
		return nil
	}
	s := c.Symptom
	return &refusal.Request{Log: log, Status: s.Status, Text: s.Text, URL: s.URL, UserAgent: s.UserAgent,
		Revision: s.Revision, At: c.At}
}

// treat decides what follows from a verdict that calls for no new revision.
func (d *decider) treat(e doctor.Evidence) Decision {
	switch d.diagnosis.Remedy {
	case doctor.Wait:
		return d.deferred(d.diagnosis.Why, d.diagnosis.Until)
	case doctor.Person:
		return d.end(report.Blocked)
	case doctor.Hold:
		decision := d.end(report.Held)
		decision.WaitingFor = &report.WaitingFor{What: d.diagnosis.Why}
		return decision
	case doctor.Advise:
		d.plan = d.redeployPlan(e)
		return d.end(report.Planned)
	}
	d.run.Treated = true
	return d.protectAfter()
}

// protectAfter protects the service after a diagnosis that calls for nothing else.
// A correct refusal does not justify a write. A run that an earlier delivery began goes
// on to its end: the refusal may have become correct by its first steps.
func (d *decider) protectAfter() Decision {
	d.request.ReadOnly = d.request.ReadOnly || d.diagnosis.Remedy == doctor.Leave && d.run.Joined == 0
	return d.protect()
}

// Blind is the verdict on a service that could not be observed.
func Blind(r Request, err error, advice []string) *doctor.Diagnosis {
	found := doctor.Blind(r.Target, fault.Of(err).Service, advice)
	return &found
}
