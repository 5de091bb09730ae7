package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Undoer takes back one step that Applier took; see plan.Op for what each did.
// It refuses with fault.Conflict when the resource is no longer at the step's
// version.
type Undoer interface {
	Undo(ctx context.Context, step plan.Step) (version string, err error)
}

// Undoing is what would take back what reports say was changed on one service.
type Undoing struct {
	Target posture.Target
	// Steps are the steps that were taken, the last first.
	Steps []plan.Step
	// Opens are the doors that are open afterwards and are not now.
	Opens []door.Door
	// Stays are steps that were taken and leave nothing to take back: a new
	// revision, made of what was there.
	Stays []plan.Step
}

// PlanUndo holds reports of one service against the service as it is, and
// plans to take back what they say was done: everything, or nothing with the
// reason. Reports come from outside and may be forged, so every word that would
// be written is checked. A report that only says what was about to be done
// (started) counts as far as it came about.
func PlanUndo(p posture.Posture, reports []report.Report) (Undoing, error) {
	undoing := Undoing{Target: p.Target}
	current := map[string]bool{} // resources whose latest step was checked
	after := p
	for _, r := range slices.Backward(reports) {
		if err := sameService(p, r); err != nil {
			return undoing, err
		}
		for _, reported := range slices.Backward(r.Steps) {
			step := stepOf(reported)
			if err := checkStep(p, step); err != nil {
				return undoing, fmt.Errorf("step %s on %s: %w", step.Op, step.Resource, err)
			}
			wanted := reported.Result == report.StepDone || r.Outcome == report.Started && reported.Result == report.StepPlanned
			if !wanted || step.Op == plan.ProvisionAgent {
				continue
			}
			if step.Op == plan.Redeploy {
				undoing.Stays = append(undoing.Stays, step)
				// What we wrote before it is ours still, if nobody else wrote after it.
				if reported.VersionAfter != "" && reported.VersionAfter == p.Service.Version {
					current[step.Written()] = true
				}
				continue
			}
			at := standing(p, step)
			switch latest := !current[step.Written()]; {
			case !at.set && r.Outcome == report.Started:
				continue // it did not come to that, or it was taken back
			case !at.set, latest && reported.VersionAfter != "" && reported.VersionAfter != at.version:
				return undoing, fmt.Errorf("%s was changed since, so step %s is no longer ours to take back; look at it with iapguard plan", step.Resource, step.Op)
			}
			current[step.Written()] = true
			step.Version = at.version
			undoing.Steps = append(undoing.Steps, step)
			after = takenBack(after, step)
		}
	}
	before := door.Of(p)
	for _, way := range door.Of(after) {
		if way.Guard.Exposed() && !slices.Contains(before, way) {
			undoing.Opens = append(undoing.Opens, way)
		}
	}
	return undoing, nil
}

// Undo carries a plan out. It gives the steps that were taken back; an error
// says at which it stopped.
func Undo(ctx context.Context, undoer Undoer, undoing Undoing) ([]plan.Step, error) {
	versions := map[string]string{}
	for i, step := range undoing.Steps {
		if version := versions[step.Written()]; version != "" {
			step.Version = version
		}
		version, err := undoer.Undo(ctx, step)
		if err != nil {
			return undoing.Steps[:i], fmt.Errorf("undoing step %s on %s: %w", step.Op, step.Resource, err)
		}
		versions[step.Written()] = version
	}
	return undoing.Steps, nil
}

func stepOf(s report.Step) plan.Step {
	step := plan.Step{Op: plan.Op(s.Op), Resource: s.Resource, Field: s.Field, From: s.From, To: s.To, Why: s.Why, Conditional: s.Conditional}
	if s.Condition != nil {
		step.Condition = *s.Condition
	}
	return step
}

func sameService(p posture.Posture, r report.Report) error {
	switch {
	case r.Target == nil || r.Subject() != p.Target.Name():
		return fmt.Errorf("the report is about %q, not about %s", r.Subject(), p.Target)
	case r.Target.ProjectNumber != "" && r.Target.ProjectNumber != p.ProjectNumber:
		return fmt.Errorf("the report is about project number %s, and %s has number %s", r.Target.ProjectNumber, p.Target.Project, p.ProjectNumber)
	case r.Target.UID != "" && r.Target.UID != p.Service.UID:
		return fmt.Errorf("the report is about an earlier service of the same name: %s was made anew since", p.Target)
	}
	return nil
}

// state is how things stand where a step wrote.
type state struct {
	set     bool   // what the step set is still so
	version string // what the resource is at
}

// standing looks a step's resource up in the posture.
func standing(p posture.Posture, step plan.Step) state {
	switch step.Op {
	case plan.GrantInvoker:
		policy := invokersOf(p, step.Resource)
		return state{holdsAll(policy, step), policy.Version}
	case plan.RevokePublic:
		public := slices.ContainsFunc(strings.Fields(step.From), func(m string) bool { return p.Invokers.Holds(step.Field, m) })
		return state{!public, p.Invokers.Version}
	case plan.RestrictIngress:
		return state{string(p.Service.Ingress) == step.To, p.Service.Version}
	case plan.RequireInvoker:
		return state{!p.Service.InvokerCheckOff, p.Service.Version}
	case plan.EnableDirectIAP:
		return state{p.Service.IAPOn, p.Service.Version}
	case plan.GrantAccess:
		if step.Resource == p.Target.AccessResource(p.ProjectNumber) {
			return state{holdsAll(p.DirectAccess, step), p.DirectAccess.Version}
		}
	}
	for _, backend := range p.Backends {
		switch {
		case step.Op == plan.GrantAccess && backend.AccessResource(p.ProjectNumber) == step.Resource:
			return state{holdsAll(backend.Access, step), backend.Access.Version}
		case step.Op == plan.EnableIAP && backend.Resource() == step.Resource:
			return state{backend.IAPOn, backend.Version}
		}
	}
	return state{}
}

func holdsAll(policy posture.Policy, granted plan.Step) bool {
	return !slices.ContainsFunc(strings.Fields(granted.To), func(m string) bool { return !policy.HoldsIf(granted.Field, m, granted.Condition) })
}

func invokersOf(p posture.Posture, service string) posture.Policy {
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if member.Target.Name() == service && member.Target != p.Target {
				return member.Invokers
			}
		}
	}
	return p.Invokers
}
