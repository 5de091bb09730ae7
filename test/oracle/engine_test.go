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
	"golang.org/x/sync/errgroup"

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

// hasty is a clock on which nobody waits. It may stand still.
type hasty struct {
	clockwork.Clock
	at time.Time // zero = it goes
}

func (h hasty) Now() time.Time {
	if h.at.IsZero() {
		return h.Clock.Now()
	}
	return h.at
}

func (hasty) After(time.Duration) <-chan time.Time {
	elapsed := make(chan time.Time, 1)
	elapsed <- time.Now()
	return elapsed
}

type unpublished struct{}

func (unpublished) Publish(context.Context, report.Report) error {
	return errors.New("an audit publishes no reports")
}

// audit looks at every service of the project, as iapguard audit does of one service, with
// clients of its own that remember nothing of the estate before.
func (w *world) audit(ctx context.Context) ([]judge.Report, error) {
	if w.program != nil {
		return w.program.audit(ctx)
	}
	looks, unlisted, err := w.looks(ctx, auditor{})
	if err != nil {
		return nil, err
	}
	return readLooks(looks, unlisted)
}

// auditor is how the services of the project are looked at: each by itself, or side by side,
// with what they share read once.
type auditor struct {
	shared bool
	whole  bool      // answers have all fields, whichever are asked for
	at     time.Time // that the clock shows all the time; zero = the machine's
}

// look is what came of one service.
type look struct {
	target posture.Target
	final  report.Report
	err    error
}

// looks looks at every service of the project. unlisted is why some may be missing.
func (w *world) looks(ctx context.Context, as auditor) (looks []look, unlisted error, err error) {
	clock := hasty{clockwork.NewRealClock(), as.at}
	config, err := function.ReadConfig(nil)
	if err != nil {
		return nil, nil, err
	}
	config.Clock = clock
	config.Connect.Endpoint = "http://localhost"
	config.Connect.Wrap = func(http.RoundTripper) http.RoundTripper {
		if as.whole {
			return inprocess.Transport{Handler: allFields(w.API)}
		}
		return inprocess.Transport{Handler: w.API}
	}
	if as.shared { // these wait for quotas, on a clock that goes while somebody waits
		quotas := clockwork.NewFakeClockAt(clock.Now())
		config.Connect.Clock = quotas
		config.Connect.Sleep = func(_ context.Context, d time.Duration) error { quotas.Advance(d); return nil }
	}
	clients, err := cloud.Connect(ctx, config.Connect, clock.Now)
	if err == nil && as.shared {
		clients, err = clients.Shared()
	}
	if err != nil {
		return nil, nil, err
	}
	engine, err := function.NewEngine(clients, config, function.Wiring{
		Publisher: unpublished{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Policy: func() reconcile.Policy { return w.rules },
	})
	if err != nil {
		return nil, nil, err
	}
	scope, err := posture.ParseScope("projects/demo-project")
	if err != nil {
		return nil, nil, err
	}
	targets, unlisted := clients.Services(ctx, scope)
	if unlisted != nil && len(targets) == 0 {
		return nil, nil, unlisted
	}
	looks = make([]look, len(targets))
	var group errgroup.Group
	if !as.shared {
		group.SetLimit(1)
	}
	for i, target := range targets {
		group.Go(func() error {
			final, err := engine.Run(ctx, reconcile.Request{Target: target, Consent: true, DryRun: true,
				Cause: event.Cause{Kind: event.CommandReceived, Method: "audit", Key: "command:audit"}})
			looks[i] = look{target, final, err}
			return nil
		})
	}
	_ = group.Wait() // each look has its error
	return looks, unlisted, nil
}

// allFields answers whole resources, whichever fields of them a client asks for.
func allFields(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Del("fields")
		r.URL.RawQuery = query.Encode()
		r.RequestURI = r.URL.RequestURI()
		api.ServeHTTP(w, r)
	})
}

// readLooks reads the reports of looks as everybody reads them.
func readLooks(looks []look, unlisted error) ([]judge.Report, error) {
	var reports []judge.Report
	if unlisted != nil {
		reports = append(reports, judge.Report{Service: "projects/demo-project", Exposed: "unknown", Error: unlisted.Error()})
	}
	for _, each := range looks {
		if each.err != nil {
			reports = append(reports, judge.Report{Service: each.target.Name(), Exposed: "unknown", Error: each.err.Error()})
			continue
		}
		read, err := readReport(each.final)
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
