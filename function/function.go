package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/kms"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/telemetry"
	"github.com/iapguard/iapguard/internal/timeout"
	"github.com/iapguard/iapguard/internal/workqueue"
)

// Function is the handler with everything that it is wired with.
type Function struct {
	self     event.Self
	engine   *reconcile.Engine
	cloud    services
	undoes   reconcile.UndoCloud
	policies *policySource
	holds    *holdsSource
	memory   *memory.Memory
	log      *slog.Logger
	clock    clockwork.Clock
	// telemetry is nil when nothing is exported.
	telemetry *telemetry.Telemetry

	mux       http.Handler
	queue     workqueue.Queue // takes the work that an event leads to
	worker    *workqueue.Worker
	shares    bool          // the work is published, and other instances take a part of it
	holdInAll time.Duration // how long one delivery of work waits at most
	records   workqueue.Records
	offered   *lru.Cache[string, string] // plans that the last look at a service offered, by service
	lastEnd   *lru.Cache[string, string] // why the last look reached no end, by service
	missing   *missing                   // services that the last look did not find
	resolver  *resolver
	bulk      *bulk
	denials   *denialLimiter
	pulse     *pulse
	drain     *drain
	admission *admission // nil = nobody checks who calls
	opened    []*topic.Topic
	signer    *reportSigner // nil = reports are not signed
	// signingKey is the signer's; nil = reports are not signed.
	signingKey *kms.Key
	ready      *readiness
}

// services finds the services that a resource or a scope concerns.
type services interface {
	// Behind gives the services that a load balancer's resource leads to.
	Below(ctx context.Context, container string) ([]string, error)
	Behind(ctx context.Context, resource string) ([]posture.Target, error)
	// Services gives the services in a scope.
	Services(ctx context.Context, scope posture.Scope) ([]posture.Target, error)
	// Lacks gives the permissions that are missing in a project for any look.
	Lacks(ctx context.Context, project string) ([]string, error)
}

// New wires the function. Everything that is wrong with the configuration stops it here;
// what a file holds, or what cannot be reached, does not.
func New(ctx context.Context, config Config, log *slog.Logger) (*Function, error) {
	if err := config.Locate(ctx); err != nil {
		return nil, err
	}
	config.Clock = config.clock()
	config.Connect.Sleep = sleepingClock{config.Clock}.Sleep
	observed, err := observe(ctx, &config, log)
	if err != nil {
		return nil, err
	}
	clients, err := cloud.Connect(ctx, config.Connect, config.Clock.Now)
	if err != nil {
		return nil, err
	}
	f := &Function{
		self:  self(config),
		cloud: clients, undoes: clients, log: log, clock: config.Clock,
		denials: newDenialLimiter(), drain: newDrain(), telemetry: observed,
		holdInAll: config.holdInAll(),
	}
	f.mux = f.routes()
	if f.memory, err = OpenMemory(ctx, config, log); err != nil {
		return nil, err
	}
	if f.policies, err = newPolicySource(config, f.memory, log); err != nil {
		return nil, err
	}
	f.policies.above = func(ctx context.Context, project string) posture.Ancestors {
		return ancestorsOf(ctx, clients, project)
	}
	if f.admission, err = newAdmission(ctx, config, func() []string { return f.policies.inForce().Approvers() }, log); err != nil {
		return nil, err
	}
	if f.admission != nil {
		f.admission.ownDoor, f.admission.useToken = clients.OwnDoor, f.memory.UseToken
	}
	f.records, f.holds = dueRecords{f.memory}, newHoldsSource(config, f.policies, f.memory, log)
	if f.offered, err = lru.New[string, string](mostOffered); err != nil {
		return nil, fmt.Errorf("making the list of offered plans: %w", err) // only for a size below 1
	}
	if f.lastEnd, err = lru.New[string, string](mostOffered); err != nil {
		return nil, fmt.Errorf("making the list of last looks: %w", err) // only for a size below 1
	}
	if f.missing, err = newMissing(); err != nil {
		return nil, err
	}
	if f.resolver, err = newResolver(f); err != nil {
		return nil, err
	}
	if f.bulk, err = newBulk(); err != nil {
		return nil, err
	}
	if err := f.newReadiness(); err != nil {
		return nil, err
	}
	if err := f.openPulse(ctx, config, clients.LogHeartbeat); err != nil {
		return nil, err
	}
	publisher, err := f.connect(ctx, config)
	if err != nil {
		return nil, err
	}
	wiring := Wiring{
		Publisher: publisher, Policy: f.policies.current, Log: log,
		Holds:   f.holds.current,
		Writers: config.Writers, Memory: f.memory,
	}
	if observed != nil {
		wiring.Tracer = observed
	}
	if f.engine, err = NewEngine(clients, config, wiring); err != nil {
		return nil, err
	}
	if config.DueTimer {
		go f.lookForDue()
	}
	return f, nil
}

