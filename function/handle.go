package function

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/telemetry"
)

// The paths at which something is served. deploy/intake.yaml says what is pushed
// to which.
const (
	EventsPath   = "/"
	WorkPath     = "/work"
	CommandsPath = "/commands"
	HealthPath   = "/healthz"
)

// ServeHTTP answers with 204 what is done with, for ever, and with 503 what is
// to be delivered again. There is no third answer to a message: Pub/Sub would
// retry any other status for a day.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(telemetry.Received(r.Context(), r.Header))
	var handle func(context.Context, *http.Request, []byte) error
	switch r.URL.Path {
	case HealthPath:
		if f.gate.closed() {
			refuse(w)
		}
		return
	case EventsPath:
		handle = f.events
	case WorkPath:
		handle = f.delivered
	case CommandsPath:
		handle = f.commands
	default:
		http.Error(w, "iapguard: nothing is served at this path", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "iapguard: messages are posted here", http.StatusMethodNotAllowed)
		return
	}
	ctx, leave, open := f.gate.enter(r.Context())
	if !open {
		refuse(w)
		return
	}
	defer leave()
	f.answer(w, r.WithContext(ctx), handle)
}

// refuse sends a message back and the sender away: the instance is being stopped.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	http.Error(w, "iapguard: this instance is being stopped, deliver again", http.StatusServiceUnavailable)
}

// answer handles one message. A panic is a fault of ours that the message may
// have no part in: it is told on one line, and the message comes again.
func (f *Function) answer(w http.ResponseWriter, r *http.Request, handle func(context.Context, *http.Request, []byte) error) {
	defer func() {
		if broken := recover(); broken != nil {
			f.log.ErrorContext(r.Context(), "panic: message will be delivered again", "err", fmt.Sprint(broken), "stack_trace", string(debug.Stack()))
			http.Error(w, "iapguard: deliver again", http.StatusServiceUnavailable)
		}
	}()
	err := f.message(w, r, handle)
	f.telemetry.Flush(r.Context())
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, errNotYet):
		http.Error(w, "iapguard: not due yet", http.StatusServiceUnavailable)
	case errors.Is(context.Cause(r.Context()), errStopping):
		f.log.InfoContext(r.Context(), "message handed back: the instance is being stopped", "err", err)
		refuse(w)
	default:
		f.log.ErrorContext(r.Context(), "message will be delivered again", "err", err)
		http.Error(w, "iapguard: deliver again", http.StatusServiceUnavailable)
	}
}

// message reads one delivered body and handles it.
func (f *Function) message(w http.ResponseWriter, r *http.Request, handle func(context.Context, *http.Request, []byte) error) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, event.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return f.reject(r.Context(), fmt.Sprintf("the body is longer than %d bytes", event.MaxBody), body)
	case err != nil:
		return fmt.Errorf("reading the message: %w", err) // the sender went away
	}
	ctx, ended := f.telemetry.Message(r.Context(), r.URL.Path, r.Header, body)
	err = handle(ctx, r.WithContext(ctx), body)
	ended(unlessDeferred(err))
	return err
}

// unlessDeferred leaves out that a message comes again when it is due: that is no
// failure.
func unlessDeferred(err error) error {
	if errors.Is(err, errNotYet) {
		return nil
	}
	return err
}

// events is the first stage: what happened, and whom does it concern?
func (f *Function) events(ctx context.Context, r *http.Request, body []byte) error {
	return f.parsed(ctx, event.Message{Header: r.Header, Body: body}, body)
}

// commands is the same for what a person or a scheduler asks for: only here
// does a command count.
func (f *Function) commands(ctx context.Context, r *http.Request, body []byte) error {
	return f.parsed(ctx, event.Message{Header: r.Header, Body: body, Commands: true}, body)
}

func (f *Function) parsed(ctx context.Context, message event.Message, body []byte) error {
	var problems []error
	_, ended := f.telemetry.Begin(ctx, "parse")
	results := event.Parse(message, f.self)
	ended(nil)
	for _, result := range results {
		switch {
		case result.Cause != nil:
			problems = append(problems, f.cause(ctx, *result.Cause, body))
		case result.Ignored == event.Unreadable:
			problems = append(problems, f.reject(ctx, result.Why, body))
		default:
			f.log.DebugContext(ctx, "event ignored", "reason", result.Ignored, "why", result.Why)
		}
	}
	return errors.Join(problems...)
}

// delivered is the second stage: one cause for one target.
func (f *Function) delivered(ctx context.Context, _ *http.Request, body []byte) error {
	item, err := event.ParseWork(body)
	if err != nil {
		return f.reject(ctx, err.Error(), body)
	}
	return f.work(ctx, item)
}

// cause finds out whom a cause concerns and hands each on.
func (f *Function) cause(ctx context.Context, cause event.Cause, body []byte) error {
	if cause.Kind == event.Heartbeat {
		f.heartbeat(ctx, cause)
		return nil
	}
	if where, counted := refusedBy(cause); counted && !f.refusals.admit(where, cause.Key, f.now()) {
		f.log.DebugContext(ctx, "passed over: another refused request of the same service is being looked into", "key", cause.Key)
		return nil
	}
	resolving, ended := f.telemetry.Begin(ctx, "resolve", "cause", string(cause.Kind))
	targets, err := f.targets(resolving, cause)
	ended(err)
	switch {
	case err == nil && len(targets) == 0:
		f.log.DebugContext(ctx, "event leads to no service", "kind", cause.Kind, "key", cause.Key)
		return nil
	case err == nil:
		return f.dispatch(ctx, cause, targets)
	case fault.ActionOf(err) == fault.Block:
		return f.engine.Unresolved(ctx, cause, err)
	case fault.Of(err).Kind == fault.NotFound && cause.Command != nil: // a command may name what does not exist
		return f.reject(ctx, err.Error(), body)
	}
	return err
}

// heartbeat says in the log that the way from where it was logged or published
// to here is open, and how long it took. An alert watches for the line's absence.
func (f *Function) heartbeat(ctx context.Context, cause event.Cause) {
	line := []any{"from", cmp.Or(cause.Resource, "events topic"), "key", cause.Key}
	if !cause.At.IsZero() {
		line = append(line, "lag_seconds", f.now().Sub(cause.At).Seconds())
	}
	f.log.InfoContext(ctx, "heartbeat", line...)
}

// reject reports a message that cannot be read, and acknowledges it: no
// delivery will make it readable.
func (f *Function) reject(ctx context.Context, why string, body []byte) error {
	sum := sha256.Sum256(body)
	beginning := fmt.Sprintf("the message begins with %q", body[:min(len(body), 200)])
	rejected := report.Report{
		RunID: uuid.NewString(), ObservedAt: f.now().UTC(), Version: Version, Outcome: report.Rejected,
		// A message without a key of its own is known by its content.
		Cause:  report.Cause{Kind: "unreadable", Key: "sha256:" + hex.EncodeToString(sum[:16])},
		Advice: []string{why, beginning},
	}
	f.log.WarnContext(ctx, "message rejected", "why", why, "beginning", beginning)
	if err := f.engine.Publisher.Publish(ctx, rejected); err != nil {
		return fmt.Errorf("publishing that a message was rejected: %w", err)
	}
	return nil
}
