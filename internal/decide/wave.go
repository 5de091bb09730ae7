package decide

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Wave selects the runs that one version of the policy decided in a time.
type Wave struct {
	Policy string // its digest
	Since  time.Time
	Until  time.Time       // zero = until now
	Scopes []posture.Scope // with the project's id; none = everywhere
}

// Undoable are runs that changed one service and can be taken back.
type Undoable struct {
	Target  posture.Target
	Reports []report.Report // one for each run
	// Truncated are the runs that took more steps than the memory keeps: the oldest are not
	// taken back.
	Truncated []string
}

// notInRun is what a run's id does not have. An id can come from a file that anybody can write,
// and a shell may read it.
var notInRun = regexp.MustCompile("[^A-Za-z0-9-]+")

// RunName is a run's id as a command or a reason can hold it.
func RunName(id string) string { return fmt.Sprintf("%.40s", notInRun.ReplaceAllString(id, "")) }

// Selects reports whether a kept run belongs to the wave: the policy decided it, and it took a
// step within the time.
func (w Wave) Selects(kept memory.Plan) bool {
	target, err := posture.ParseTarget(kept.Service)
	if err != nil || !kept.DecidedBy(w.Policy) || !w.covers(target) {
		return false
	}
	at := lastStep(kept)
	return !at.IsZero() && !at.Before(w.Since) && (w.Until.IsZero() || at.Before(w.Until))
}

func (w Wave) covers(target posture.Target) bool {
	return len(w.Scopes) == 0 || slices.ContainsFunc(w.Scopes, func(s posture.Scope) bool {
		return s.Project == target.Project && (s.Location == "" || s.Location == target.Location) &&
			(s.Service == "" || s.Service == target.Service)
	})
}

// Runs are the runs of the wave, by service in the order of their names. The newest run of a
// service comes last: its steps are taken back first.
func (w Wave) Runs(kept []memory.Plan) []Undoable {
	chosen := slices.DeleteFunc(slices.Clone(kept), func(p memory.Plan) bool { return !w.Selects(p) })
	slices.SortFunc(chosen, func(a, b memory.Plan) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), lastStep(a).Compare(lastStep(b)), strings.Compare(a.Run, b.Run))
	})
	var all []Undoable
	for _, one := range chosen {
		run, err := RunOf(one)
		if err != nil {
			continue // Selects has read it
		}
		if last := len(all) - 1; last >= 0 && all[last].Target == run.Target {
			all[last].Reports = append(all[last].Reports, run.Reports...)
			all[last].Truncated = append(all[last].Truncated, run.Truncated...)
			continue
		}
		all = append(all, run)
	}
	return all
}

// RunOf is a run as the memory kept it.
func RunOf(kept memory.Plan) (Undoable, error) {
	target, err := posture.ParseTarget(kept.Service)
	if err != nil {
		return Undoable{}, fmt.Errorf("the record of run %.80q names no service: %w", kept.Run, err)
	}
	one := report.Report{RunID: kept.Run, Outcome: report.Started, Target: report.TargetOf(
		posture.Posture{Target: target, Service: posture.Service{UID: kept.UID}})}
	if one.Steps, err = stepsOf(kept); err != nil {
		return Undoable{}, err
	}
	run := Undoable{Target: target, Reports: []report.Report{one}}
	if kept.Truncated {
		run.Truncated = []string{kept.Run}
	}
	return run, nil
}

func stepsOf(kept memory.Plan) ([]report.Step, error) {
	steps := make([]report.Step, len(kept.Steps))
	for i, raw := range kept.Steps {
		if err := json.Unmarshal(raw, &steps[i]); err != nil {
			return nil, fmt.Errorf("reading step %d of run %.80q: %w", i+1, kept.Run, err)
		}
	}
	return steps, nil
}

// lastStep is when a kept run took its last step; zero = it took none, or cannot be read.
func lastStep(kept memory.Plan) time.Time {
	steps, err := stepsOf(kept)
	var last time.Time
	for _, step := range steps {
		if err == nil && step.Result == report.StepDone && step.At != nil {
			last = latest(last, *step.At)
		}
	}
	return last
}
