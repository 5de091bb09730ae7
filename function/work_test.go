package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/workqueue"
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

// bench is a function in front of a local cloud, both with a clock that the test
// moves, and the reports that the function published.
type bench struct {
	*Function
	*cloudtest.Env
	reports *recorder
}

var hello = posture.Target{Project: "demo-project", Location: "us-central1", Service: "hello"}

// newBench deploys hello behind its load balancer and connects a function. Nothing is
// pushed to it: the test delivers by hand.
func newBench(t *testing.T, policy string, environ ...string) *bench {
	t.Helper()
	return startBench(t, benchConfig(t, policy, environ...))
}

// benchSetup is a cloud with a service, and what a function there is started with.
type benchSetup struct {
	cloud  *cloudtest.Env
	config Config
}

func benchConfig(t *testing.T, policy string, environ ...string) benchSetup {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario[0])
	config, err := ReadConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	config.Self, config.Connect.Self = playground.FunctionAccount, playground.FunctionAccount
	config.Connect.Endpoint, config.Clock = o.URL(), o.Clock()
	if policy != "" {
		config.PolicyText = []byte(policy)
	}
	return benchSetup{o, config}
}

// startBench starts one instance of the function.
func startBench(t *testing.T, of benchSetup) *bench {
	t.Helper()
	f, err := New(t.Context(), of.config, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{f, of.cloud, &recorder{}}
	b.engine.Publisher = b.reports
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("closing the function: %v", err)
		}
	})
	return b
}

// deliver queues one cause for hello, as the handler of its event does.
func (b *bench) deliver(t *testing.T, key string, kind event.Kind) error {
	t.Helper()
	return b.dispatch(t.Context(), event.Cause{Kind: kind, Key: key, At: b.Now()}, []posture.Target{hello})
}

// push delivers a work message, and gives the status of the answer.
func (b *bench) push(t *testing.T, message map[string]any) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{"message": message})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, WorkPath, bytes.NewReader(body)))
	return answer.Code
}

// touch changes hello without opening it.
func (b *bench) touch(label string) {
	b.Call(http.MethodPatch, "/v2/"+hello.Name()+"?updateMask=labels", map[string]any{
		"labels": map[string]any{"touch": label},
	})
}

// await waits until an outcome is reported.
func (b *bench) await(t *testing.T, outcome report.Outcome) {
	t.Helper()
	for deadline := time.Now().Add(cloudtest.Patience); !slices.Contains(b.reports.outcomes(), outcome); {
		if time.Now().After(deadline) {
			t.Fatalf("outcomes %v, want %s", b.reports.outcomes(), outcome)
		}
		time.Sleep(time.Millisecond)
	}
}

// command posts a command, and gives the status of the answer.
func (b *bench) command(name, id, target string) int {
	body := fmt.Sprintf(`{"command":%q,"id":%q,"target":%q}`, name, id, target)
	answer := httptest.NewRecorder()
	b.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, CommandsPath, strings.NewReader(body)))
	return answer.Code
}

// calls counts the API calls made by the function.
func (b *bench) calls() int { return len(b.Calls().Own()) }

// settling lets a service settle for half a minute.
var settling = cloudtest.Policy("settle: 30s")

func TestCausesWithinTheSettleTimeLeadToOneLook(t *testing.T) {
	b := newBench(t, settling)
	if err := b.deliver(t, "a", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatalf("first delivery: %v, want it to be sent back", err)
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Started, report.Deferred}) {
		t.Errorf("outcomes %v: the agent's grant goes in at once, the rest is deferred", got)
	}
	before := b.calls()
	for _, key := range []string{"b", "c", "a", "d"} {
		if err := b.deliver(t, key, event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
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
	if err := b.deliver(t, "a", event.RunServiceChanged); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatal(err)
	}
	before := b.calls()
	if err := b.deliver(t, "ready", event.RunServiceReady); !errors.Is(err, workqueue.ErrNotYet) {
		t.Fatal(err)
	}
	if b.calls() == before {
		t.Error("readiness was not looked at")
	}
}

