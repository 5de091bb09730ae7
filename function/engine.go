package function

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/probe"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// Wiring is what differs between the function and a person at a terminal. What
// may be nil says so.
type Wiring struct {
	Publisher reconcile.Publisher
	Policy    func() reconcile.Policy
	Holds     func(context.Context) (reconcile.Holds, error) // nil = no holds are kept
	Log       *slog.Logger
	Tracer    reconcile.Tracer  // nil = nothing is traced
	Writers   reconcile.Writers // nil = our own account writes; a person writes with their own credentials
	Memory    *memory.Memory    // nil = one that lasts as long as the process
}

// NewEngine is the loop over Google Cloud, the same for the function and for a
// person at a terminal. config.Clock must be set.
func NewEngine(clients *cloud.Cloud, config Config, wiring Wiring) (*reconcile.Engine, error) {
	return reconcile.NewEngine(reconcile.Surroundings{
		Cloud: clients, Swept: func(sweep string, target posture.Target) (reconcile.Cloud, error) {
			return clients.Swept(sweep, target)
		}, Publisher: wiring.Publisher, Policy: wiring.Policy, Holds: wiring.Holds,
		Clock:  sleepingClock{config.Clock},
		Prober: probe.New(config.Connect, config.Clock), Log: wiring.Log, Tracer: wiring.Tracer, Version: Version,
		Self: self(config), Writers: wiring.Writers, History: clients.LastWrites, Recent: clients.RecentWrites, Served: clients.Served,
		Answers: clients.Answers,
		Memory:  cmp.Or(wiring.Memory, memory.New(memory.NewInProcess(), memory.Options{Clock: config.Clock, Alone: true})),
	})
}

// self is who we are: the function's account, and those that it writes as. On a
// terminal the account may not be known.
func self(config Config) event.Self {
	known := event.Self{UserAgent: Product}
	if config.Self != "" {
		known.Principals = append([]string{config.Self}, config.Writers.Accounts()...)
	}
	return known
}
