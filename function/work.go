package function

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/timeout"
	"github.com/iapguard/iapguard/internal/workqueue"
)

const (
	// GiveUpAfter is how long work is tried. It ends well before the subscription's
	// delivery attempts do, so that a report says so and not a dead letter;
	// deploy/intake.yaml has the attempts and pauses.
	GiveUpAfter = 45 * time.Minute
	// workDeadline is the acknowledgement deadline of the subscription that pushes
	// work (deploy/intake.yaml).
	workDeadline = 600 * time.Second
)

// dispatch hands on each target that a cause concerns: services, or projects whose services are
// still to be listed.
func (f *Function) dispatch(ctx context.Context, cause event.Cause, targets []posture.Target) error {
	items, err := f.items(cause, targets)
	if err != nil {
		return err
	}
	return workqueue.AddAll(ctx, f.queue, items)
}

// items makes the item of each target that a cause concerns.
func (f *Function) items(cause event.Cause, targets []posture.Target) ([]workqueue.Item, error) {
	items := make([]workqueue.Item, len(targets))
	for i, target := range targets {
		// Only an older version reads GiveUpAt from the payload: the queue fixes it when
		// it first accepts the item.
		work := event.Work{Cause: cause, Target: target, List: target.Location == "", GiveUpAt: f.clock.Now().Add(GiveUpAfter).UTC()}
		var err error
		if items[i], err = newItem(work); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// newItem makes the item of one cause for one target.
func newItem(work event.Work) (workqueue.Item, error) {
	payload, err := work.Encode()
	if err != nil {
		return workqueue.Item{}, err
	}
	_, limited := denialSource(work.Cause)
	return workqueue.Item{
		Key: work.Name(), ID: itemID(work.Cause), Payload: payload,
		Alone: work.List || isAlone(work.Cause), Urgent: work.Cause.Kind == event.RunServiceReady,
		Unstored: work.Cause.Command != nil && work.Cause.Command.WholeRecipe,
		Fleeting: limited,
	}, nil
}

// isAlone reports whether a cause is answered by itself: a command, and a question
// why requests are denied.
func isAlone(c event.Cause) bool { return c.Kind == event.CommandReceived || isDenial(c) }

// isDenial reports whether a cause is about denied requests.
func isDenial(c event.Cause) bool {
	switch c.Kind {
	case event.RunRequestDenied, event.LBRequestDeniedByIAP, event.Alert:
		return true
	case event.CommandReceived:
		return c.Command != nil && c.Command.Name == "doctor"
	}
	return false
}

// itemID is the same when an event is delivered again, also by another route. Somebody
// may send a command with the same id twice on purpose: the id of its message keeps the
// two apart, and a command that came without a message is always new.
func itemID(c event.Cause) string {
	of := c.Key
	if c.Kind == event.CommandReceived {
		of += "\n" + cmp.Or(c.EventID, uuid.NewString())
	}
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:16])
}

// pushedItem reads what is pushed to /work. A message of an older version has its
// payload only.
func pushedItem(item workqueue.Item) (workqueue.Item, error) {
	work, err := event.ParseWork(item.Payload)
	if err != nil {
		return item, err
	}
	described, err := newItem(work)
	switch {
	case err != nil:
		return item, err
	case item.Key == "":
		described.NotBefore, described.GiveUpAt = work.NotBefore, work.GiveUpAt
		return described, nil
	case item.Key != described.Key:
		return item, fmt.Errorf("reading work: it is queued for %s and about %s", item.Key, described.Key)
	}
	return item, nil
}