func TestEndlessChangesDoNotPostponeProtection(t *testing.T) {
	b := newBench(t, cloudtest.Policy("settle: 10m"))
	for i := range 20 {
		b.touch(string(rune('a' + i)))
		if err := b.deliver(t, "touch", event.RunServiceChanged); err == nil {
			return // protected although it was touched a moment ago
		} else if !errors.Is(err, workqueue.ErrNotYet) {
			t.Fatal(err)
		}
		b.Later(time.Minute)
	}
	t.Error("twenty minutes of touching kept the service from being protected")
}

// older is a work message of a version that had no attributes.
func (b *bench) older(t *testing.T, work event.Work) map[string]any {
	t.Helper()
	work.Target, work.Cause = hello, event.Cause{Kind: event.RunServiceChanged, Key: "k"}
	data, err := work.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"data": data}
}

func TestWorkIsDoneInItsTime(t *testing.T) {
	b := newBench(t, settling)
	message := b.older(t, event.Work{NotBefore: b.Now().Add(2 * time.Minute), GiveUpAt: b.Now().Add(time.Hour)})
	before := b.calls()
	if got := b.push(t, message); got != http.StatusServiceUnavailable {
		t.Errorf("before its time: status %d, want 503", got)
	}
	b.Later(2 * time.Hour)
	if got := b.push(t, message); got != http.StatusNoContent {
		t.Errorf("past its end: status %d, want 204", got)
	}
	if b.calls() != before {
		t.Error("work out of its time cost API calls")
	}
	if got := b.reports.outcomes(); !slices.Equal(got, []report.Outcome{report.Blocked}) {
		t.Errorf("outcomes %v, want blocked", got)
	}
}

func TestPushedMessageHoldsAShortWait(t *testing.T) {
	b := newBench(t, settling)
	message := b.older(t, event.Work{GiveUpAt: b.Now().Add(time.Hour)})
	answered := make(chan int, 1)
	go func() { answered <- b.push(t, message) }()
	b.await(t, report.Deferred)
	select {
	case got := <-answered:
		t.Fatalf("status %d while the service settles, want no answer yet", got)
	case <-time.After(100 * time.Millisecond):
	}
	b.Later(31 * time.Second)
	if got := <-answered; got != http.StatusNoContent {
		t.Errorf("status %d, want 204", got)
	}
	if got := b.last(t).Outcome; got != report.Protected {
		t.Errorf("%s, want protected", got)
	}
}

func TestStoppingHandsBackHeldMessages(t *testing.T) {
	b := newBench(t, settling)
	message := b.older(t, event.Work{GiveUpAt: b.Now().Add(time.Hour)})
	answered := make(chan int, 1)
	go func() { answered <- b.push(t, message) }()
	b.await(t, report.Deferred)
	if err := b.Stop(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if got := <-answered; got != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got)
	}
}

func TestMessageWhoseKeyIsNotItsTargetIsRejected(t *testing.T) {
	b := newBench(t, settling)
	message := b.older(t, event.Work{GiveUpAt: b.Now().Add(time.Hour)})
	message["attributes"] = workqueue.Item{Key: "projects/demo-project/locations/us-central1/services/other"}.Attributes()
	got, want := b.push(t, message), []report.Outcome{report.Rejected}
	if outcomes := b.reports.outcomes(); got != http.StatusNoContent || !slices.Equal(outcomes, want) {
		t.Errorf("status %d, outcomes %v; want it rejected", got, outcomes)
	}
}

