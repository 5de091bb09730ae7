package function

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// Function is the handler with everything that it was wired with.
type Function struct {
	self      event.Self
	engine    *reconcile.Engine
	resolver  Resolver
	log       *slog.Logger
	lanes     lanes
	inFlight  sync.WaitGroup
	closeDown func() error
}

// Resolver gives the services that a load balancer's resource leads to.
type Resolver interface {
	Behind(ctx context.Context, resource string) ([]posture.Target, error)
}

// New wires the function. Everything that is wrong with the configuration or
// the policy stops it here.
func New(ctx context.Context, config Config, log *slog.Logger) (*Function, error) {
	if err := config.whoAmI(ctx); err != nil {
		return nil, err
	}
	policies, err := newPolicySource(config, time.Now, log)
	if err != nil {
		return nil, err
	}
	clients, err := cloud.Connect(ctx, config.Connect, time.Now)
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	publisher, closeDown := reconcile.Publisher(logged{log}), func() error { return nil }
	if config.ReportsTopic != "" {
		reports, err := topic.Open(ctx, config.ReportsTopic, config.PubSubHost)
		if err != nil {
			return nil, fmt.Errorf("starting: %w", err)
		}
		publisher, closeDown = reports, reports.Close
	} else {
		log.Warn("no reports topic is set: reports go to the log only")
	}
	return &Function{
		self: event.Self{Principal: config.Self, UserAgent: Product},
		engine: &reconcile.Engine{
			Observer: clients, Applier: clients, Publisher: publisher,
			Policy: policies.current, Now: time.Now, Log: log, Version: Version,
		},
		resolver: clients, log: log, closeDown: closeDown,
	}, nil
}

// Close waits for requests that are being handled, and disconnects.
func (f *Function) Close() error {
	f.inFlight.Wait()
	return f.closeDown()
}
