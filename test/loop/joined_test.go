package loop

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// published is what a test does with each report before it counts as published.
type published func(report.Report) error

func (p published) Publish(_ context.Context, r report.Report) error { return p(r) }

// holding holds every service while it is true.
type holding bool

func (h *holding) Covering(policy.Subject, time.Time) *policy.Hold {
	if !*h {
		return nil
	}
	return &policy.Hold{Reason: "a deployment is under way"}
}

// applying applies the recipe to hello.
func applying(t *testing.T, e *cloudtest.Env, publish published, holds reconcile.Holds) func() (report.Report, error) {
	t.Helper()
	hello := playground.Scenario[0]
	e.Build(hello)
	return withfunction.Applying(t, e, hello.Name(), function.Wiring{
		Publisher: publish, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Holds: func(context.Context) (reconcile.Holds, error) { return holds, nil },
	})
}

// A run that a hold stopped before its first write has ended. What comes after the
// hold is a run of its own.
func TestARunThatWasHeldAfterItStartedIsClosed(t *testing.T) {
	t.Parallel()
	var hold holding
	apply := applying(t, cloudtest.Start(t, playground.Options{}), func(r report.Report) error {
		hold = hold || r.Outcome == report.Started
		return nil
	}, &hold)
	held, err := apply()
	if err != nil || held.Outcome != report.Held || len(held.Steps) == 0 {
		t.Fatalf("the outcome is %q with %d steps, %v; want held", held.Outcome, len(held.Steps), err)
	}
	next, err := apply()
	if err != nil || next.Outcome != report.Held {
		t.Fatalf("the outcome is %q, %v; want held", next.Outcome, err)
	}
	if next.RunID == held.RunID {
		t.Errorf("the next run continues run %s, which has ended", held.RunID)
	}
}

// A report that could not be published leads to another delivery. If that delivery
// may not read the service, its report still has what the first delivery wrote.
func TestADeliveryThatCannotObserveHasTheEarlierSteps(t *testing.T) {
	t.Parallel()
	e := cloudtest.Start(t, playground.Options{})
	var hold holding
	lost := errors.New("the topic cannot be reached")
	var first report.Report
	apply := applying(t, e, func(r report.Report) error {
		if r.Outcome == report.Protected {
			first = r
			return lost
		}
		return nil
	}, &hold)
	if _, err := apply(); !errors.Is(err, lost) {
		t.Fatalf("the first delivery ended with %v, want %v", err, lost)
	}
	e.SetFaults(`[{"action":"status","status":403,"method":"run.projects.locations.services.get"}]`)
	second, err := apply()
	if err != nil || second.Outcome != report.Blocked {
		t.Fatalf("the outcome is %q, %v; want blocked", second.Outcome, err)
	}
	if second.RunID != first.RunID || len(second.Steps) != len(first.Steps) {
		t.Errorf("run %s with %d steps, want run %s with %d", second.RunID, len(second.Steps), first.RunID, len(first.Steps))
	}
}
