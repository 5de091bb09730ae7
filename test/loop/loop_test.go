package loop

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/delivery/emulator"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/report"
)

// patience is how long a test waits for what must come; it passes as soon as
// it has come.
const patience = 60 * time.Second

const enforcing = `version: 1
rules:
  - name: everything
    mode: enforce
    access:
      members: ["user:alice@example.com"]
    settle: 0s
    propagation: 0s
`

// running is a local cloud with a function attached, and every report so far.
type running struct {
	*stage.Stage
	t *testing.T

	mu      sync.Mutex
	reports []report.Report
}

// start closes the loop around a function with a policy, as a log sink does
// it. The emulator's host is "" for Pub/Sub in process.
func start(t *testing.T, emulatorHost, policy string) *running {
	t.Helper()
	r, protect := open(t, emulatorHost, policy)
	if err := r.Attach(t.Context(), protect); err != nil {
		t.Fatal(err)
	}
	return r
}

// open is a local cloud and a function that is told nothing yet.
func open(t *testing.T, emulatorHost, policy string) (*running, *function.Function) {
	t.Helper()
	s, err := stage.Start(t.Context(), stage.Options{EmulatorHost: emulatorHost})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Stage: s, t: t}
	protect := r.function(policy)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("closing the stage: %v", err)
		}
		if err := protect.Close(); err != nil {
			t.Errorf("closing the function: %v", err)
		}
	})
	if err := s.OnReport(t.Context(), r.add); err != nil {
		t.Fatal(err)
	}
	return r, protect
}

// function is a function as it is deployed, pointed at the stage.
func (r *running) function(policy string) *function.Function {
	r.t.Helper()
	config, err := function.ReadConfig(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText = r.URL(), []byte(policy)
	config.ReportsTopic, config.PubSubHost = stage.ReportsTopic, r.Broker.Address()
	protect, err := function.New(r.t.Context(), config, slog.New(slog.NewTextHandler(r.t.Output(), nil)))
	if err != nil {
		r.t.Fatal(err)
	}
	return protect
}

func (r *running) add(received stage.Report) {
	one, err := report.Read(received.Data)
	if err != nil {
		r.t.Errorf("report %s does not fit its schema: %v", received.Data, err)
	}
	if want := report.TypePrefix + string(one.Outcome); received.Attributes["ce-type"] != want || received.Attributes["ce-id"] != one.ID() {
		r.t.Errorf("attributes %v do not fit the report %s of %s", received.Attributes, one.Outcome, one.Subject())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, one)
}

// of lists the outcomes reported for a service, in order.
func (r *running) of(service string) []report.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	var outcomes []report.Outcome
	for _, one := range r.reports {
		if one.Target != nil && one.Target.Service == service {
			outcomes = append(outcomes, one.Outcome)
		}
	}
	return outcomes
}

func (r *running) last(service string) report.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.reports) - 1; i >= 0; i-- {
		if r.reports[i].Target != nil && r.reports[i].Target.Service == service {
			return r.reports[i]
		}
	}
	return report.Report{}
}

// until waits until every message was handled and a condition holds.
func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for {
		if err := r.Broker.Idle(ctx); err != nil {
			r.t.Fatalf("waiting until %s: %v", what, err)
		}
		if holds() {
			return
		}
		select {
		case <-ctx.Done():
			r.t.Fatalf("it never came about that %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// developer calls the APIs as somebody who deploys.
func (r *running) developer() stage.Client {
	return stage.Client{URL: r.URL(), Caller: "user:dev@example.com"}
}

// call makes a call that must succeed.
func (r *running) call(client stage.Client, method, path string, body any) map[string]any {
	r.t.Helper()
	answer, err := client.Call(r.t.Context(), method, path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer
}

// deploy plays one service of the scenario.
func (r *running) deploy(service stage.LoadBalanced) {
	r.t.Helper()
	for _, step := range []func(context.Context, stage.Client) error{service.Deploy, service.Balance} {
		if err := step(r.t.Context(), r.developer()); err != nil {
			r.t.Fatal(err)
		}
	}
}

type apiCall struct {
	Principal, API, Method, Resource string
	Status                           int
	Write                            bool
}

func (r *running) calls() []apiCall {
	r.t.Helper()
	response, err := http.Get(r.URL() + "/_local/calls")
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	var calls []apiCall
	if err := json.NewDecoder(response.Body).Decode(&calls); err != nil {
		r.t.Fatal(err)
	}
	return calls
}

// ownWrites lists what the function wrote, in order.
func (r *running) ownWrites() []string {
	var writes []string
	for _, call := range r.calls() {
		if call.Write && strings.HasSuffix(call.Principal, stage.FunctionAccount) {
			writes = append(writes, fmt.Sprintf("%d %s %s", call.Status, call.Method, call.Resource))
		}
	}
	return writes
}

// The emulator is started once, by the first test that wants it.
var pubsub struct {
	sync.Once
	*emulator.Emulator
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if pubsub.Emulator != nil {
		if err := pubsub.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// onBothBackends runs a test with Pub/Sub in process, and with Google's
// emulator where there is one.
func onBothBackends(t *testing.T, test func(t *testing.T, emulatorHost string)) {
	t.Run("in process", func(t *testing.T) { test(t, "") })
	t.Run("emulator", func(t *testing.T) {
		pubsub.Do(func() { pubsub.Emulator, pubsub.err = emulator.Use(os.Getenv("PUBSUB_EMULATOR_HOST")) })
		if pubsub.err != nil {
			t.Skipf("skipped: the Pub/Sub emulator cannot be used here: %v", pubsub.err)
		}
		test(t, pubsub.Host)
	})
}
