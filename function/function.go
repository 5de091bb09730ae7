package function

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/telemetry"
)

// Function is the handler with everything that it was wired with.
type Function struct {
	self     event.Self
	engine   *reconcile.Engine
	cloud    services
	policies *policySource
	memory   *memory.Memory
	queue    queue // nil = work is done inline
	log      *slog.Logger
	now      func() time.Time
	// telemetry is nil when nothing is exported.
	telemetry *telemetry.Telemetry

	lanes    lanes
	pending  pending
	refusals refusals
	gate     *gate
	opened   []*topic.Topic
}

// services finds out which services something is about.
type services interface {
	// Behind gives the services that a load balancer's resource leads to.
	Behind(ctx context.Context, resource string) ([]posture.Target, error)
	// Services gives the services in a scope.
	Services(ctx context.Context, scope posture.Scope) ([]posture.Target, error)
}

// queue keeps work until it is pushed to /work.
type queue interface {
	Send(ctx context.Context, data []byte, attributes map[string]string) error
}

// New wires the function. Everything that is wrong with the configuration or
// the policy stops it here.
func New(ctx context.Context, config Config, log *slog.Logger) (*Function, error) {
	if err := config.Locate(ctx); err != nil {
		return nil, err
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	policies, err := newPolicySource(config, config.Clock, log)
	if err != nil {
		return nil, err
	}
	observed, err := observe(ctx, &config, log)
	if err != nil {
		return nil, err
	}
	clients, err := cloud.Connect(ctx, config.Connect, config.Clock)
	if err != nil {
		return nil, err
	}
	f := &Function{
		self:  self(config),
		cloud: clients, policies: policies, log: log, now: config.Clock,
		gate: newGate(), telemetry: observed,
	}
	publisher, err := f.connect(ctx, config)
	if err != nil {
		return nil, err
	}
	if f.memory, err = openMemory(ctx, config, log); err != nil {
		return nil, err
	}
	f.engine = NewEngine(clients, config)
	f.engine.Writers = config.Writers
	f.engine.Publisher, f.engine.Policy, f.engine.Holds, f.engine.Log = publisher, policies.current, heldBy(config.Holds, log), log
	if observed != nil {
		f.engine.Tracer = observed
	}
	return f, nil
}

// observe begins to record what the function does, where that is to be exported,
// the calls of Google's APIs included.
func observe(ctx context.Context, config *Config, log *slog.Logger) (*telemetry.Telemetry, error) {
	if unread := config.Telemetry.Unread; len(unread) > 0 {
		log.Warn("set, but not read by iapguard", "variables", unread)
	}
	own := config.Place.Service
	about := telemetry.About{Version: Version, Project: config.Project, Region: own.Location, Service: own.Service}
	started, err := telemetry.Start(ctx, config.Telemetry, about, connect.Authorized, log)
	if started != nil {
		config.Connect.Wrap = started.Transport
	}
	return started, err
}

// connect opens the topics that there are, and gives what publishes reports.
func (f *Function) connect(ctx context.Context, config Config) (publisher told, err error) {
	publisher = told{log: f.log, telemetry: f.telemetry}
	if config.ReportsTopic == "" {
		f.log.WarnContext(ctx, "no reports topic is set: reports go to the log only")
	} else if publisher.to, err = f.open(ctx, config.ReportsTopic, config.PubSubHost); err != nil {
		return publisher, err
	}
	if config.WorkTopic != "" {
		f.queue, err = f.open(ctx, config.WorkTopic, config.PubSubHost)
	}
	return publisher, err
}

// open connects to a topic until the function is closed.
func (f *Function) open(ctx context.Context, name, emulator string) (*topic.Topic, error) {
	opened, err := topic.Open(ctx, name, emulator)
	if err != nil {
		return nil, err
	}
	f.opened = append(f.opened, opened)
	return opened, nil
}

// closePatience is how long the last telemetry may take.
const closePatience = 500 * time.Millisecond

// Close refuses further messages, waits for those in hand, and disconnects.
func (f *Function) Close() error {
	f.gate.shut()
	<-f.gate.empty
	var problems []error
	for _, opened := range f.opened {
		problems = append(problems, opened.Close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	f.telemetry.Close(ctx)
	return errors.Join(problems...)
}
