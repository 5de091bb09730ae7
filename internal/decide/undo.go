package decide

import (
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
}

// Undo compares reports of one service with the service as it is, and plans to
// take back every step that they report, or fails with the reason and plans
// nothing. Reports come from outside and may be forged, so every change is
// checked. A step that a report only announced (started) counts if it took effect.
func Undo(p posture.Posture, reports []report.Report) (Undoing, error) {
	u := undo{Undoing: Undoing{Target: p.Target}, p: p, after: p, current: map[string]bool{}}
	for _, r := range slices.Backward(reports) {
		if err := sameService(p, r); err != nil {
			return u.Undoing, err
		}
		if r.LeftOff != nil && r.LeftOff.Steps > 0 && r.Outcome != report.Started {
			return u.Undoing, fmt.Errorf("the report leaves off %d steps: undo the started reports of its run", r.LeftOff.Steps)
		}
		for _, reported := range slices.Backward(r.Steps) {
			if err := u.add(r, reported); err != nil {
				return u.Undoing, err
			}
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

// undo is an Undoing while it is planned.
type undo struct {
	Undoing
	p, after posture.Posture
	current  map[string]bool // what was written, whose latest step was checked
}

// add plans to take back one step of a report.
func (u *undo) add(r report.Report, reported report.Step) error {
	step, err := reported.Plan()
	if err == nil {
		err = step.Check(u.p)
	}
	if err != nil {
		return fmt.Errorf("step %s on %s: %w", reported.Op, reported.Resource, err)
	}
	taken := reported.Result == report.StepDone || r.Outcome == report.Started && reported.Result == report.StepPlanned
	switch {
	case !taken || step.Op() == provision:
		return nil
	case step.Stays():
		u.Stays = append(u.Stays, step)
		// Our earlier write is still in place if nobody else wrote after this step.
		if reported.VersionAfter != "" && reported.VersionAfter == u.p.Service.Version {
			u.current[step.Written()] = true
		}
		return nil
	}
	at := step.Standing(u.p)
	switch newest := !u.current[step.Written()]; {
	case !at.Set && r.Outcome == report.Started:
		return nil // it did not come to that, or it was taken back
	case !at.Set, newest && reported.VersionAfter != "" && reported.VersionAfter != at.Version:
		return fmt.Errorf("%s was changed since, so step %s is no longer ours to take back; look at it with iapguard plan",
			step.Resource, step.Op())
	}
	u.current[step.Written()] = true
	step.Version = at.Version
	u.Steps = append(u.Steps, step)
	u.after = step.Without(u.after)
	return nil
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
