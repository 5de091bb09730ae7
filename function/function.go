package function

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// Function is the handler with everything that it was wired with.
type Function struct {
	self     event.Self
	engine   *reconcile.Engine
	cloud    services
	policies *policySource
	queue    queue // nil = work is done inline
	log      *slog.Logger
	now      func() time.Time

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
	Send(ctx context.Context, data []byte) error
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
	clients, err := cloud.Connect(ctx, config.Connect, config.Clock)
	if err != nil {
		return nil, err
	}
	f := &Function{
		self:  self(config),
		cloud: clients, policies: policies, log: log, now: config.Clock,
		gate: newGate(),
	}
	publisher := told{log: log}
	if config.ReportsTopic == "" {
		log.Warn("no reports topic is set: reports go to the log only")
	} else if publisher.to, err = f.open(ctx, config.ReportsTopic, config.PubSubHost); err != nil {
		return nil, err
	}
	if config.WorkTopic != "" {
		if f.queue, err = f.open(ctx, config.WorkTopic, config.PubSubHost); err != nil {
			return nil, err
		}
	}
	f.engine = NewEngine(clients, config)
	f.engine.Writers = config.Writers
	f.engine.Publisher, f.engine.Policy, f.engine.Holds, f.engine.Log = publisher, policies.current, heldBy(config.Holds, log), log
	return f, nil
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

// Close refuses further messages, waits for those in hand, and disconnects.
func (f *Function) Close() error {
	f.gate.shut()
	<-f.gate.empty
	var problems []error
	for _, opened := range f.opened {
		problems = append(problems, opened.Close())
	}
	return errors.Join(problems...)
}
