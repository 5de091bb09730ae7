package function

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// ServeHTTP answers with 204 what is done with, for ever, and with 503 what is
// to be delivered again. There is no third answer to a message: Pub/Sub would
// retry any other status for a day.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		w.WriteHeader(http.StatusOK)
		return
	case "/":
	default:
		http.Error(w, "iapguard: nothing is served at this path", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "iapguard: events are posted here", http.StatusMethodNotAllowed)
		return
	}
	f.inFlight.Add(1)
	defer f.inFlight.Done()
	if err := f.message(w, r); err != nil {
		f.log.ErrorContext(r.Context(), "message will be delivered again", "err", err)
		http.Error(w, "iapguard: deliver again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// message handles one delivered body. An error means: deliver again.
func (f *Function) message(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		body = body[:min(len(body), 200)]
		return f.reject(r.Context(), event.Result{Ignored: event.Unreadable, Why: fmt.Sprintf("the body is longer than %d bytes", event.MaxBody)}, body)
	case err != nil:
		return fmt.Errorf("reading the message: %w", err) // the sender went away
	}
	var problems []error
	for _, result := range event.Parse(event.Message{Header: r.Header, Body: body}, f.self) {
		problems = append(problems, f.result(r.Context(), result, body))
	}
	return errors.Join(problems...)
}

func (f *Function) result(ctx context.Context, result event.Result, body []byte) error {
	switch {
	case result.Cause != nil:
		return f.cause(ctx, *result.Cause)
	case result.Ignored == event.Unreadable:
		return f.reject(ctx, result, body)
	}
	f.log.DebugContext(ctx, "event ignored", "reason", result.Ignored, "why", result.Why)
	return nil
}

// cause finds out whom a cause concerns and handles each.
func (f *Function) cause(ctx context.Context, cause event.Cause) error {
	targets, err := f.targets(ctx, cause)
	if err != nil {
		if fault.ActionOf(err) == fault.Retry {
			return err
		}
		f.log.WarnContext(ctx, "event leads to no service", "kind", cause.Kind, "key", cause.Key, "err", err)
		return nil
	}
	if len(targets) == 0 {
		f.log.DebugContext(ctx, "event leads to no service", "kind", cause.Kind, "key", cause.Key)
	}
	var problems []error
	for _, target := range targets {
		problems = append(problems, f.work(ctx, cause, target))
	}
	return errors.Join(problems...)
}

// work handles one cause for one target.
func (f *Function) work(ctx context.Context, cause event.Cause, target posture.Target) error {
	leave, err := f.lanes.enter(ctx, target)
	if err != nil {
		return fmt.Errorf("waiting for other work on %s: %w", target, err)
	}
	defer leave()
	final, err := f.engine.Run(ctx, reconcile.Request{Cause: cause, Target: target})
	if errors.Is(err, reconcile.ErrGone) || errors.Is(err, reconcile.ErrOutOfScope) {
		f.log.InfoContext(ctx, "nothing to do", "target", target.Name(), "why", err)
		return nil
	}
	if err != nil {
		return err
	}
	f.log.InfoContext(ctx, "handled", "target", target.Name(), "outcome", final.Outcome, "event_id", cause.EventID, "method", cause.Method, "calls", final.Calls)
	if final.Outcome.Retries() {
		return fmt.Errorf("%s is %s", target, final.Outcome)
	}
	return nil
}

// reject reports a message that cannot be read, and acknowledges it: no
// delivery will make it readable.
func (f *Function) reject(ctx context.Context, result event.Result, body []byte) error {
	cut := body[:min(len(body), 200)]
	rejected := report.Report{
		RunID: uuid.NewString(), ObservedAt: f.engine.Now().UTC(), Version: Version, Outcome: report.Rejected,
		Cause:  report.Cause{Kind: "unreadable", Key: rejectedKey(body)},
		Advice: []string{result.Why, fmt.Sprintf("the message begins with %q", cut)},
	}
	f.log.WarnContext(ctx, "message rejected", "why", result.Why, "begins_with", fmt.Sprintf("%q", cut))
	if err := f.engine.Publisher.Publish(ctx, rejected); err != nil {
		return fmt.Errorf("publishing that a message was rejected: %w", err)
	}
	return nil
}