// observe begins to record what the function does, calls of Google's APIs included,
// where that is to be exported.
func observe(ctx context.Context, config *Config, log *slog.Logger) (*telemetry.Telemetry, error) {
	if unread := config.Telemetry.Unread; len(unread) > 0 {
		log.Warn("set, but not read by iapguard", "variables", unread)
	}
	own := config.Runtime.Service
	about := telemetry.About{Version: Version, Project: config.Project, Region: own.Location, Service: own.Service}
	started, err := telemetry.Start(ctx, telemetry.Options{
		Config: config.Telemetry, About: about, Google: connect.Authorized, Log: log, Clock: config.Clock,
	})
	if started != nil {
		config.Connect.Wrap = started.Transport
	}
	return started, err
}

// connect opens the topics that are configured, and gives what publishes reports.
func (f *Function) connect(ctx context.Context, config Config) (publisher reportPublisher, err error) {
	if err := f.openSigner(ctx, config); err != nil {
		return publisher, err
	}
	publisher = reportPublisher{log: f.log, telemetry: f.telemetry, signer: f.signer}
	if config.ReportsTopic == "" {
		f.log.WarnContext(ctx, "no reports topic is set: reports go to the log only")
	} else if publisher.to, err = f.open(ctx, config.ReportsTopic, config.PubSubHost); err != nil {
		return publisher, err
	}
	options := workqueue.Options{Clock: f.clock, Look: f.look, Covered: f.covered, GiveUp: f.giveUp, Again: f.records}
	if config.Memory != "" { // else what has to wait for long is delivered again
		options.Later = f.records
	}
	f.worker = workqueue.NewWorker(options)
	if config.Queue != nil {
		f.queue = config.Queue
		return publisher, nil
	}
	acceptance := workqueue.NewAcceptance(f.clock, GiveUpAfter)
	if config.WorkTopic == "" {
		f.queue = workqueue.NewInline(f.worker, acceptance)
		return publisher, nil
	}
	work, err := f.open(ctx, config.WorkTopic, config.PubSubHost)
	if err != nil {
		return publisher, err
	}
	f.shares = true
	f.queue = tracedQueue{topic.NewQueue(work, acceptance, telemetry.Carried), f.telemetry}
	return publisher, nil
}

// tracedQueue records each item that is published as a span, which the item carries
// on.
type tracedQueue struct {
	workqueue.Queue
	telemetry *telemetry.Telemetry
}

// Add publishes an item.
func (q tracedQueue) Add(ctx context.Context, item workqueue.Item) (err error) {
	ctx, ended := q.telemetry.Begin(ctx, "enqueue", "target", item.Key)
	defer func() { ended(err) }()
	return q.Queue.Add(ctx, item)
}

// open connects to a topic until the function is closed.
func (f *Function) open(ctx context.Context, name, emulator string) (*topic.Topic, error) {
	opened, err := topic.Open(ctx, name, emulator)
	if err != nil {
		return nil, err
	}
	f.opened = append(f.opened, opened)
	return opened, nil
}

// flushTimeout is how long the last telemetry may take.
const flushTimeout = 500 * time.Millisecond

// Close refuses further messages, waits for those in flight, and disconnects.
func (f *Function) Close() error {
	f.drain.close()
	<-f.drain.idle
	f.sayPassedOver(context.Background(), true)
	var problems []error
	for _, opened := range f.opened {
		problems = append(problems, opened.Close())
	}
	ctx, cancel := timeout.With(context.Background(), f.clock, flushTimeout, "the collector")
	defer cancel()
	f.telemetry.Close(ctx)
	return errors.Join(problems...)
}
