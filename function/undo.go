package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// undoHold is how long services are held that are taken back, where the command does not say.
const undoHold = 4 * time.Hour

// mostUndoHeld bounds how many holds one undo places: some room is left for others.
const mostUndoHeld = memory.MostPlaced - 10

// undo takes runs back. It holds their services first.
func (f *Function) undo(ctx context.Context, order event.Order, by string) ([]string, error) {
	var said []string
	undoer := &reconcile.Undoer{Cloud: f.undoes, Memory: f.memory, Clock: sleepingClock{f.clock}, Self: f.self,
		Writers: f.engine.Writers}
	undoer.Hold = func(ctx context.Context, targets []posture.Target, reason string) error {
		var holds []policy.Hold
		for _, scope := range reconcile.ToHold(targets, mostUndoHeld) {
			if f.holds.heldAt(ctx, scope, f.clock.Now().Add(cmp.Or(order.For, undoHold))) {
				continue // held for longer than we would
			}
			holds = append(holds, policy.Hold{Scope: scope, Reason: reason, By: by})
		}
		if len(holds) == 0 {
			return nil
		}
		placed, err := f.holds.PlaceHold(ctx, cmp.Or(order.For, undoHold), holds...)
		for _, each := range placed {
			said = append(said, fmt.Sprintf("%s is held until %s", each.Name(), each.Until.UTC().Format(time.RFC3339)))
		}
		if err != nil {
			return err
		}
		return sleepingClock{f.clock}.Sleep(ctx, holdKnownAfter)
	}
	runs, unread := f.undoable(ctx, undoer, order)
	if len(runs) == 0 {
		return nil, unread
	}
	planned := undoer.Plan(ctx, runs)
	lines := undoLines(planned)
	switch {
	case !slices.ContainsFunc(planned, func(one reconcile.Undone) bool { return len(one.Planned.Steps) > 0 }):
		return finished(append(lines, "nothing is left to undo"), planned, unread)
	case !order.Yes:
		return lines, fault.New(fault.Conflict, "nothing was written: say yes to undo this")
	}
	if err := undoer.HoldFirst(ctx, runs); err != nil {
		return append(lines, said...), err
	}
	// Until all instances knew the hold, the runs may have gone on, and others may have begun.
	held := targetsOf(runs)
	if runs, unread = f.undoable(ctx, undoer, order); len(runs) == 0 {
		return append(lines, said...), unread
	}
	for _, target := range targetsOf(runs) {
		if !slices.Contains(held, target) {
			said = append(said, target.Name()+": its run began meanwhile, and it is not held: send the undo again")
		}
	}
	runs = slices.DeleteFunc(runs, func(run reconcile.Undoable) bool { return !slices.Contains(held, run.Target) })
	planned = undoer.Plan(ctx, runs)
	said = append(undoLines(planned), said...)
	planned = undoer.Take(ctx, planned)
	for _, one := range planned {
		said = append(said, fmt.Sprintf("%s: %d of %d steps undone", one.Target.Name(), len(one.Taken),
			max(len(one.Taken), len(one.Planned.Steps))))
		if len(one.Taken) > 0 {
			f.lookUnderHold(ctx, one.Target, by)
		}
	}
	return finished(said, planned, unread)
}

// targetsOf are the services of runs.
func targetsOf(runs []reconcile.Undoable) (targets []posture.Target) {
	for _, run := range runs {
		targets = append(targets, run.Target)
	}
	return targets
}

// finished is the answer to an undo, which fails where not everything was taken back.
func finished(said []string, planned []reconcile.Undone, unread error) ([]string, error) {
	problems := []error{unread}
	for _, line := range reconcile.FailuresOf(planned) {
		problems = append(problems, errors.New(line))
	}
	if err := errors.Join(problems...); err != nil {
		return said, fmt.Errorf("not everything was taken back: %w", err)
	}
	return said, nil
}

// lookUnderHold has a service looked at whose steps were taken back. Its report says that it is held,
// and it is looked at again when the hold ends: what we write ourselves leads to no look.
func (f *Function) lookUnderHold(ctx context.Context, target posture.Target, by string) {
	sweep, err := event.SweepOf(target.Name(), directID+uuid.NewString())
	if err == nil {
		_, err = f.ordered(ctx, sweep, by)
	}
	if err != nil {
		f.log.WarnContext(ctx, "the next event or sweep looks at what was taken back", "target", target.Name(), "err", err)
	}
}

// undoable finds the runs that an order names. With an error come those that could be read.
func (f *Function) undoable(ctx context.Context, undoer *reconcile.Undoer, order event.Order) ([]reconcile.Undoable, error) {
	var runs []reconcile.Undoable
	var err error
	if order.Run != "" {
		var one reconcile.Undoable
		if one, err = undoer.Run(ctx, order.Run); err == nil {
			runs = append(runs, one)
		}
	} else {
		wave := reconcile.Wave{Policy: order.Policy, Since: order.Since}
		if order.Target != "" {
			scope, problem := posture.ParseScope(order.Target)
			if problem != nil {
				return nil, &fault.Error{Kind: fault.Invalid, Err: problem}
			}
			wave.Scopes = []posture.Scope{scope}
		}
		runs, err = undoer.Wave(ctx, wave)
	}
	if errors.Is(err, reconcile.ErrNoRun) {
		err = &fault.Error{Kind: fault.NotFound, Err: err}
	}
	return runs, err
}

// undoLines say what would be taken back.
func undoLines(planned []reconcile.Undone) (lines []string) {
	for _, one := range planned {
		lines = append(lines, undoLinesOf(one)...)
	}
	return lines
}

func undoLinesOf(one reconcile.Undone) []string {
	var lines []string
	name := one.Target.Name()
	for _, step := range one.Planned.Steps {
		lines = append(lines, fmt.Sprintf("%s: takes back %s of %s", name, step.Op(), step.Resource))
	}
	for _, left := range one.Planned.Left {
		lines = append(lines, fmt.Sprintf("%s: %s of %s is left: %s", name, left.Step.Op(), left.Step.Resource, left.Why))
	}
	for _, door := range one.Planned.Opens {
		lines = append(lines, fmt.Sprintf("%s: opens %s (%s)", name, door.Address, door.Kind))
	}
	if one.Gone {
		lines = append(lines, name+": it is gone, nothing is to be taken back")
	}
	return lines
}
