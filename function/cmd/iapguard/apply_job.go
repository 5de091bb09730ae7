package main

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// job is one service to protect, with the plan that was agreed to.
type job struct {
	target   posture.Target
	reviewed *report.Report
	// overLimit lets the service change although a limit is used up.
	overLimit bool

	begun   bool      // a step was taken
	due     time.Time // when it goes on; zero = now
	waits   string    // for what
	taken   []takenStep
	callers []caller.Caller // by what all steps mean to them, not the last alone
	refused error           // why the plan of now is not carried out
	ended   bool
	final   report.Report
	err     error // why there is no final report
}

// takenStep is a step that this command took, or tried to take.
type takenStep struct {
	op, resource string
	took         time.Duration
	err          error
}

// writes are what a command wrote for other services.
type writes struct {
	versions map[string]string // the version after the last write, by what was written
	keys     map[string]bool   // of the steps
}

// add notes the steps of a report that were taken.
func (w writes) add(r report.Report) {
	for _, each := range r.Steps {
		if step, err := each.Plan(); err == nil && each.Result == report.StepDone {
			w.versions[step.Written()] = each.VersionAfter
			w.keys[step.Key()] = true
		}
	}
}

// accept compares the plan of this moment with the reviewed one. Before the first
// write both must be the same, versions included, but for what this command wrote for other
// services; after it, every step that is left must be a reviewed one.
func (j *job) accept(p plan.Plan, done []report.Step, others writes) error {
	j.refused = nil
	switch {
	case j.begun || len(done) > 0:
		j.refused = j.within(p)
	case !j.explains(p, others):
		j.refused = j.stale(p.ID())
	}
	return j.refused
}

// stale says why the reviewed plan is not the one of now, nil where it is.
func (j *job) stale(now string) error {
	if now == j.reviewed.PlanID {
		return nil
	}
	return fmt.Errorf("the plan %s is stale: things have changed since it was made; make and review a new one (now %s)",
		j.reviewed.PlanID, now)
}

// explains reports whether the plan is the reviewed one, or differs from it by what this
// command wrote for other services alone: a shared backend service has a new version, and
// has IAP on.
func (j *job) explains(p plan.Plan, others writes) bool {
	if p.ID() == j.reviewed.PlanID {
		return true
	}
	reviewed := slices.Clone(j.reviewed.Steps)
	for _, step := range p.Steps {
		at := slices.IndexFunc(reviewed, func(r report.Step) bool {
			ours := others.versions[step.Written()]
			return sameChange(r, step) && (step.Version == r.VersionBefore || ours != "" && step.Version == ours)
		})
		if at < 0 {
			return false
		}
		reviewed = slices.Delete(reviewed, at, at+1)
	}
	return !slices.ContainsFunc(reviewed, func(r report.Step) bool {
		step, err := r.Plan()
		return err != nil || !others.keys[step.Key()]
	})
}

func (j *job) within(p plan.Plan) error {
	for _, step := range p.Steps {
		if !slices.ContainsFunc(j.reviewed.Steps, func(s report.Step) bool {
			return sameChange(s, step)
		}) {
			return fmt.Errorf("the reviewed plan %s has no step %s on %s, which is needed now; make and review a new one",
				j.reviewed.PlanID, step.Op(), step.Resource)
		}
	}
	return nil
}

// sameChange reports whether a reviewed step is the step that is planned now.
func sameChange(reviewed report.Step, now plan.Step) bool {
	step, err := reviewed.Plan()
	return err == nil && step.Resource == now.Resource && reflect.DeepEqual(step.Change, now.Change)
}

// steps splits the plan's steps into those that were taken and those that were not.
func (j *job) steps() (done, left []report.Step) {
	taken := slices.Clone(j.taken)
	for _, step := range j.reviewed.Steps {
		at := slices.IndexFunc(taken, func(t takenStep) bool {
			return t.err == nil && t.op == step.Op && t.resource == step.Resource
		})
		if at < 0 {
			left = append(left, step)
			continue
		}
		taken, done = slices.Delete(taken, at, at+1), append(done, step)
	}
	return done, left
}

// why says in one line why the service is not protected.
func (j *job) why() string {
	if j.refused != nil {
		return j.refused.Error()
	}
	for _, t := range slices.Backward(j.taken) {
		switch {
		case t.err == nil || j.final.Outcome == report.Protected:
		case j.final.Outcome == report.Deferred:
			return fmt.Sprintf("%s; %s failed last: %v", why(j.final), t.op, t.err)
		default:
			return fmt.Sprintf("%s failed: %v", t.op, t.err)
		}
	}
	return why(j.final)
}
