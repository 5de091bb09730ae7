package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// job is one service to protect, with the plan that was reviewed, if any.
type job struct {
	target   posture.Target
	reviewed *report.Report
	// overLimit lets the service change although a limit is used up.
	overLimit bool
}

// applyJob runs one job to its end. It waits for what is not due yet, as the
// function waits for the message's redelivery.
func (s *session) applyJob(ctx context.Context, job job, printer *printer) (report.Report, error) {
	asked := request("apply", job.target, false)
	asked.OverLimit = job.overLimit
	if job.reviewed != nil {
		asked.Accept = job.accept
	}
	var callers []caller.Caller // by what all steps mean to them, not the last alone
	for {
		final, err := s.engine.Run(ctx, asked)
		final.Callers = report.CallersOf(caller.WorstOff(callers, final.JudgedCallers()))
		if err != nil || final.Outcome != report.Deferred || final.WaitingFor == nil || final.WaitingFor.Until == nil {
			return final, err
		}
		callers = final.JudgedCallers()
		until := *final.WaitingFor.Until
		printer.progress(fmt.Sprintf("%s: waiting until %s: %s", job.target, until.Format(time.TimeOnly),
			final.WaitingFor.What))
		select {
		case <-ctx.Done():
			return final, ctx.Err()
		case <-time.After(time.Until(until)):
		}
		if job.reviewed != nil {
			asked.Accept = func(p plan.Plan, _ []report.Step) error { return job.within(p) }
		}
	}
}

// accept compares the plan of this moment with the reviewed one. Before the first
// write both must be the same, versions included; after it, every step that is
// left must be a reviewed one.
func (j job) accept(p plan.Plan, written []report.Step) error {
	if len(written) > 0 {
		return j.within(p)
	}
	if p.ID() != j.reviewed.PlanID {
		return fmt.Errorf("the plan %s is stale: things have changed since it was made; make and review a new one (now %s)",
			j.reviewed.PlanID, p.ID())
	}
	return nil
}

func (j job) within(p plan.Plan) error {
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
