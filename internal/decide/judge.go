package decide

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// judgement is what the policy wants of an observed service, and what is missing.
type judgement struct {
	want     policy.Wanted
	inScope  bool
	findings []protection.Finding
}

// judge asks the policy. Labels select nothing where services that share a backend
// service agree only without them. Otherwise one deployer could block the
// protection of all with a label that selects a stricter rule. They count all the same where
// without them somebody would get in newly to a service that is not public.
func (d *decider) judge() judgement {
	p := d.facts.Posture
	found := d.judgeAs(p)
	if !d.rules.Policy.Asks().Labels || !found.conflict() {
		return found
	}
	plain := d.judgeAs(unlabelled(p))
	if plain.conflict() || !plain.inScope || d.letsMoreIn(p, plain) {
		return found
	}
	plain.want.SkippedRules = append(slices.Clone(found.want.SkippedRules),
		"the labels of the services behind one backend service select different rules, so none of them counts")
	return plain
}

func (d *decider) judgeAs(p posture.Posture) judgement {
	of := d.settingsOf(p)
	settings, inScope := of(p.Target)
	want := policy.Wanted{Settings: settings, SettingsOf: of, WroteAt: d.run.wroteAt(), Clocks: d.clocks(p, settings),
		Insisted: d.request.Consent || d.request.Whole, OwnAccess: d.ownAccess(settings.Private), NotFirst: d.notFirst()}
	want.OwnGrant = d.ownGrant(p, want.Private)
	if want.Private != policy.PrivateInclude || protection.OthersPass(p, want) != nil {
		want.GuardedOnce = d.guardedOnce(p, want.Private)
	}
	want.OwnGrant = want.OwnGrant || d.ownGrantLogged(p, want)
	if d.wholeUnderWay() {
		want.OwnGrant, want.OwnAccess = false, nil
	}
	return judgement{want, inScope, protection.Assess(p, want)}
}

// notFirst reports whether the service was protected before, as far as the memory knows. While
// the memory cannot be read, nothing waits for what only a first protection needs.
func (d *decider) notFirst() bool {
	m := d.facts.Memory
	return d.facts.MemoryUnread || m != nil && (!m.GuardedSince.IsZero() || slices.ContainsFunc(m.Wrote, closes))
}

func (j judgement) conflict() bool {
	return slices.ContainsFunc(j.findings, func(f protection.Finding) bool { return f.Code == protection.SharedBackend })
}

// unlabelled is a posture without the labels of its services.
func unlabelled(p posture.Posture) posture.Posture {
	p.Service.Labels = nil
	p.Backends = slices.Clone(p.Backends)
	for i := range p.Backends {
		p.Backends[i].Members = slices.Clone(p.Backends[i].Members)
		for j := range p.Backends[i].Members {
			p.Backends[i].Members[j].Labels = nil
		}
	}
	return p
}

// judgeCallers judges what the plan means to each caller of the service, and takes the steps
// out of the plan that break one, where the rule wants that. What we did before is done
// again: a caller that breaks by that came while the service was guarded. Callers are needed only when
// the plan could shut somebody out: most services are right already.
func (d *decider) judgeCallers() {
	changes := d.plan.Changes()
	if len(changes) == 0 || !d.inScope || d.settings.ExemptAt(d.now) {
		return
	}
	if d.facts.Callers == nil {
		d.needs.Callers = true
		return
	}
	p := d.facts.Posture
	d.want.Closed = door.ByNameOnly(p) && d.closed()
	first := changes
	if !door.ByNameOnly(p) || d.want.Closed {
		first = plan.Plan{Steps: slices.DeleteFunc(slices.Clone(d.plan.Steps), d.tookBefore)}.Changes()
	}
	found := d.markUnused(d.facts.Callers.Found)
	judged := caller.Judge(p, d.want, found, first)
	whole := caller.Judge(p, d.want, found, append(d.run.changes(), changes...))
	d.run.Judged = caller.WorstOff(d.run.Judged, whole)
	d.alsoUnread(d.facts.Callers.Unread...)
	unread := d.visitorsUnread()
	if len(first) == 0 {
		unread = ""
	}
	stops := protection.CallerObstacles(p, d.want, judged, unread)
	if d.askUsed(judged, stops); d.needs.Used != nil {
		return
	}
	stops = append(stops, protection.InternalObstacles(p, d.want, d.facts.Callers.Found, d.visitorsUnread())...)
	if len(stops) > 0 {
		d.findings = append(d.findings, stops...)
		d.plan = protection.Plan(p, d.want, d.findings, d.now)
	}
}

// visitorsUnread is why it is not known who asks at the service's own addresses, "" = it is.
func (d *decider) visitorsUnread() string {
	for _, unread := range d.facts.Callers.Unread {
		if strings.HasSuffix(unread.Resource, caller.RequestLog) {
			return unread.Why
		}
	}
	return ""
}

// tookBefore reports whether the memory knows that we took a step before.
func (d *decider) tookBefore(step plan.Step) bool {
	return d.facts.Memory != nil && slices.ContainsFunc(d.facts.Memory.Wrote, func(w memory.Write) bool {
		return w.Op == string(step.Op()) && w.Resource == step.Resource && w.Field == step.Field()
	})
}

// changes are the steps of the run that could shut somebody out.
func (r Run) changes() []caller.ChangeTo {
	var steps []plan.Step
	for _, done := range r.Done {
		if step, err := done.Plan(); err == nil && done.Result == report.StepDone {
			steps = append(steps, step)
		}
	}
	return plan.Plan{Steps: steps}.Changes()
}
