package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
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
	*cloudtest.Env
	reports *recorder
}

var hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}

// newBench deploys hello behind its load balancer and connects a function
// that nothing is attached to: the test delivers by hand.
func newBench(t *testing.T, policy string, environ ...string) *bench {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario[0])
	config, err := ReadConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	config.Self, config.Connect.Self = playground.FunctionAccount, playground.FunctionAccount
	config.Connect.Endpoint, config.Clock = o.URL(), o.Now
	if policy != "" {
		config.PolicyText = []byte(policy)
	}
	f, err := New(t.Context(), config, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{f, o, &recorder{}}
	b.engine.Publisher = b.reports
	return b
}

// work is a delivery of one cause for hello.
func (b *bench) deliver(t *testing.T, key string, kind event.Kind) error {
	t.Helper()
	return b.work(t.Context(), event.Work{Target: hello, GiveUpAt: b.Now().Add(time.Hour), Cause: event.Cause{Kind: kind, Key: key, At: b.Now()}})
}

// calls counts the API calls made by the function.
func (b *bench) calls() int { return len(b.Calls().Own()) }

// settling lets a service settle for half a minute.
var settling = cloudtest.Policy("settle: 30s")

func TestSeveralCausesWithinTheSettleTimeLeadToOneReconcile(t *testing.T) {
	b := newBench(t, settling)
	if err := b.deliver(t, "a", event.RunServiceChanged); !errors.Is(err, errNotYet) {
		t.Fatalf("first delivery: %v, want it to be sent back", err)
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Started, report.Deferred}) {
		t.Errorf("outcomes %v: the agent's grant goes in at once, the rest is deferred", got)
	}
	before := b.calls()
	for _, key := range []string{"b", "c", "a", "d"} {
		if err := b.deliver(t, key, event.RunServiceChanged); !errors.Is(err, errNotYet) {
			t.Errorf("%s while it settles: %v, want it to be sent back", key, err)
		}
	}
	if after := b.calls(); after != before {
		t.Errorf("waiting cost %d API calls, want none", after-before)
	}
	b.Later(31 * time.Second)
	if err := b.deliver(t, "c", event.RunServiceChanged); err != nil {
		t.Errorf("after the settle time: %v", err)
	}
	before = b.calls()
	for _, key := range []string{"a", "b", "d"} {
		if err := b.deliver(t, key, event.RunServiceChanged); err != nil {
			t.Errorf("%s after it was done: %v", key, err)
		}
	}
	if after := b.calls(); after != before {
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
	before := b.calls()
	if err := b.deliver(t, "ready", event.RunServiceReady); !errors.Is(err, errNotYet) {
		t.Fatal(err)
	}
	if b.calls() == before {
		t.Error("readiness was not looked at")
	}
}

func TestTouchingAServiceForEverDoesNotPostponeItsProtection(t *testing.T) {
	b := newBench(t, cloudtest.Policy("settle: 10m"))
	for i := range 20 {
		b.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels", map[string]any{"labels": map[string]any{"touch": string(rune('a' + i))}})
		if err := b.deliver(t, "touch", event.RunServiceChanged); err == nil {
			return // protected although it was touched a moment ago
		} else if !errors.Is(err, errNotYet) {
			t.Fatal(err)
		}
		b.Later(time.Minute)
	}
	t.Error("twenty minutes of touching kept the service from being protected")
}

func TestWorkBeforeAndAfterItsTime(t *testing.T) {
	b := newBench(t, settling)
	item := event.Work{Target: hello, NotBefore: b.Now().Add(time.Minute), GiveUpAt: b.Now().Add(time.Hour), Cause: event.Cause{Kind: event.RunServiceChanged, Key: "k"}}
	before := b.calls()
	if err := b.work(t.Context(), item); !errors.Is(err, errNotYet) {
		t.Errorf("before its time: %v, want it to be sent back", err)
	}
	b.Later(2 * time.Hour)
	if err := b.work(t.Context(), item); err != nil {
		t.Errorf("past its end: %v, want it to be done with", err)
	}
	if b.calls() != before {
		t.Error("work out of its time cost API calls")
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Blocked}) {
		t.Errorf("outcomes %v, want blocked and never silence", got)
	}
}

func TestNothingIsWrittenWhenTheStartCannotBePublished(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	b.reports.broken = true
	if err := b.deliver(t, "a", event.RunServiceChanged); err == nil || errors.Is(err, errNotYet) {
		t.Errorf("error %v, want the message to come again", err)
	}
	if b.writes() > 0 {
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
