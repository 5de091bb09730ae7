package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/oracle/inprocess"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

// world is one local cloud for one estate after the other.
type world struct {
	judge.World
	rules   policy.Policy
	program *program // that is judged instead of the engine, nil = none
}

// rules look at everything and write nothing.
const rules = "version: 1\nrules: [{name: everything, mode: report-only}]\n"

// newWorld starts a local cloud. What is not documented of Google is a switch of it.
func newWorld(t *testing.T, switches localcloud.Options) *world {
	t.Helper()
	parsed, err := policy.Parse([]byte(rules), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	broker, err := delivery.Start(t.Context(), delivery.Options{Project: "demo-project"})
	if err != nil {
		t.Fatal(err)
	}
	switches.OperationTime, switches.PubSub = -1, broker
	local := localcloud.New(switches)
	t.Cleanup(func() {
		local.Close()
		if err := broker.Close(context.Background()); err != nil {
			t.Errorf("closing the broker: %v", err)
		}
	})
	w := &world{World: judge.World{API: local, Doors: inprocess.Doors(local.DataPlane())}, rules: parsed}
	w.program = newProgram(t, w)
	return w
}

// hasty is a clock on which nobody waits.
type hasty struct{ clockwork.Clock }

func (hasty) After(time.Duration) <-chan time.Time {
	elapsed := make(chan time.Time, 1)
	elapsed <- time.Now()
	return elapsed
}

type unpublished struct{}

func (unpublished) Publish(context.Context, report.Report) error {
	return errors.New("an audit publishes no reports")
}

// audit looks at every service of the project, as iapguard audit does, with
// clients of its own that remember nothing of the estate before.
func (w *world) audit(ctx context.Context) ([]judge.Report, error) {
	if w.program != nil {
		return w.program.audit(ctx)
	}
	clock := hasty{clockwork.NewRealClock()}
	config, err := function.ReadConfig(nil)
	if err != nil {
		return nil, err
	}
	config.Clock = clock
	config.Connect.Endpoint = "http://localhost"
	config.Connect.Wrap = func(http.RoundTripper) http.RoundTripper { return inprocess.Transport{Handler: w.API} }
	clients, err := cloud.Connect(ctx, config.Connect, clock.Now)
	if err != nil {
		return nil, err
	}
	engine, err := function.NewEngine(clients, config, function.Wiring{
		Publisher: unpublished{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Policy: func() reconcile.Policy { return w.rules },
	})
	if err != nil {
		return nil, err
	}
	scope, err := posture.ParseScope("projects/demo-project")
	if err != nil {
		return nil, err
	}
	targets, err := clients.Services(ctx, scope)
	if err != nil && len(targets) == 0 {
		return nil, err
	}
	var reports []judge.Report
	if err != nil {
		reports = append(reports, judge.Report{Service: scope.Name(), Exposed: "unknown", Error: err.Error()})
	}
	for _, target := range targets {
		final, err := engine.Run(ctx, reconcile.Request{Target: target, Consent: true, DryRun: true,
			Cause: event.Cause{Kind: event.CommandReceived, Method: "audit", Key: "command:audit"}})
		if err != nil {
			reports = append(reports, judge.Report{Service: target.Name(), Exposed: "unknown", Error: err.Error()})
			continue
		}
		read, err := readReport(final)
		if err != nil {
			return nil, err
		}
		reports = append(reports, read)
	}
	return reports, nil
}

// readReport reads a report as everybody reads it.
func readReport(final report.Report) (judge.Report, error) {
	var read judge.Report
	text, err := json.Marshal(final)
	if err != nil {
		return read, err
	}
	err = json.Unmarshal(text, &read)
	read.Service = final.Subject()
	return read, err
}
