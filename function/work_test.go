package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// recorder keeps what is published; it fails while broken.
type recorder struct {
	mu      sync.Mutex
	reports []report.Report
	broken  bool
}

func (r *recorder) Publish(_ context.Context, one report.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return errors.New("the topic is gone")
	}
	data, err := json.Marshal(one)
	if err == nil {
		_, err = report.Read(data)
	}
	if err != nil {
		panic(fmt.Sprintf("report %s does not fit its schema: %v", data, err))
	}
	r.reports = append(r.reports, one)
	return nil
}

func (r *recorder) outcomes() []report.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []report.Outcome
	for _, one := range r.reports {
		list = append(list, one.Outcome)
	}
	return list
}

// bench is a function before a local cloud, both with a clock that the test
// moves, and the reports that it published.
type bench struct {
	*Function
	stage   *stage.Stage
	reports *recorder
	ahead   atomic.Int64 // nanoseconds
}

func (b *bench) later(d time.Duration) { b.ahead.Add(int64(d)) }

var hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}

// newBench deploys hello behind its load balancer and connects a function
// that nothing is attached to: the test delivers by hand.
func newBench(t *testing.T, policy string) *bench {
	t.Helper()
	b := &bench{reports: &recorder{}}
	now := func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }
	s, err := stage.Start(t.Context(), stage.Options{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	developer := stage.Client{URL: s.URL(), Caller: "user:dev@example.com"}
	for _, step := range []func(context.Context, stage.Client) error{stage.Scenario[0].Deploy, stage.Scenario[0].Balance} {
		if err := step(t.Context(), developer); err != nil {
			t.Fatal(err)
		}
	}
	config, err := ReadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText, config.Clock = s.URL(), []byte(policy), now
	f, err := New(t.Context(), config, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.Function, b.stage = f, s
	b.engine.Publisher = b.reports
	return b
}

// work is a delivery of one cause for hello.
func (b *bench) deliver(t *testing.T, key string, kind event.Kind) error {
	t.Helper()
	return b.work(t.Context(), event.Work{Target: hello, GiveUpAt: b.now().Add(time.Hour), Cause: event.Cause{Kind: kind, Key: key, At: b.now()}})
}

// calls counts the API calls made by the function.
func (b *bench) calls(t *testing.T) int {
	t.Helper()
	return strings.Count(get(t, b.stage.URL()+"/_local/calls"), stage.FunctionAccount)
}

const settling = `version: 1
rules:
  - name: all
    mode: enforce
    access: {members: ["user:alice@example.com"]}
    settle: 30s
    propagation: 0s
`

func TestSeveralCausesWithinTheSettleTimeLeadToOneReconcile(t *testing.T) {
	b := newBench(t, settling)
	if err := b.deliver(t, "a", event.RunServiceChanged); !errors.Is(err, errNotYet) {
		t.Fatalf("first delivery: %v, want it to be sent back", err)
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Started, report.Deferred}) {
		t.Errorf("outcomes %v: the agent's grant goes in at once, the rest is deferred", got)
	}
	before := b.calls(t)
	for _, key := range []string{"b", "c", "a", "d"} {
		if err := b.deliver(t, key, event.RunServiceChanged); !errors.Is(err, errNotYet) {
			t.Errorf("%s while it settles: %v, want it to be sent back", key, err)
		}
	}
	if after := b.calls(t); after != before {
		t.Errorf("waiting cost %d API calls, want none", after-before)
	}
	b.later(31 * time.Second)
	if err := b.deliver(t, "c", event.RunServiceChanged); err != nil {
		t.Errorf("after the settle time: %v", err)
	}
	before = b.calls(t)
	for _, key := range []string{"a", "b", "d"} {
		if err := b.deliver(t, key, event.RunServiceChanged); err != nil {
			t.Errorf("%s after it was done: %v", key, err)
		}
	}
	if after := b.calls(t); after != before {
		t.Errorf("what was done cost %d API calls again, want none", after-before)
	}
	want := []report.Outcome{report.Started, report.Deferred, report.Started, report.Protected}
	if diff := cmp.Diff(want, b.reports.outcomes()); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if err := b.deliver(t, "e", event.RunServiceChanged); err != nil {
		t.Errorf("a later cause: %v", err)
	}
	if got := b.reports.outcomes(); got[len(got)-1] != report.Compliant {
		t.Errorf("a later cause ends %v, want a look of its own: compliant", got)
	}
}

func TestReadinessDoesNotWaitForTheSettleTime(t *testing.T) {
	b := newBench(t, settling)
	if err := b.deliver(t, "a", event.RunServiceChanged); !errors.Is(err, errNotYet) {
		t.Fatal(err)
	}
	before := b.calls(t)
	if err := b.deliver(t, "ready", event.RunServiceReady); !errors.Is(err, errNotYet) {
		t.Fatal(err)
	}
	if b.calls(t) == before {
		t.Error("readiness was not looked at")
	}
}

func TestTouchingAServiceForEverDoesNotPostponeItsProtection(t *testing.T) {
	b := newBench(t, strings.Replace(settling, "settle: 30s", "settle: 10m", 1))
	developer := stage.Client{URL: b.stage.URL(), Caller: "user:dev@example.com"}
	for i := range 20 {
		if _, err := developer.Call(t.Context(), http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels",
			map[string]any{"labels": map[string]any{"touch": string(rune('a' + i))}}); err != nil {
			t.Fatal(err)
		}
		if err := b.deliver(t, "touch", event.RunServiceChanged); err == nil {
			return // protected although it was touched a moment ago
		} else if !errors.Is(err, errNotYet) {
			t.Fatal(err)
		}
		b.later(time.Minute)
	}
	t.Error("twenty minutes of touching kept the service from being protected")
}

func TestWorkBeforeAndAfterItsTime(t *testing.T) {
	b := newBench(t, settling)
	item := event.Work{Target: hello, NotBefore: b.now().Add(time.Minute), GiveUpAt: b.now().Add(time.Hour), Cause: event.Cause{Kind: event.RunServiceChanged, Key: "k"}}
	before := b.calls(t)
	if err := b.work(t.Context(), item); !errors.Is(err, errNotYet) {
		t.Errorf("before its time: %v, want it to be sent back", err)
	}
	b.later(2 * time.Hour)
	if err := b.work(t.Context(), item); err != nil {
		t.Errorf("past its end: %v, want it to be done with", err)
	}
	if b.calls(t) != before {
		t.Error("work out of its time cost API calls")
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Blocked}) {
		t.Errorf("outcomes %v, want blocked and never silence", got)
	}
}

func TestNothingIsWrittenWhenTheStartCannotBePublished(t *testing.T) {
	b := newBench(t, strings.Replace(settling, "30s", "0s", 1))
	b.reports.broken = true
	if err := b.deliver(t, "a", event.RunServiceChanged); err == nil || errors.Is(err, errNotYet) {
		t.Errorf("error %v, want the message to come again", err)
	}
	if calls := get(t, b.stage.URL()+"/_local/calls"); writesBy(t, calls, stage.FunctionAccount) > 0 {
		t.Error("something was written before its evidence was safe")
	}
	b.reports.broken = false
	if err := b.deliver(t, "a", event.RunServiceChanged); err != nil {
		t.Errorf("the next delivery: %v", err)
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Started, report.Protected}) {
		t.Errorf("outcomes %v, want started, protected", got)
	}
}
