package function

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Answer is what a direct command is answered with.
type Answer struct {
	Command string `json:"command"`
	By      string `json:"by"` // who sent it, as its token says
	// Said is what was done, and what was not, a line each.
	Said []string `json:"said,omitempty"`
	// Error is why it was not done, or not all of it; "" = it was.
	Error string `json:"error,omitempty"`
	// Status answers the command status.
	Status *Status `json:"status,omitempty"`
}

// directID begins the id of each command that was sent directly.
const directID = "direct-"

// undoHold is how long services are held that are taken back, where the command does not say.
const undoHold = 4 * time.Hour

// needCounted are the commands that a used token must not send again, also while the memory
// cannot say whether it was used elsewhere: they let something be written, or lift what stops
// it. The others stop writes, or do no more than an event does.
var needCounted = []string{"approve", "resume", "undo", "close-breaker"}

// direct carries out a command that a person sent, and answers what came of it.
func (f *Function) direct(w http.ResponseWriter, r *http.Request, who visitor) {
	ctx, by := r.Context(), who.email
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxOrder))
	if err != nil {
		err = fault.New(fault.Invalid, "reading the command: %w", err)
	}
	answer, order := Answer{By: by}, event.Order{}
	if err == nil {
		if order, err = event.ParseOrder(body, directID+uuid.NewString()); err != nil {
			err = &fault.Error{Kind: fault.Invalid, Err: err}
		}
	}
	answer.Command = order.Name
	f.log.InfoContext(ctx, "command", "command", order.Name, "by", by, "target", order.Target, "plan_id", order.PlanID,
		"run", order.Run, "policy_digest", order.Policy, "reason", order.Reason)
	if err == nil && who.uncounted != nil {
		f.log.WarnContext(ctx, "another instance may take the token again", "command", order.Name, "by", by, "err", who.uncounted)
		if slices.Contains(needCounted, order.Name) {
			err = fault.New(fault.Unavailable, "%s needs a token that no instance has taken, and the memory does not say so; send "+
				"it again, or stop writes by a hold meanwhile: %w", order.Name, who.uncounted)
		}
	}
	switch {
	case err != nil:
	case order.Name == "status":
		answer.Status = f.status(ctx)
	default:
		answer.Said, err = f.carryOut(ctx, order, by)
	}
	status := http.StatusOK
	if err != nil {
		status, answer.Error = statusOf(err), err.Error()
		f.log.WarnContext(ctx, "command failed", "command", order.Name, "by", by, "err", err)
	}
	text, err := json.Marshal(answer)
	if err != nil { // unreachable: texts alone
		http.Error(w, "iapguard: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client has gone
}

// statusOf is the HTTP status of a command that failed.
func statusOf(err error) int {
	switch fault.Of(err).Kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.NotFound, fault.ServiceGone:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}

// carryOut does what a command asks for, and says what was done.
func (f *Function) carryOut(ctx context.Context, order event.Order, by string) ([]string, error) {
	operates := f.admission.callers.operates(by)
	switch {
	case order.Name == "approve":
		return f.approve(ctx, order, by)
	case !operates:
		return nil, fault.New(fault.Denied, "%s may approve, and send no other command: %sOPERATORS names who may", by, prefix)
	case order.WholeRecipe:
		return f.planWhole(ctx, order, by)
	case order.Cause != nil:
		return f.ordered(ctx, order, by)
	}
	switch order.Name {
	case "hold":
		return f.placeHold(ctx, order, by)
	case "resume":
		return f.resume(ctx, order, by)
	case "close-breaker":
		return []string{"the circuit breaker is closed: " + order.Reason}, f.engine.CloseBreaker(ctx, by, order.Reason)
	case "undo":
		return f.undo(ctx, order, by)
	}
	return nil, fault.New(fault.Invalid, "command %q is not known", order.Name) // ParseOrder knows no other
}

// ordered carries out a command that could have come over Pub/Sub as well.
func (f *Function) ordered(ctx context.Context, order event.Order, by string) ([]string, error) {
	sent := memory.Ordered{ID: order.Cause.Command.ID, By: by, Command: order.Name, Target: order.Target}
	if err := f.memory.AddOrdered(ctx, sent); err != nil {
		f.log.WarnContext(ctx, "reports will not say who sent the command", "command", order.Name, "by", by, "err", err)
	}
	if err := f.cause(ctx, *order.Cause, nil); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("%s of %s is taken on; its reports name the command %s", order.Name,
		cmp.Or(order.Target, "everything in scope"), order.Cause.Command.ID)}, nil
}

// resume lifts a hold, and has what it covered looked at: else that waited for the end of the
// hold, an event or a sweep.
func (f *Function) resume(ctx context.Context, order event.Order, by string) ([]string, error) {
	stays, err := f.holds.ResumeHold(ctx, order.Target)
	if err != nil {
		return nil, err
	}
	said := []string{order.Target + " is no longer held by a command"}
	if stays != nil {
		return append(said, fmt.Sprintf("%s is held until %s all the same: %s", stays.Name(),
			stays.Until.UTC().Format(time.RFC3339), stays.Reason)), nil
	}
	if posture.AboveProject(order.Target) {
		return append(said, "the next events and sweeps resume the work there"), nil
	}
	sweep, err := event.SweepOf(order.Target, directID+uuid.NewString())
	if err != nil {
		return said, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	looked, err := f.ordered(ctx, sweep, by)
	return append(said, looked...), err
}

func (f *Function) placeHold(ctx context.Context, order event.Order, by string) ([]string, error) {
	hold, err := policy.HoldOn(order.Target)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	hold.Reason, hold.By = order.Reason, by
	placed, err := f.holds.PlaceHold(ctx, order.For, hold)
	var said []string
	for _, each := range placed {
		said = append(said, fmt.Sprintf("%s is held until %s", each.Name(), each.Until.UTC().Format(time.RFC3339)))
	}
	return said, err
}

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
			if f.holds.heldAt(scope, f.clock.Now().Add(cmp.Or(order.For, undoHold))) {
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
		return err
	}
	runs, unread := f.undoable(ctx, undoer, order)
	if len(runs) == 0 {
		return nil, unread
	}
	planned, steps := undoer.Plan(ctx, runs), 0
	for _, one := range planned {
		said, steps = append(said, undoLines(one)...), steps+len(one.Planned.Steps)
	}
	switch {
	case steps == 0:
		said = append(said, "nothing is left to undo")
	case !order.Yes:
		return said, fault.New(fault.Conflict, "nothing was written: say yes to undo this")
	default:
		if err := undoer.HoldFirst(ctx, runs); err != nil {
			return said, err
		}
		planned = undoer.Take(ctx, planned)
		for _, one := range planned {
			said = append(said, fmt.Sprintf("%s: %d of %d steps undone", one.Target.Name(), len(one.Taken),
				max(len(one.Taken), len(one.Planned.Steps))))
			if len(one.Taken) > 0 {
				f.lookUnderHold(ctx, one.Target, by)
			}
		}
	}
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

// undoLines say what would be taken back of one service.
func undoLines(one reconcile.Undone) []string {
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

// operates reports whether an account may send every command.
func (c Callers) operates(email string) bool { return slices.Contains(c.Operators, email) }
