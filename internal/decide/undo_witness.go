package decide

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// A report does not prove that we wrote what it says. Two witnesses do: what the deployment's
// memory has of the run, and the entry of the audit log that our write left. Without a memory,
// the version after the step has to be today's version of the resource. Where the API returns
// none, the log has to show no later write to it.

// Witnesses are what says, beside reports, that we took their steps.
type Witnesses struct {
	Memory *Remembered // nil = there is no memory
	Trail  event.Trail
	Self   event.Self // whose writes are ours
}

// Remembered is what the memory has of a service and of the runs that are taken back.
type Remembered struct {
	Wrote  []memory.Write
	Runs   []memory.Plan
	Unread error // nil = it was read
}

const (
	// An entry of the audit log has the time of the call, and a step the time after it, which
	// an operation can delay (*unverified*); two clocks differ by less than a minute.
	longestCall = 15 * time.Minute
	clocksOff   = time.Minute
)

// errMoved is why a step is left that is no longer as we made it.
var errMoved = errors.New("it was changed since, so it is no longer ours to take back")

// missing is which witness a step lacks, or that it was changed since; nil = none.
func (u *undo) missing(taken takenStep, step plan.Step, at plan.Standing) error {
	version := taken.step.VersionAfter
	if known := u.witnesses.Memory; known != nil {
		var err error
		if version, err = known.wrote(u.p, taken, step); err != nil {
			return err
		}
	}
	shown, err := u.shownBy(taken, step)
	switch newest := !u.current[step.Written()]; {
	case err != nil:
		return err
	case !newest:
		return nil
	case version != "" && version != at.Version:
		return errMoved
	case version == "":
		return u.last(step, shown)
	}
	return nil
}

// witnessed reports whether the audit log shows that we took a step or, where it cannot be
// read, the memory says so.
func (u *undo) witnessed(taken takenStep, step plan.Step) bool {
	if u.witnesses.Trail.Unread[u.projectOf(step)] == nil {
		_, err := u.shownBy(taken, step)
		return err == nil
	}
	known := u.witnesses.Memory
	if known == nil {
		return false
	}
	_, err := known.wrote(u.p, taken, step)
	return err == nil
}

// shownBy is the entry of the audit log that shows that we took the step.
func (u *undo) shownBy(taken takenStep, step plan.Step) (event.Write, error) {
	trail := u.witnesses.Trail
	if err := trail.Unread[u.projectOf(step)]; err != nil {
		return event.Write{}, fmt.Errorf("the audit log does not witness it: %w", err)
	}
	for i, write := range slices.Backward(trail.Writes) {
		if !u.witnesses.Self.Wrote(write.Cause) || !taken.near(write.At) || write.At.Before(u.p.Service.CreatedAt) {
			continue
		}
		if step.Stays() && step.SameWrite(u.p, write) || step.ShownBy(u.p, write, u.before(step, i)) {
			return write, nil
		}
	}
	return event.Write{}, fmt.Errorf("the audit log does not witness it: it shows no such write by %s",
		strings.Join(u.witnesses.Self.Principals, ", "))
}

// projectOf is the id of the project whose audit log shows a step: a backend service may lie in
// another one.
func (u *undo) projectOf(step plan.Step) string {
	for _, backend := range u.p.Backends {
		if backend.Resource() == step.Resource {
			return backend.Project
		}
	}
	return u.p.Target.Project
}

// near reports whether a write can have been the step.
func (t takenStep) near(at time.Time) bool {
	if t.started {
		return !at.Before(t.run.ObservedAt.Add(-clocksOff))
	}
	return t.step.At == nil || !at.Before(t.step.At.Add(-longestCall)) && !at.After(t.step.At.Add(clocksOff))
}

// before is the policy that a step's write found, by the last write before it; nil = it is not
// known. Where there is none since the service was created, the policy was empty.
func (u *undo) before(step plan.Step, of int) *posture.Policy {
	trail := u.witnesses.Trail
	for _, write := range slices.Backward(trail.Writes[:of]) {
		if step.SameWrite(u.p, write) && !write.At.Before(trail.From) {
			return write.Policy
		}
	}
	if !trail.From.After(u.p.Service.CreatedAt) {
		return &posture.Policy{}
	}
	return nil
}

// last refuses a step if the audit log shows a write to the same after it.
func (u *undo) last(step plan.Step, shown event.Write) error {
	trail := u.witnesses.Trail
	if shown.At.Before(trail.From) {
		return errors.New("the audit log does not show whether it was changed since")
	}
	if slices.ContainsFunc(trail.Writes, func(w event.Write) bool { return w.At.After(shown.At) && step.SameWrite(u.p, w) }) {
		return errMoved
	}
	return nil
}

// wrote is the version of the resource after the step, "" = the API does not return it, or an
// error where the memory does not say that the run took the step.
func (m *Remembered) wrote(p posture.Posture, taken takenStep, step plan.Step) (version string, err error) {
	if m.Unread != nil {
		return "", fmt.Errorf("the memory does not witness it: %w", m.Unread)
	}
	words := step.Words()
	for _, write := range m.Wrote {
		switch {
		case !write.Is(string(step.Op()), step.Resource, words.Field, words.To):
		case write.Run != taken.run.RunID:
			return "", fmt.Errorf("run %.40q wrote it again since: undo that run", write.Run)
		default:
			return write.Version, nil
		}
	}
	for _, done := range m.doneBy(p, taken.run.RunID) {
		if sameStep(done, taken.step) {
			return done.VersionAfter, nil
		}
	}
	return "", fmt.Errorf("the memory does not witness it: it does not know that run %.40q wrote it", taken.run.RunID)
}

// complete refuses a report that lacks a step of its run: what is taken back in part may shut
// people out.
func (m *Remembered) complete(p posture.Posture, r report.Report) error {
	if m == nil {
		return nil
	}
	for _, done := range m.doneBy(p, r.RunID) {
		if !slices.ContainsFunc(r.Steps, func(s report.Step) bool { return sameStep(done, s) }) {
			return fmt.Errorf("the report lacks step %s on %s of its run: undo the run by its id, which is %s", done.Op,
				done.Resource, r.RunID)
		}
	}
	return nil
}

// doneBy are the steps that the memory knows a run to have taken on the service.
func (m *Remembered) doneBy(p posture.Posture, run string) []report.Step {
	var done []report.Step
	for _, kept := range m.Runs {
		if kept.Run != run || kept.UID == "" || kept.UID != p.Service.UID || kept.Service != p.Target.Name() {
			continue
		}
		for _, raw := range kept.Steps {
			var step report.Step
			if json.Unmarshal(raw, &step) == nil && step.Result == report.StepDone && step.Op != string(provision) {
				done = append(done, step)
			}
		}
	}
	return done
}

// sameStep reports whether two reports of steps are about the same change.
func sameStep(a, b report.Step) bool {
	if a.Op != b.Op || a.Resource != b.Resource {
		return false
	}
	one, err := a.Plan()
	other, otherErr := b.Plan()
	return err == nil && otherErr == nil && one.Words() == other.Words()
}