// look handles one item: it runs the loop for the item's target, and asks for
// another look where the outcome is deferred.
func (f *Function) look(ctx context.Context, item workqueue.Item, since time.Time) (next time.Time, err error) {
	work, err := event.ParseWork(item.Payload)
	if err != nil {
		return time.Time{}, err
	}
	if command := work.Cause.Command; command != nil && command.Name == "sweep" {
		ctx = connect.Paced(ctx) // one of many: the looks of events find something of the quotas left
	}
	if work.List {
		return time.Time{}, f.list(ctx, work)
	}
	if since.IsZero() {
		since = f.clock.Now()
	}
	if work.Cause.Command != nil {
		f.holds.placed.asOf(since)
	}
	request := f.request(work)
	request.Since, request.By = since, f.sentBy(ctx, work)
	// The approval is in the memory. A record there does not send the command of its own.
	request.Whole = request.Whole && !item.Restored
	ctx, done := f.outlive(ctx)
	defer done()
	final, err := f.engine.Run(ctx, request)
	target, cause := work.Target.Name(), work.Cause
	f.noteEnd(target, final, err)
	if f.offered.Remove(target); err == nil && final.PlanID != "" {
		f.offered.Add(target, final.PlanID)
	}
	switch {
	case errors.Is(err, reconcile.ErrGone):
		if again := f.missing.again(work, f.clock.Now()); !again.IsZero() {
			f.log.InfoContext(ctx, "looked at again, for one answer does not prove that it is gone", "target", target,
				"event_id", cause.EventID, "at", again, "why", err)
			return again, nil
		}
		f.log.InfoContext(ctx, "nothing to do", "target", target, "event_id", cause.EventID, "why", err)
		return time.Time{}, nil
	case errors.Is(err, reconcile.ErrOutOfScope):
		f.log.InfoContext(ctx, "nothing to do", "target", target, "event_id", cause.EventID, "why", err)
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	f.missing.found(target)
	line := []any{
		"target", target, "outcome", final.Outcome, "event_id", cause.EventID, "method", cause.Method, "calls", final.Calls,
	}
	if final.Verdict != "" {
		line = append(line, "verdict", final.Verdict)
	}
	f.log.InfoContext(ctx, "handled", line...)
	waits := final.WaitingFor != nil && final.WaitingFor.Until != nil
	if err := f.worker.Repeat(ctx, item, final.LookAgain); err != nil {
		if final.Outcome == report.Held && !waits {
			return time.Time{}, err // the holds cannot be read, nor can the memory: nobody knows until when
		}
		f.log.WarnContext(ctx, "the next event or sweep looks again", "target", target, "err", err)
	}
	switch {
	case waits && (final.Outcome == report.Deferred || final.Outcome == report.Contested):
	case final.Outcome.Retries():
		return time.Time{}, fmt.Errorf("%s is %s", work.Target, final.Outcome)
	default:
		return time.Time{}, nil
	}
	next = *final.WaitingFor.Until
	f.denials.extend(cause.Key, next)
	return next, nil
}

// list lists the services of a project, and hands on each.
func (f *Function) list(ctx context.Context, work event.Work) error {
	ctx, done := f.outlive(ctx)
	defer done()
	targets, err := f.inScopes(ctx, []posture.Scope{posture.Scope(work.Target)})
	f.log.InfoContext(ctx, "listed", "target", work.Name(), "services", len(targets), "event_id", work.Cause.EventID, "err", err)
	if fault.Of(err).Kind == fault.NotFound { // it was there when it was listed, and its deletion is an end
		return f.engine.Unresolved(ctx, work.Cause, err)
	}
	return f.handOn(ctx, work.Cause, targets, err)
}

// lookPatience is how long a look may take. It ends before the work subscription's deadline, so
// that what was written is reported before the message is delivered again.
const lookPatience = workDeadline - time.Minute

// outlive returns a context for a look that has begun: it goes on when the sender of its message
// is gone, and ends when the instance stops. The next delivery of the message waits for the look
// and finds it done, where the sender's deadline would end every look half-way. done releases the
// context.
func (f *Function) outlive(ctx context.Context) (lasting context.Context, done func()) {
	going, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(f.drain.drainDeadline, func() { cancel(errStopping) })
	lasting, ended := timeout.With(going, clockwork.NewRealClock(), lookPatience, "what is looked at")
	return lasting, func() {
		ended()
		stop()
		cancel(nil)
	}
}

// noteEnd keeps why the last look at a service reached no end.
func (f *Function) noteEnd(target string, final report.Report, err error) {
	waits := ""
	if final.WaitingFor != nil {
		waits = final.WaitingFor.What
	}
	switch {
	case err != nil:
		f.lastEnd.Add(target, "ended with an error: "+err.Error())
	case final.Outcome.Retries():
		lines := append([]string{"ended as " + string(final.Outcome), waits}, final.Advice...)
		f.lastEnd.Add(target, strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), ": "))
	default:
		f.lastEnd.Remove(target)
	}
}

// covered notes who caused an item that a look handled to which another one led. That look saw
// their change as well, so they may not approve what it planned. Its report names the other's
// cause alone: the log names this one.
func (f *Function) covered(ctx context.Context, item workqueue.Item) error {
	work, err := event.ParseWork(item.Payload)
	if err != nil {
		return err
	}
	f.log.InfoContext(ctx, "handled by a look that another event led to", "target", work.Target.Name(),
		"event_id", work.Cause.EventID, "key", work.Cause.Key, "method", work.Cause.Method)
	planID, offered := f.offered.Get(work.Target.Name())
	if principal := work.Cause.Principal; principal != "" && offered {
		_, err = f.memory.UpdateOffer(ctx, planID, func(o *memory.Offer) bool { return !o.At.IsZero() && o.Caused(principal) })
	}
	return err
}

// sentBy is the account that sent the command of some work, "" where that is not known: a
// message of the work topic says it of nobody.
func (f *Function) sentBy(ctx context.Context, work event.Work) string {
	command := work.Cause.Command
	if command == nil || !strings.HasPrefix(command.ID, directID) {
		return ""
	}
	by, err := f.memory.OrderedBy(ctx, command.ID, command.Name, func(target string) bool {
		return target == "" || target == work.Target.Name() || strings.HasPrefix(work.Target.Name(), target+"/")
	})
	if err != nil {
		f.log.WarnContext(ctx, "the report does not say who sent the command", "command", command.Name, "err", err)
	}
	return by
}

// mostOffered bounds how many offered plans an instance remembers.
const mostOffered = 10_000

// giveUp reports that an item came to no end in its time.
func (f *Function) giveUp(ctx context.Context, item workqueue.Item) error {
	work, err := event.ParseWork(item.Payload)
	if err != nil {
		return err
	}
	if work.List {
		return f.engine.Unresolved(ctx, work.Cause, fault.New(fault.Unavailable,
			"the services of %s were not listed by %s; the next event or sweep tries again", work.Name(),
			item.GiveUpAt.UTC().Format(time.RFC3339)))
	}
	why := fmt.Sprintf("no end was reached by %s; the next event or sweep tries again",
		item.GiveUpAt.UTC().Format(time.RFC3339))
	if last, known := f.lastEnd.Get(work.Target.Name()); known {
		why += "; the last try here " + last
	}
	_, err = f.engine.GiveUp(ctx, f.request(work), why)
	return err
}

func (f *Function) request(work event.Work) reconcile.Request {
	request := reconcile.Request{Cause: work.Cause, Target: work.Target, Diagnose: isDenial(work.Cause)}
	if command := work.Cause.Command; command != nil {
		request.ReadOnly = command.Name == "plan" || command.Name == "audit"
		request.Whole = command.WholeRecipe
	}
	return request
}
