package function

import (
	"cmp"
	"context"
	"encoding/json"
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

// operates reports whether an account may send every command.
func (c Callers) operates(email string) bool { return slices.Contains(c.Operators, email) }
