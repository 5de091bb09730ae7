package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/traffic"
)

// Cloud reads and writes the resources. Its errors are classified by package
// fault; fault.ServiceGone means that the service itself does not exist.
type Cloud interface {
	// Observe reads everything about one service, directly from the resources.
	// The posture's target carries the project's id.
	Observe(ctx context.Context, target posture.Target) (posture.Posture, error)
	// Ahead begins a reading of a service, which is all that the context that it returns is
	// used for, to verify what was written or not. done ends it, and says whether it was complete.
	Ahead(ctx context.Context, target posture.Target, verify bool) (reads context.Context, done func(complete bool))
	// Refresh drops what is kept of the resource that a cause is about, and of what lies around the
	// service that it leads to.
	Refresh(cause event.Cause, target posture.Target)
	// Describe adds to a posture what only rules ask about. What cannot be read of
	// the folders is said in the posture itself.
	Describe(ctx context.Context, p *posture.Posture, asked policy.Asked) error
	// Examine reads what a diagnosis needs beside the posture; withLog looks for a
	// refused request too. What is forbidden is listed as unread, without an error.
	Examine(ctx context.Context, p posture.Posture, withLog bool) (posture.Examination, error)
	// Callers finds who calls a service now. What may not be read is listed as
	// unread, without an error.
	Callers(ctx context.Context, p posture.Posture) ([]caller.Caller, []posture.Unread, error)
	// Called reports whether any of the callers was let in before a time, as far back as the log
	// is kept.
	Called(ctx context.Context, p posture.Posture, who []caller.Caller, before time.Time) (bool, error)
	// Apply takes one step as an account, "" = our own. It refuses with
	// fault.Conflict when the resource is no longer at the step's version, and
	// returns the version after the write, "" when the API does not.
	Apply(ctx context.Context, step plan.Step, as string) (version string, err error)
}

// Publisher makes a report known. When it returns nil, the report is safe.
type Publisher interface {
	Publish(ctx context.Context, r report.Report) error
}

// Prober sends requests to doors as a stranger would: once each, without
// credentials. It returns an answer for each request, in their order.
type Prober interface {
	Probe(ctx context.Context, requests []door.ProbeRequest) []door.Answer
}

// Clock is the time that waits and time-outs run on.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// Surroundings are what the loop is wired with. All are required but those that
// say what nil means.
type Surroundings struct {
	Cloud Cloud
	// Swept gives the cloud by which a look of a sweep may find that nothing has changed, in which the
	// looks of one sweep share what they read around the services of a project; nil = each look reads
	// everything.
	Swept     func(sweep string, target posture.Target) (Cloud, error)
	Publisher Publisher
	Policy    func() decide.Policy // called in every round
	// Holds is asked before every wave; nil means that no holds are kept. While
	// it fails, nothing is written.
	Holds func(ctx context.Context) (decide.Holds, error)
	Clock Clock
	// Prober probes the doors where the policy wants it; nil = nobody does.
	Prober  Prober
	Log     *slog.Logger
	Tracer  Tracer // nil = nothing is traced
	Version string // of iapguard, for the reports
	// Self is who we are, by which redeploys and writes are counted. The account
	// may be unknown.
	Self event.Self
	// Writers are who writes; nil = our own account does.
	Writers decide.Writers
	// History gives the last writes of 24 hours to a service and to what leads to it,
	// oldest first: those of these accounts, and those of others.
	History func(ctx context.Context, p posture.Posture, accounts []string) ([]event.Write, error)
	// Recent gives the same as of ten seconds ago at most; nil = nobody knows.
	Recent func(ctx context.Context, p posture.Posture, accounts []string) ([]event.Write, error)
	Memory *memory.Memory
	// StepGrace is how long a step that has begun may take once its run is shut down; zero =
	// as long as Cloud Run leaves.
	StepGrace time.Duration
	// Served says whether requests were answered, before a service was created, where
	// load balancers lead to it; nil = nobody knows.
	Served func(ctx context.Context, p posture.Posture) (bool, error)
	// Answers counts how requests that came by ways through load balancers were answered
	// between two times; nil = nobody knows.
	Answers func(ctx context.Context, ways []traffic.Way, from, to time.Time) ([]traffic.Answer, error)
}

// Engine is the loop with its surroundings.
type Engine struct {
	Surroundings
	instance *instance
}

// NewEngine returns the loop, or an error that names what it lacks.
func NewEngine(s Surroundings) (*Engine, error) {
	var lacks []string
	for _, part := range []struct {
		name   string
		absent bool
	}{
		{"Cloud", s.Cloud == nil}, {"Publisher", s.Publisher == nil}, {"Policy", s.Policy == nil}, {"Clock", s.Clock == nil},
		{"Log", s.Log == nil}, {"History", s.History == nil}, {"Memory", s.Memory == nil}, {"Version", s.Version == ""},
	} {
		if part.absent {
			lacks = append(lacks, part.name)
		}
	}
	if len(lacks) > 0 {
		return nil, fmt.Errorf("building the engine: it lacks %s", strings.Join(lacks, ", "))
	}
	return &Engine{s, newInstance(s.Memory)}, nil
}

// The values of package decide that the loop is wired with, under the names by
// which the function and the command line know them.
type (
	Request = decide.Request
	Policy  = decide.Policy
	Holds   = decide.Holds
	Writers = decide.Writers
)

// ErrGone means that there is no such service (any more), ErrOutOfScope that
// the policy leaves it alone. Both are final and give no report.
var (
	ErrGone       = errors.New("the service does not exist")
	ErrOutOfScope = errors.New("no rule of the policy covers the service")
)

// now is the time of the engine's clock.
func (e *Engine) now() time.Time { return e.Clock.Now() }

// Tracer observes the parts of a run. Begin starts a part; attributes are names and
// values in turn. The part runs with the context that Begin returns, and ends with
// a call of the function that it returns.
type Tracer interface {
	Begin(ctx context.Context, part string, attributes ...string) (context.Context, func(error))
}

func (e *Engine) begin(ctx context.Context, part string, attributes ...string) (context.Context, func(error)) {
	if e.Tracer == nil {
		return ctx, func(error) {}
	}
	return e.Tracer.Begin(ctx, part, attributes...)
}
