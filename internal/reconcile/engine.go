package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// Observer reads everything about one service, directly from the resources.
// The posture's target carries the project's id. Errors are classified by
// package fault; NotFound means that the service is gone.
type Observer interface {
	Observe(ctx context.Context, target posture.Target) (posture.Posture, error)
}

// Applier takes one step as an account, "" = our own. It refuses with
// fault.Conflict when the resource is no longer at the step's version, and gives
// the version after the write, "" when the API does not tell.
type Applier interface {
	Apply(ctx context.Context, step plan.Step, as string) (version string, err error)
}

// Publisher makes a report known. When it returns nil, the report is safe.
type Publisher interface {
	Publish(ctx context.Context, r report.Report) error
}

// Describer adds to a posture what only rules ask about. What cannot be read of
// the folders is told in the posture itself.
type Describer interface {
	Describe(ctx context.Context, p *posture.Posture, asked policy.Asked) error
}

// Policy gives the settings for a service, and whether it is in scope.
type Policy interface {
	For(subject policy.Subject) (policy.Settings, bool)
	Asks() policy.Asked // beside names
	Projects() []string // those that it names in full
	Digest() string
}

// Holds gives the hold that stops writes to a service, nil when there is none.
type Holds interface {
	On(target posture.Target, projectNumber string, at time.Time) *policy.Hold
}

// Engine is the loop with its surroundings. All fields but Holds, Prober, Tracer, Self, Writers, History and Memory are required.
type Engine struct {
	Observer  Observer
	Describer Describer
	Examiner  Examiner // for diagnoses
	Callers   Callers
	Applier   Applier
	Publisher Publisher
	Policy    func() Policy // read anew for every run
	// Holds is asked before every write; nil means that no holds are kept. While
	// it fails, nothing is written.
	Holds func() (Holds, error)
	Now   func() time.Time
	// Prober asks at the doors where the policy wants it; nil = nobody asks.
	Prober  Prober
	Log     *slog.Logger
	Tracer  Tracer // nil = nobody is told
	Version string // of iapguard, for the reports
	// Self is who we are, by which redeploys and writes are counted. It may not be
	// known.
	Self event.Self
	// Writers are who writes; nil = our own account does.
	Writers Writers
	// History gives the writes of the last 24 hours in a project, oldest first,
	// everybody's. nil means that none is kept, which only tests do: then nothing
	// is counted, and nothing that has been counted stops a write.
	History func(ctx context.Context, project string) ([]event.Write, error)
	// Memory is the instance's own, beside the log; nil = nothing is remembered.
	Memory *Memory
}

// Request is one run: why, for what, and on whose word.
type Request struct {
	Cause  event.Cause
	Target posture.Target
	// Consent means that a person asked for this very run: the mode, the settle
	// time and the age from which services are changed, which restrain us when
	// we act by ourselves, do not apply.
	Consent bool
	// Accept refuses a plan that the consent was not given for, with the
	// reason; nil accepts whatever is right at the time. It is asked before
	// every round of writes, with what was written so far.
	Accept func(p plan.Plan, written []report.Step) error
	// Diagnose asks why the service answers 403 before anything is planned.
	Diagnose bool
	// DryRun stops before the first write and publishes nothing.
	DryRun bool
	// ReadOnly stops before the first write and publishes what was found.
	ReadOnly bool
	// SettleBy is when the settle time ends at the latest, however often the
	// resources are touched; zero = no such bound.
	SettleBy time.Time
}

// ErrGone means that there is no such service (any more), ErrOutOfScope that
// the policy leaves it alone. Both are final and give no report.
var (
	ErrGone       = errors.New("the service does not exist")
	ErrOutOfScope = errors.New("no rule of the policy covers the service")
)

// Run handles one request. Any error but ErrGone and ErrOutOfScope means that
// nothing final could be published: the message must be delivered again.
func (e *Engine) Run(ctx context.Context, request Request) (final report.Report, err error) {
	ctx, ended := e.begin(ctx, "reconcile", "target", request.Target.Name(), "cause", string(request.Cause.Kind))
	defer func() { ended(err) }()
	ctx, meter := report.NewMeter(ctx)
	r := &run{Engine: e, request: request, meter: meter, id: uuid.NewString(), began: e.Now()}
	final, err = r.answer(ctx)
	if err != nil || request.DryRun {
		return final, err
	}
	if err := r.unsaid(ctx, final); err != nil {
		return final, fmt.Errorf("handling %s: %w", request.Target, err)
	}
	lasting, done := outliving(ctx, reportOutlives)
	defer done()
	if err := e.Publisher.Publish(lasting, final); err != nil {
		return final, fmt.Errorf("publishing the report for %s: %w", request.Target, err)
	}
	return final, nil
}

// GiveUp reports as blocked what did not come to an end in its time.
func (e *Engine) GiveUp(ctx context.Context, request Request, why string) (report.Report, error) {
	r := &run{Engine: e, request: request, meter: &report.Meter{}, id: uuid.NewString(), began: e.Now()}
	final := r.report(r.unseen(), report.Blocked)
	final.Advice = []string{why}
	if err := e.Publisher.Publish(ctx, final); err != nil {
		return final, fmt.Errorf("publishing that work on %s is given up: %w", request.Target, err)
	}
	return final, nil
}

// Unresolved reports as blocked that nobody can tell which services a cause
// concerns: the report names none, and what to do about it.
func (e *Engine) Unresolved(ctx context.Context, cause event.Cause, why error) error {
	r := &run{Engine: e, request: Request{Cause: cause}, meter: &report.Meter{}, id: uuid.NewString(), began: e.Now()}
	final := report.Report{
		RunID: r.id, ObservedAt: r.began.UTC(), Version: r.Version, Outcome: report.Blocked,
		Cause: r.cause(), Command: r.command(), Advice: r.advice(why, place{project: cause.Project}),
	}
	if err := e.Publisher.Publish(ctx, final); err != nil {
		return fmt.Errorf("publishing that the services which %s concerns cannot be found: %w", cause.Key, err)
	}
	return nil
}
