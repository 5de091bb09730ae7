package function

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/telemetry"
	"github.com/iapguard/iapguard/internal/workqueue"
)

// The paths that are served. deploy/intake.yaml says which topic is pushed to which.
const (
	EventsPath   = "/"
	WorkPath     = "/work"
	CommandsPath = "/commands"
	HealthPath   = "/healthz"
)

// routes gives the handler of each path. What is posted to a path is a message.
func (f *Function) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(HealthPath, f.health)
	for path, handle := range map[string]messageHandler{
		EventsPath + "{$}": f.events, WorkPath: f.work, CommandsPath: f.commands,
	} {
		mux.HandleFunc(http.MethodPost+" "+path, f.serveMessage(handle))
	}
	return mux
}

// messageHandler handles the body of one delivered message. After an error the
// message is delivered again.
type messageHandler func(ctx context.Context, r *http.Request, body []byte) error

// ServeHTTP answers 204 to a message that is handled for good, and 503 to one that is
// to be delivered again. A message of an account that may deliver it gets no third
// answer: Pub/Sub would retry any other status for a day.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mux.ServeHTTP(w, r.WithContext(telemetry.Received(r.Context(), r.Header)))
}

// serveMessage admits a message as long as the instance is not stopping.
func (f *Function) serveMessage(handle messageHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, leave, open := f.drain.enter(r.Context())
		if !open {
			refuse(w)
			return
		}
		defer leave()
		ctx, signed := f.signer.group(ctx)
		defer signed()
		r = r.WithContext(ctx)
		who, err := f.admission.admit(ctx, r.URL.Path, r.Header)
		var refused refusal
		switch {
		case errors.As(err, &refused):
			f.log.WarnContext(ctx, "caller refused", "path", r.URL.Path, "status", refused.status, "why", refused.why)
			http.Error(w, "iapguard: "+refused.why, refused.status)
		case who.direct:
			f.direct(w, r, who)
		default:
			f.answer(w, r, handle)
		}
	}
}

// refuse asks for another delivery over another connection: this instance is being
// stopped.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	http.Error(w, "iapguard: this instance is being stopped, deliver again", http.StatusServiceUnavailable)
}

