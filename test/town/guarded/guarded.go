// Package guarded has towns that the function guards: as many instances of it
// as a test wants, deployed as they are on Google Cloud, and the reports that
// they publish.
package guarded

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/town"
)

// Options say how a town is guarded. The zero value is one instance without a
// policy, which reports and never writes.
type Options struct {
	Policy    string
	Instances int // 0 = one
	// Queued hands each service on by the work topic; otherwise the work is
	// done while the event waits.
	Queued bool
	// Writers are who writes below which folder; nil = the function's own account.
	Writers reconcile.Writers
	// Held is called before each call that an instance makes of Google's APIs.
	Held func(*http.Request)
	// Log is where instances log to; nil = the test's output.
	Log   *slog.Logger
	Stage stage.Options
}

// Town is a guarded town. As an HTTP handler it is its instances, in turn.
type Town struct {
	*town.Town
	t         *testing.T
	options   Options
	instances []*function.Function
	requests  atomic.Int64

	mu      sync.Mutex
	reports []report.Report
}

// Start starts a town whose instances are told of everything that happens.
func Start(t *testing.T, options Options) *Town {
	t.Helper()
	o := Open(t, options)
	if err := o.Attach(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// Open starts a town whose instances are told nothing yet.
func Open(t *testing.T, options Options) *Town {
	t.Helper()
	o := &Town{Town: town.Start(t, options.Stage), t: t, options: options}
	if err := o.OnReport(t.Context(), o.received); err != nil {
		t.Fatal(err)
	}
	for range max(1, options.Instances) {
		o.instances = append(o.instances, o.deployed())
	}
	return o
}

// deployed is an instance as it is deployed, pointed at the town.
func (o *Town) deployed() *function.Function {
	o.t.Helper()
	config, err := function.ReadConfig(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	config.Self, config.Connect.Self = stage.FunctionAccount, stage.FunctionAccount
	config.Connect.Endpoint, config.PolicyText, config.Clock = o.endpoint(), []byte(o.options.Policy), o.Now
	config.Writers = o.options.Writers
	config.ReportsTopic, config.PubSubHost = stage.ReportsTopic, o.Broker.Address()
	if o.options.Queued {
		config.WorkTopic = stage.WorkTopic
	}
	log := o.options.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(o.t.Output(), nil))
	}
	instance, err := function.New(o.t.Context(), config, log)
	if err != nil {
		o.t.Fatal(err)
	}
	o.Keep(instance)
	return instance
}

// ServeHTTP hands a request to the next instance.
func (o *Town) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.instances[int(o.requests.Add(1))%len(o.instances)].ServeHTTP(w, r)
}

// Until waits until every message was handled and a condition holds.
func (o *Town) Until(what string, holds func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), town.Patience)
	defer cancel()
	for {
		if err := o.Broker.Idle(ctx); err != nil {
			o.t.Fatalf("waiting until %s: %v; the last report is %+v", what, err, o.Last())
		}
		if holds() {
			return
		}
		o.pause(ctx, what)
	}
}

// Meanwhile waits until a condition holds, while messages still come again.
func (o *Town) Meanwhile(what string, holds func() bool) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), town.Patience)
	defer cancel()
	for !holds() {
		o.pause(ctx, what)
	}
}

// pause waits for a moment, and ends the test when there is no more time.
func (o *Town) pause(ctx context.Context, what string) {
	o.t.Helper()
	select {
	case <-ctx.Done():
		o.t.Fatalf("it never came about that %s; the last report is %+v", what, o.Last())
	case <-time.After(10 * time.Millisecond):
	}
}
