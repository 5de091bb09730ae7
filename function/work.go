package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/telemetry"
)

// GiveUpAfter is how long a work message is tried. It ends well before the
// subscription's attempts do, so that who waits in vain is told in a report and
// not among the dead letters; deploy/intake.yaml has the attempts and pauses.
const GiveUpAfter = 45 * time.Minute

// errNotYet sends a message back until its time has come. It is no failure.
var errNotYet = errors.New("not due yet")

// dispatch hands a cause's targets on: one message each to the work topic, so
// that the event itself is done with, or the work itself where there is none.
func (f *Function) dispatch(ctx context.Context, cause event.Cause, targets []posture.Target) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, target := range targets {
		item := event.Work{Cause: cause, Target: target, GiveUpAt: f.now().Add(GiveUpAfter).UTC()}
		group.Go(func() error {
			if f.queue == nil {
				return f.work(ctx, item)
			}
			data, err := item.Encode()
			if err != nil {
				return err
			}
			sending, ended := f.telemetry.Begin(ctx, "enqueue", "target", target.Name())
			err = f.queue.Send(sending, data, telemetry.Carried(sending))
			ended(err)
			return err
		})
	}
	return group.Wait()
}

// work handles one cause for one target. An error means: deliver again.
func (f *Function) work(ctx context.Context, item event.Work) error {
	leave, err := f.lanes.enter(ctx, item.Target)
	if err != nil {
		return fmt.Errorf("waiting for other work on %s: %w", item.Target, err)
	}
	defer leave()
	now, target, key := f.now(), item.Target, item.Cause.Key
	if now.Before(item.NotBefore) {
		return errNotYet
	}
	if now.After(item.GiveUpAt) {
		_, err := f.engine.GiveUp(ctx, f.request(item), fmt.Sprintf("no end was reached by %s; the next event or sweep tries again", item.GiveUpAt.Format(time.RFC3339)))
		return err
	}
	if asksDoctor(item.Cause) {
		return f.diagnose(ctx, item)
	}
	switch f.pending.arrive(target, key, item.Cause.Kind == event.RunServiceReady, now) {
	case waitMore:
		return errNotYet
	case alreadyDone:
		f.log.InfoContext(ctx, "handled together with another event", "target", target.Name(), "event_id", item.Cause.EventID)
		return nil
	}
	before := f.pending.waiting(target)
	final, err := f.engine.Run(ctx, f.request(item))
	if errors.Is(err, reconcile.ErrGone) || errors.Is(err, reconcile.ErrOutOfScope) {
		f.log.InfoContext(ctx, "nothing to do", "target", target.Name(), "why", err)
		f.pending.done(target, key, before, f.now())
		return nil
	}
	if err != nil {
		return err
	}
	f.log.InfoContext(ctx, "handled", "target", target.Name(), "outcome", final.Outcome, "event_id", item.Cause.EventID, "method", item.Cause.Method, "calls", final.Calls)
	return f.finish(item, final, before)
}

// finish decides about the message by the outcome.
func (f *Function) finish(item event.Work, final report.Report, before []string) error {
	switch {
	case final.Outcome == report.Deferred && final.WaitingFor != nil && final.WaitingFor.Until != nil:
		f.pending.deferred(item.Target, item.Cause.Key, *final.WaitingFor.Until, f.now())
		return errNotYet
	case final.Outcome.Retries():
		return fmt.Errorf("%s is %s", item.Target, final.Outcome)
	}
	f.pending.done(item.Target, item.Cause.Key, before, f.now())
	return nil
}

func (f *Function) request(item event.Work) reconcile.Request {
	request := reconcile.Request{Cause: item.Cause, Target: item.Target, SettleBy: f.pending.settleBy(item.Target, f.now()), Diagnose: asksDoctor(item.Cause)}
	if command := item.Cause.Command; command != nil {
		request.ReadOnly = command.Name == "plan" || command.Name == "audit"
	}
	return request
}