// answer handles one message. A panic is our own bug, and the message may not be its
// cause: the panic is logged on one line, and the message is delivered again.
func (f *Function) answer(w http.ResponseWriter, r *http.Request, handle messageHandler) {
	defer func() {
		if broken := recover(); broken != nil {
			f.log.ErrorContext(r.Context(), "panic: message will be delivered again",
				"err", fmt.Sprint(broken), "stack_trace", string(debug.Stack()))
			http.Error(w, "iapguard: deliver again", http.StatusServiceUnavailable)
		}
	}()
	err := f.message(w, r, handle)
	f.telemetry.Flush(r.Context())
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, workqueue.ErrNotYet):
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
func (f *Function) message(w http.ResponseWriter, r *http.Request, handle messageHandler) error {
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

// unlessDeferred gives nil for a message that is delivered again when it is due: that
// is not a failure.
func unlessDeferred(err error) error {
	if errors.Is(err, workqueue.ErrNotYet) {
		return nil
	}
	return err
}

// events is the first stage: what happened, and which services does it concern?
func (f *Function) events(ctx context.Context, r *http.Request, body []byte) error {
	return f.parsed(ctx, event.Message{Header: r.Header, Body: body}, body)
}

// commands is the same for what a person or Cloud Scheduler asks for. A command
// counts only here.
func (f *Function) commands(ctx context.Context, r *http.Request, body []byte) error {
	return f.parsed(ctx, event.Message{Header: r.Header, Body: body, Commands: true}, body)
}

func (f *Function) parsed(ctx context.Context, message event.Message, body []byte) error {
	var problems []error
	var causes []event.Cause
	_, ended := f.telemetry.Begin(ctx, "parse")
	results := event.Parse(message, f.self)
	ended(nil)
	for _, result := range results {
		switch {
		case result.Cause != nil:
			causes = append(causes, *result.Cause)
		case result.Ignored == event.Unreadable:
			problems = append(problems, f.reject(ctx, result.Why, body))
		default:
			f.log.DebugContext(ctx, "event ignored", "reason", result.Ignored, "why", result.Why)
		}
	}
	return workqueue.Join(append(problems, f.causes(ctx, causes, body))...)
}

// work is the second stage: one cause for one target, pushed from the work topic.
// Short waits are held in the delivery.
func (f *Function) work(ctx context.Context, _ *http.Request, body []byte) error {
	item, err := topic.ReadPush(body)
	if err == nil {
		item, err = pushedItem(item)
	}
	if err != nil {
		return f.reject(ctx, err.Error(), body)
	}
	hold := f.holdInAll
	if deadline, ok := ctx.Deadline(); ok {
		hold = min(hold, time.Until(deadline)/2) // the server's own clock set it
	}
	return f.worker.Deliver(ctx, item, hold)
}

// cause handles one cause.
func (f *Function) cause(ctx context.Context, cause event.Cause, body []byte) error {
	_, err := f.handle(ctx, cause, body)
	return err
}

// handle finds the services that a cause concerns, hands each on, and returns them.
func (f *Function) handle(ctx context.Context, cause event.Cause, body []byte) ([]posture.Target, error) {
	if cause.Kind == event.Heartbeat {
		f.heartbeat(ctx, cause)
		return nil, nil
	}
	if cause.Command != nil && cause.Command.Name == "due" {
		return nil, f.due(ctx)
	}
	if cause.Command != nil && cause.Command.Name == "digest" {
		f.digest(ctx)
		return nil, nil
	}
	if source, limited := denialSource(cause); limited {
		admitted := f.denials.admit(source, cause.Key, f.clock.Now())
		f.sayPassedOver(ctx, false)
		if !admitted {
			f.log.DebugContext(ctx, "passed over: another denied request of the same service is being looked into",
				"key", cause.Key)
			return nil, nil
		}
	}
	targets, err := f.resolver.resolve(ctx, cause)
	if len(targets) == 0 && cause.Command != nil && fault.Of(err).Kind == fault.NotFound {
		return nil, f.reject(ctx, err.Error(), body) // a command may name what does not exist
	}
	if problem := f.handOn(ctx, cause, targets, err); problem != nil {
		return nil, problem
	}
	if err == nil && len(targets) > 0 {
		f.swept(ctx, cause, targets)
	}
	return targets, nil
}

// handOn hands on each target that a cause concerns. err is why these may not be all of them.
func (f *Function) handOn(ctx context.Context, cause event.Cause, targets []posture.Target, err error) error {
	switch {
	case err == nil && len(targets) == 0:
		f.log.DebugContext(ctx, "event leads to no service", "kind", cause.Kind, "key", cause.Key)
		return nil
	case err == nil:
		return f.dispatch(ctx, cause, targets)
	case len(targets) > 0: // of some scopes, and others could not be listed
		if err := f.dispatch(ctx, cause, targets); err != nil {
			return err
		}
		return f.engine.Unresolved(ctx, cause, err)
	case fault.ActionOf(err) == fault.Block:
		return f.engine.Unresolved(ctx, cause, err)
	}
	return err
}

// swept notes that a sweep of a project, or of all, was begun, for who asks for the status.
func (f *Function) swept(ctx context.Context, cause event.Cause, targets []posture.Target) {
	if cause.Command == nil || cause.Command.Name != "sweep" || cause.Location != "" {
		return
	}
	sweep := memory.Sweep{At: f.clock.Now(), Services: len(targets)}
	if targets[0].Location == "" { // each project lists its services
		sweep.Services, sweep.Projects = 0, len(targets)
	}
	if _, err := f.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		return d.SeeSweep(cause.Command.Target, sweep)
	}); err != nil {
		f.log.WarnContext(ctx, "status will not know of this sweep", "target", cause.Command.Target, "err", err)
	}
}

// pushedData is what a message of Pub/Sub says, where a body is such a message, else the body.
func pushedData(body []byte) []byte {
	var push struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if json.Unmarshal(body, &push) == nil && len(push.Message.Data) > 0 {
		return push.Message.Data
	}
	return body
}

// reject reports a message that cannot be read, and acknowledges it: another delivery
// would not make it readable.
func (f *Function) reject(ctx context.Context, why string, body []byte) error {
	sum := sha256.Sum256(body)
	outline := event.Outline(pushedData(body))
	advice := []string{why}
	if !strings.Contains(why, outline) {
		advice = append(advice, outline)
	}
	rejected := report.Report{
		RunID: uuid.NewString(), ObservedAt: f.clock.Now().UTC(), Version: Version, Outcome: report.Rejected,
		// A message without a key of its own is known by its content.
		Cause:  report.Cause{Kind: "unreadable", Key: "sha256:" + hex.EncodeToString(sum[:16])},
		Advice: advice,
	}
	f.log.WarnContext(ctx, "message rejected", "why", why, "outline", outline)
	if err := f.engine.Publisher.Publish(ctx, rejected); err != nil {
		return fmt.Errorf("publishing that a message was rejected: %w", err)
	}
	return nil
}
