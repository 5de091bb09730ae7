package function

import (
	"context"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/probe"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// NewEngine is the loop over Google Cloud, the same for the function and for a
// person at a terminal. What differs between them is left to be set: Publisher,
// Policy, Holds and Log, and for the function Writers: a person writes with
// their own credentials. config.Clock must be set.
func NewEngine(clients *cloud.Cloud, config Config) *reconcile.Engine {
	return &reconcile.Engine{
		Observer: clients, Describer: clients, Examiner: clients, Callers: clients, Applier: clients,
		History: history(clients), Prober: probe.New(config.Connect),
		Memory: &reconcile.Memory{},
		Self:   self(config), Now: config.Clock.Now, Version: Version,
	}
}

// self is who we are: the function's account, and those that it writes as. On a
// terminal that may not be known.
func self(config Config) event.Self {
	known := event.Self{UserAgent: Product}
	if config.Self != "" {
		known.Principals = append([]string{config.Self}, config.Writers.Accounts()...)
	}
	return known
}

// history reads who wrote what in a project: Cloud Logging's entries are
// understood by package event alone.
func history(clients *cloud.Cloud) func(context.Context, string) ([]event.Write, error) {
	return func(ctx context.Context, project string) ([]event.Write, error) {
		entries, err := clients.Writes(ctx, project)
		if err != nil {
			return nil, err
		}
		return event.Writes(entries), nil
	}
}