// withDueRecords is a bench whose memory is a bucket.
func withDueRecords(t *testing.T, policy string) *bench {
	t.Helper()
	b := newBench(t, policy, "IAPGUARD_MEMORY="+playground.MemoryBucket)
	if err := b.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCommandDueResumesStoredWork(t *testing.T) {
	b := withDueRecords(t, cloudtest.Policy("settle: 10m"))
	if err := b.deliver(t, "deployed", event.RunServiceChanged); err != nil {
		t.Fatalf("%v, want it acknowledged: its record is stored", err)
	}
	if got := b.last(t).Outcome; got != report.Deferred {
		t.Fatalf("%s, want deferred", got)
	}
	if got := b.command("due", "early", ""); got != http.StatusNoContent || b.last(t).Outcome != report.Deferred {
		t.Errorf("early: status %d, %s; want 204, and nothing resumed", got, b.last(t).Outcome)
	}
	b.Later(15 * time.Minute) // five commands were missed
	if got := b.command("due", "late", ""); got != http.StatusNoContent {
		t.Errorf("late: status %d, want 204", got)
	}
	if got := b.last(t).Outcome; got != report.Protected {
		t.Errorf("%s, want protected", got)
	}
	if left, err := b.records.Due(t.Context(), b.Now().Add(time.Hour)); err != nil || len(left) > 0 {
		t.Errorf("records left: %v, error %v", left, err)
	}
}

func TestWorkIsRetriedWhenItsRecordIsNotStored(t *testing.T) {
	// There is no such bucket.
	b := newBench(t, cloudtest.Policy("settle: 10m"), "IAPGUARD_MEMORY="+playground.MemoryBucket)
	if err := b.deliver(t, "deployed", event.RunServiceChanged); err == nil || errors.Is(err, workqueue.ErrNotYet) {
		t.Errorf("%v, want an error that is logged", err)
	}
	if got := b.last(t).Outcome; got != report.Held || b.writes() > 0 {
		t.Errorf("%s with %d writes; want it held while it is not known which holds commands placed", got, b.writes())
	}
	if err := b.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Later(11 * time.Minute)
	if err := b.deliver(t, "deployed", event.RunServiceChanged); err != nil || b.last(t).Outcome != report.Protected {
		t.Errorf("when it is due: %v, %s; want protected", err, b.last(t).Outcome)
	}
}

func TestDueTimerResumesStoredWork(t *testing.T) {
	b := withDueRecords(t, cloudtest.Policy("settle: 10m"))
	go b.lookForDue()
	if err := b.deliver(t, "deployed", event.RunServiceChanged); err != nil {
		t.Fatal(err)
	}
	// The timer reads the clock that the test turns, and works beside it.
	for range 2000 {
		if b.last(t).Outcome == report.Protected {
			break
		}
		b.Later(time.Minute)
		time.Sleep(5 * time.Millisecond)
	}
	b.await(t, report.Protected)
}

func TestDeferredServiceLeavesTheOthersOfItsSweep(t *testing.T) {
	b := newBench(t, settling)
	b.Build(neighbour)
	b.Later(time.Hour)
	b.touch("a")
	// The other service is still being worked on when the first one is deferred.
	b.SetFaults(`[{"action":"slow","method":"compute.backendServices.patch","delay":"1s"}]`)
	if got := b.command("sweep", "hourly", "projects/demo-project"); got != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503 for the service that settles", got)
	}
	if got := b.lastOn(neighbour.Name()).Outcome; got != report.Protected {
		t.Errorf("the other service is %q, want protected", got)
	}
	if got := b.lastOn(hello.Name()).Outcome; got != report.Deferred {
		t.Errorf("the service that settles is %q, want deferred", got)
	}
}

func TestNothingIsWrittenBeforeStartedIsPublished(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	b.reports.broken = true
	if err := b.deliver(t, "a", event.RunServiceChanged); err == nil || errors.Is(err, workqueue.ErrNotYet) {
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

func TestTheLogNamesAnEventThatAnothersLookHandled(t *testing.T) {
	b := newBench(t, settling)
	var log bytes.Buffer
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	target, err := posture.ParseTarget(hello.Name())
	if err != nil {
		t.Fatal(err)
	}
	item, err := newItem(event.Work{Target: target, GiveUpAt: b.Now().Add(time.Hour),
		Cause: event.Cause{Kind: event.RunServiceChanged, Key: "second", EventID: "1234", At: b.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.covered(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "event_id=1234") || !strings.Contains(log.String(), hello.Name()) {
		t.Errorf("the log is %q, want the event and its service in it", log.String())
	}
}
