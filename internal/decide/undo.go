package decide

import (
	"errors"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Undoing is what would take back what reports say was changed on one service.
type Undoing struct {
	Target posture.Target
	// Steps are the steps that were taken, the last first.
	Steps []plan.Step
	// Opens are the doors that are open afterwards and are not now.
	Opens []door.Door
	// Stays are steps that were taken and leave nothing to take back.
	Stays []plan.Step
	// Left are steps that are not taken back, the last first.
	Left []Left
}

// Left is a step that undo does not take back, and why.
type Left struct {
	Step plan.Step
	Why  string
	// Witnessed means that more than a report says that we took it.
	Witnessed bool
}

// Undo compares reports of one service with the service as it is, and plans to take back
// the steps that they report, the last first. Reports come from outside and may be forged:
// with one that says what we never write, or that is about another service, Undo fails and
// plans nothing. A step is taken back only where the witnesses say that we took it, and
// where nothing has moved since; the others are left. A step that a report only announced
// (started) counts if it took effect.
func Undo(p posture.Posture, reports []report.Report, witnesses Witnesses) (Undoing, error) {
	u := undo{Undoing: Undoing{Target: p.Target}, p: p, after: p, witnesses: witnesses, current: map[string]bool{}}
	for _, r := range reports {
		if err := sameService(p, r); err != nil {
			return u.Undoing, err
		}
		if r.LeftOff != nil && r.LeftOff.Steps > 0 && r.Outcome != report.Started {
			return u.Undoing, fmt.Errorf("the report leaves off %d steps: undo the started reports of its run", r.LeftOff.Steps)
		}
		if err := witnesses.Memory.complete(p, r); err != nil {
			return u.Undoing, err
		}
	}
	for _, taken := range lastFirst(reports) {
		if err := u.add(taken); err != nil {
			return Undoing{Target: p.Target}, err
		}
	}
	before := door.Of(p)
	for _, one := range door.Of(u.after) {
		if one.Guard.Exposed() && !slices.Contains(before, one) {
			u.Opens = append(u.Opens, one)
		}
	}
	return u.Undoing, nil
}

// takenStep is a step of a report.
type takenStep struct {
	run     report.Report
	started bool // the report was made before the step was taken
	step    report.Step
}

// lastFirst are the steps of all reports, the last first: by their times, or in the order of
// the reports where one has no time.
func lastFirst(reports []report.Report) []takenStep {
	var all []takenStep
	timed := true
	for _, r := range reports {
		for _, step := range r.Steps {
			started := r.Outcome == report.Started && step.Result == report.StepPlanned
			if !started && step.Result != report.StepDone {
				continue
			}
			all, timed = append(all, takenStep{r, started, step}), timed && step.At != nil
		}
	}
	if timed {
		slices.SortStableFunc(all, func(a, b takenStep) int { return a.step.At.Compare(*b.step.At) })
	}
	slices.Reverse(all)
	return all
}

// undo is an Undoing while it is planned.
type undo struct {
	Undoing
	p, after  posture.Posture
	witnesses Witnesses
	current   map[string]bool // what was written, whose latest step was checked
	shut      plan.Op         // a step that is left, and by which the service is closed; "" = none
}

// add plans to take back one step of a report.
func (u *undo) add(taken takenStep) error {
	step, err := taken.step.Plan()
	if err == nil {
		err = step.Check(u.p)
	}
	if err != nil {
		return fmt.Errorf("step %s on %s: %w", taken.step.Op, taken.step.Resource, err)
	}
	if step.Op() == provision || u.has(step) {
		return nil
	}
	at := step.Standing(u.p)
	if step.Stays() {
		u.Stays = append(u.Stays, step)
		// Our earlier write is still in place if nobody else wrote after this step.
		if taken.step.VersionAfter != "" && u.missing(taken, step, at) == nil {
			u.current[step.Written()] = true
		}
		return nil
	}
	if !at.Set && taken.started {
		return nil // it did not come to that, or it was taken back
	}
	if err := u.refuse(taken, step, at); err != nil {
		u.Left = append(u.Left, Left{step, err.Error(), u.witnessed(taken, step)})
		if op := step.Op(); at.Set && step.ShutsOut() && op != restrictIngress && u.shut == "" {
			u.shut = op
		}
		return nil
	}
	u.current[step.Written()] = true
	step.Version = at.Version
	u.Steps = append(u.Steps, step)
	u.after = step.Without(u.after)
	return nil
}

// has reports whether the same change of a later run is taken back, or left, already.
func (u *undo) has(step plan.Step) bool {
	same := func(other plan.Step) bool {
		return other.Op() == step.Op() && other.Resource == step.Resource && other.Words() == step.Words()
	}
	return slices.ContainsFunc(u.Steps, same) || slices.ContainsFunc(u.Left, func(l Left) bool { return same(l.Step) })
}

// refuse is why a step is left, nil where it is taken back.
func (u *undo) refuse(taken takenStep, step plan.Step, at plan.Standing) error {
	switch reason := step.NotRestored(); {
	case !at.Set:
		return errMoved
	case reason != "":
		return errors.New(reason)
	case u.shut != "" && step.Guards():
		return fmt.Errorf("%s stays, so people would be shut out without it", u.shut)
	}
	return u.missing(taken, step, at)
}

func sameService(p posture.Posture, r report.Report) error {
	switch {
	case r.Target == nil || r.Subject() != p.Target.Name():
		return fmt.Errorf("the report is about %q, not about %s", r.Subject(), p.Target)
	case r.Target.ProjectNumber != "" && r.Target.ProjectNumber != p.ProjectNumber:
		return fmt.Errorf("the report is about project number %s, and %s has number %s", r.Target.ProjectNumber,
			p.Target.Project, p.ProjectNumber)
	case r.Target.UID != "" && r.Target.UID != p.Service.UID:
		return fmt.Errorf("the report is about an earlier service of the same name: %s was recreated since", p.Target)
	}
	return nil
}
