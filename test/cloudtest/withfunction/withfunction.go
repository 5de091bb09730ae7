// Package withfunction has local clouds that the function guards: as many instances of it
// as a test wants, deployed as they are on Google Cloud, and the reports that
// they publish.
package withfunction

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// Options say how a local cloud is guarded. The zero value is one instance without a
// policy, which reports and never writes.
type Options struct {
	Policy    string
	Instances int // 0 = one
	// Bucket keeps the memory in the local cloud's bucket, which all instances share;
	// otherwise each has its own as long as it runs.
	Bucket bool
	// Queued hands each service on by the work topic; otherwise the work is
	// done while the event waits.
	Queued bool
	// WorkDeadline bounds how long a message is held until it is due; 0 = as deployed.
	WorkDeadline time.Duration
	// Writers are who writes below which folder; nil = the function's own account.
	Writers reconcile.Writers
	// Heartbeats are where instances begin heartbeats; nil = nowhere.
	Heartbeats []string
	// Held is called before each call that an instance makes of Google's APIs.
	Held func(*http.Request)
	// Answered is called after each of these calls.
	Answered func(*http.Request)
	// Log is where instances log to; nil = the test's output.
	Log        *slog.Logger
	Playground playground.Options
}

// Env is a local cloud that the function guards. As an HTTP handler it is its instances, in turn.
type Env struct {
	*cloudtest.Env
	t         *testing.T
	options   Options
	instances []*function.Function
	requests  atomic.Int64

	mu      sync.Mutex
	reports []report.Report
}

// Start starts a local cloud whose instances receive every event.
func Start(t *testing.T, options Options) *Env {
	t.Helper()
	e := Open(t, options)
	if err := e.Attach(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Open starts a local cloud whose instances receive nothing yet.
func Open(t *testing.T, options Options) *Env {
	t.Helper()
	e := &Env{Env: cloudtest.Start(t, options.Playground), t: t, options: options}
	if err := e.OnReport(t.Context(), e.received); err != nil {
		t.Fatal(err)
	}
	if options.Bucket {
		if err := e.MakeMemoryBucket(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range max(1, options.Instances) {
		e.instances = append(e.instances, e.deployed())
	}
	return e
}

// deployed is an instance as it is deployed, pointed at the local cloud.
func (e *Env) deployed() *function.Function {
	e.t.Helper()
	config, err := function.ReadConfig(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	config.Self, config.Connect.Self = playground.FunctionAccount, playground.FunctionAccount
	config.Connect.Endpoint, config.PolicyText, config.Clock = e.endpoint(), []byte(e.options.Policy), e.Clock()
	config.Writers, config.WorkDeadline = e.options.Writers, e.options.WorkDeadline
	config.Heartbeats = e.options.Heartbeats
	config.ReportsTopic, config.PubSubHost = playground.ReportsTopic, e.Broker.Address()
	if e.options.Bucket {
		config.Memory = playground.MemoryBucket
	}
	if e.options.Queued {
		config.WorkTopic = playground.WorkTopic
	}
	log := e.options.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(e.t.Output(), nil))
	}
	instance, err := function.New(e.t.Context(), config, log)
	if err != nil {
		e.t.Fatal(err)
	}
	e.Keep(instance)
	return instance
}

// ServeHTTP hands a request to the next instance.
func (e *Env) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.instances[int(e.requests.Add(1))%len(e.instances)].ServeHTTP(w, r)
}

// Until waits until every message was handled and a condition holds.
func (e *Env) Until(what string, holds func() bool) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), cloudtest.Patience)
	defer cancel()
	for {
		if err := e.Broker.Idle(ctx); err != nil {
			e.t.Fatalf("waiting until %s: %v; the last report is %+v", what, err, e.Last())
		}
		if holds() {
			return
		}
		e.pause(ctx, what)
	}
}

// Meanwhile waits until a condition holds, while messages still come again.
func (e *Env) Meanwhile(what string, holds func() bool) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), cloudtest.Patience)
	defer cancel()
	for !holds() {
		e.pause(ctx, what)
	}
}

// pause waits for a moment, and ends the test when there is no more time.
func (e *Env) pause(ctx context.Context, what string) {
	e.t.Helper()
	select {
	case <-ctx.Done():
		e.t.Fatalf("it never came about that %s; the last report is %+v", what, e.Last())
	case <-time.After(10 * time.Millisecond):
	}
}
