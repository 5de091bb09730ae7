// Package playground puts the local cloud on a loopback port and closes the loop
// around a function: what is written through the APIs is logged, a sink sends
// the entries to a topic, and a push subscription posts them to the function,
// whose own writes come back the same way.
package playground

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/deploy/filters"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/browser"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// The fixed facts of the local cloud, as far as a function needs them.
const (
	Project       = "demo-project"
	ProjectNumber = apiserver.ProjectNumber
	// FunctionAccount is the service account that the function runs as.
	FunctionAccount = "iapguard@demo-project.iam.gserviceaccount.com"

	// PushAccount is the service account that pushes to the function, and OperatorAccount the
	// one as which people send it commands.
	PushAccount     = "iapguard-push@demo-project.iam.gserviceaccount.com"
	OperatorAccount = "iapguard-operator@demo-project.iam.gserviceaccount.com"
	// FunctionAudience is what the tokens of both are made out to.
	FunctionAudience = "https://iapguard-123456789012.us-central1.run.app"

	EventsTopic      = "projects/demo-project/topics/iapguard-events"
	WorkTopic        = "projects/demo-project/topics/iapguard-work"
	CommandsTopic    = "projects/demo-project/topics/iapguard-commands"
	ReportsTopic     = "projects/demo-project/topics/iapguard-reports"
	DeadLettersTopic = "projects/demo-project/topics/iapguard-dead-letters"
)

// minBackoff and maxBackoff bound the pause before another attempt to push.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// EventsFilter and RequestsFilter select what the function receives, and the
// refused requests for who opts in to having each looked into. They are the
// filters that deploy/ ships, for the function's account here.
var (
	EventsFilter   = filters.Events(FunctionAccount)
	RequestsFilter = filters.Requests()
)

// operationTime is how long operations run, zero = the local cloud's own time.
func (o Options) operationTime() time.Duration {
	if o.InstantOperations {
		return -1
	}
	return 0
}

// Options adjust a playground. The zero value listens on a free port.
type Options struct {
	Addr         string // host:port to listen on; "" = a free port of 127.0.0.1
	DataAddr     string // the same for requests to frontends and run.app addresses
	EmulatorHost string // a running Pub/Sub emulator; "" = Pub/Sub in this process
	Latency      time.Duration
	// InstantOperations lets operations end before they are answered.
	InstantOperations bool
	Clock             func() time.Time // nil is the machine's
	// IAMPropagation is how long changes of IAM policies take until they are in
	// effect, Propagation those of load balancers and of IAP.
	IAMPropagation, Propagation time.Duration
	// Projects are there beside the playground's own.
	Projects []apiserver.Project
	// WithoutOrganization takes the projects out of their organization.
	WithoutOrganization bool
	// Beliefs are those of the local cloud.
	Beliefs belief.Beliefs
	// Bare leaves the function's topics out, for who makes their own.
	Bare bool
	// Roles are what the function may do; nil is what deploy/ ships.
	Roles []apiserver.Role
	// Discovery holds every call against Google's discovery documents, for
	// tests; nil does not.
	Discovery *discovery.Check
	// Console is the page of the local cloud, and OnCall gets the entry of every API call; nil =
	// there is none.
	Console http.Handler
	OnCall  func(apiserver.CallEntry)
}

// Playground is a running local cloud.
type Playground struct {
	Cloud  *localcloud.Cloud
	Broker *delivery.Broker

	url     string
	dataURL string
	// deployed is the function's own service; "" = it is not deployed.
	deployed string

	mu         sync.Mutex
	servers    []*http.Server
	containers containers
}

// Start listens and wires log sink and topics. The caller closes the playground.
func Start(ctx context.Context, options Options) (*Playground, error) {
	var err error
	if options.Roles == nil {
		if options.Roles, err = ShippedRoles(); err != nil {
			return nil, err
		}
	}
	s := &Playground{}
	broker, err := delivery.Start(ctx, delivery.Options{Project: Project, EmulatorHost: options.EmulatorHost,
		HTTPS: internalTransport{s}, Token: s.token})
	if err != nil {
		return nil, err
	}
	s.Broker = broker
	var rules delivery.Rules
	broker.Disturb(rules.Disturb)
	s.Cloud = localcloud.New(localcloud.Options{
		Clock: options.Clock, Latency: options.Latency, OperationTime: options.operationTime(), Publish: s.publish, PubSub: broker,
		About: s.about,
		Roles: EveryRole(options.Roles), Grants: options.grants(),
		IAMPropagation: options.IAMPropagation, Propagation: options.Propagation,
		Disturber: disturber{broker, &rules}, Transport: eventTransport{s}, WithoutOrganization: options.WithoutOrganization,
		Projects: options.Projects, Discovery: options.Discovery, Beliefs: options.Beliefs,
		Console: options.Console, OnCall: options.OnCall,
	})
	if !options.Bare {
		if err := s.makeTopics(ctx); err != nil {
			return nil, errors.Join(err, s.Close(ctx))
		}
	}
	if s.url, err = s.listen(ctx, options.Addr, s.Cloud); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	if s.dataURL, err = s.listen(ctx, options.DataAddr, browser.New(s.Cloud.DataPlane())); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

// makeTopics makes what deploy/ does: the topics, and subscriptions that keep the
// reports and the dead letters for a person to pull.
func (s *Playground) makeTopics(ctx context.Context) error {
	for _, topic := range []string{EventsTopic, WorkTopic, CommandsTopic, ReportsTopic, DeadLettersTopic} {
		if err := s.Broker.CreateTopic(ctx, topic); err != nil {
			return err
		}
	}
	for _, topic := range []string{ReportsTopic, DeadLettersTopic} {
		if err := s.Broker.Subscribe(ctx, strings.Replace(topic, "/topics/", "/subscriptions/", 1), topic); err != nil {
			return err
		}
	}
	return nil
}

// URL is the base URL of all APIs.
func (s *Playground) URL() string { return s.url }

// about is what the local cloud says of addresses.
func (s *Playground) about() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]string{"data": s.dataURL, "function": s.deployed}
}

// DataURL is where requests to frontends and to run.app addresses are sent,
// with what they ask for as their Host.
func (s *Playground) DataURL() string { return s.dataURL }

// listen takes requests on an address, "" for a free port of 127.0.0.1, until
// the playground is closed.
func (s *Playground) listen(ctx context.Context, addr string, handler http.Handler) (string, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listening on %s: %w", addr, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	unused := &unused{open: map[net.Conn]bool{}}
	server.ConnState = unused.note
	server.RegisterOnShutdown(unused.close)
	s.mu.Lock()
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	go func() { _ = server.Serve(listener) }() // always ErrServerClosed: see Close
	return "http://" + listener.Addr().String(), nil
}

func (s *Playground) publish(ctx context.Context, topic string, data []byte, attributes map[string]string) error {
	_, err := s.Broker.Publish(ctx, delivery.Message{Topic: topic, Data: data, Attributes: attributes})
	return err
}

// internalTransport carries pushes to https endpoints, which are all on the data plane:
// run.app addresses and frontends.
type internalTransport struct{ playground *Playground }

// RoundTrip is one push.
func (t internalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.playground.Cloud.DataPlane().InternalTransport().RoundTrip(r)
}

// token issues the tokens that pushes carry.
func (s *Playground) token(account, audience string) (string, error) {
	return s.Cloud.Tokens().Token(account, audience)
}

// Serve runs a function on a port of its own, as Cloud Run service
// FunctionService in FunctionRegion, and returns its base URL. Triggers with
// that destination reach it; nothing else is sent there.
func (s *Playground) Serve(ctx context.Context, function http.Handler) (string, error) {
	endpoint, err := s.listen(ctx, "127.0.0.1:0", function)
	if err != nil {
		return "", err
	}
	s.register(FunctionRegion, FunctionService, endpoint)
	s.Cloud.DataPlane().Contain(FunctionName, endpoint)
	return endpoint, nil
}

// DeployFunction makes the Cloud Run service that the function is, as deploy/ does: as
// its own account, for the pushing account, and for the operator's, as which the project's
// owner may send commands. Nothing is listening for events yet: it comes before Attach.
func (s *Playground) DeployFunction(ctx context.Context) error {
	owner, parent := Client{URL: s.URL()}, "/v2/projects/"+Project+"/locations/"+FunctionRegion
	variable := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	if _, err := owner.Call(ctx, http.MethodPost, parent+"/services?serviceId="+FunctionService, map[string]any{
		"template": map[string]any{"serviceAccount": FunctionAccount, "timeout": "600s",
			"containers": []any{map[string]any{"image": functionImage, "env": []any{
				variable("IAPGUARD_OPERATORS", OperatorAccount), variable("IAPGUARD_AUDIENCE", FunctionAudience)}}}},
	}); err != nil {
		return fmt.Errorf("deploying the function's service: %w", err)
	}
	accounts := "/v1/projects/" + Project + "/serviceAccounts"
	for _, account := range []string{PushAccount, OperatorAccount} {
		id, _, _ := strings.Cut(account, "@")
		if _, err := owner.Call(ctx, http.MethodPost, accounts, map[string]any{"accountId": id}); err != nil {
			return fmt.Errorf("making the account %s: %w", account, err)
		}
	}
	for path, binding := range map[string]map[string]any{
		"/v2/" + FunctionName: {"role": "roles/run.invoker",
			"members": []any{"serviceAccount:" + PushAccount, "serviceAccount:" + OperatorAccount}},
		accounts + "/" + OperatorAccount: {"role": "roles/iam.serviceAccountOpenIdTokenCreator",
			"members": []any{string(apiserver.Owner)}},
	} {
		policy := map[string]any{"policy": map[string]any{"bindings": []any{binding}}}
		if _, err := owner.Call(ctx, http.MethodPost, path+":setIamPolicy", policy); err != nil {
			return fmt.Errorf("deploying the function's service: %w", err)
		}
	}
	if err := s.keepEvidence(ctx, owner); err != nil {
		return err
	}
	s.mu.Lock()
	s.deployed = FunctionName
	s.mu.Unlock()
	return nil
}

// keepEvidence has every report written into a bucket, as deploy/terraform/modules/reports does.
func (s *Playground) keepEvidence(ctx context.Context, owner Client) error {
	const bucket = FunctionService + "-evidence-" + ProjectNumber
	agent := "serviceAccount:service-" + ProjectNumber + "@gcp-sa-pubsub.iam.gserviceaccount.com"
	for _, call := range []struct {
		method, path string
		body         map[string]any
	}{
		{http.MethodPost, "/storage/v1/b?project=" + Project, map[string]any{"name": bucket}},
		{http.MethodPut, "/storage/v1/b/" + bucket + "/iam", map[string]any{"bindings": []any{
			map[string]any{"role": "roles/storage.objectCreator", "members": []any{agent}},
			map[string]any{"role": "roles/storage.legacyBucketReader", "members": []any{agent}},
			map[string]any{"role": "roles/storage.objectViewer", "members": []any{string(apiserver.Owner)}},
		}}},
		{http.MethodPut, "/v1/projects/" + Project + "/subscriptions/iapguard-reports-evidence", map[string]any{
			"topic": ReportsTopic, "cloudStorageConfig": map[string]any{"bucket": bucket, "filenamePrefix": "reports/",
				"filenameSuffix": ".jsonl", "filenameDatetimeFormat": "YYYY-MM-DD/hh_mm_ssZ", "maxDuration": "60s"}}},
	} {
		if _, err := owner.Call(ctx, call.method, call.path, call.body); err != nil {
			return fmt.Errorf("keeping the reports as evidence: %w", err)
		}
	}
	return nil
}

// functionImage is where deploy/ has the function's image built.
const functionImage = FunctionRegion + "-docker.pkg.dev/" + Project + "/iapguard/iapguard"

// Attach serves a function and sends it every event, work message and command
// from now on.
func (s *Playground) Attach(ctx context.Context, function http.Handler) error {
	if err := s.Push(ctx, function); err != nil {
		return err
	}
	return s.Cloud.Logs().AddSink(logging.Sink{Name: "iapguard-events", Filter: EventsFilter, Topic: EventsTopic})
}

// Push serves a function and pushes to it what comes to the topics of events,
// work and commands: no sink publishes there. Backoffs are short:
// nobody waits here for others.
func (s *Playground) Push(ctx context.Context, function http.Handler) error {
	endpoint, err := s.Serve(ctx, function)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		topic, path string
		ordered     bool
	}{{EventsTopic, "/", false}, {WorkTopic, "/work", true}, {CommandsTopic, "/commands", false}} {
		_, name, _ := strings.Cut(part.topic, "/topics/")
		if err := s.Broker.Push(ctx, delivery.Subscription{
			Name: "projects/" + Project + "/subscriptions/" + name, Topic: part.topic, Endpoint: endpoint + part.path,
			Ordered:     part.ordered,
			AckDeadline: 600 * time.Second, MinBackoff: minBackoff, MaxBackoff: maxBackoff,
			DeadLetterTopic: DeadLettersTopic, MaxDeliveryAttempts: 100, Account: PushAccount, Audience: FunctionAudience,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Close stops everything that was started, in the order in which it depends on
// each other.
func (s *Playground) Close(ctx context.Context) error {
	problems := []error{s.Broker.Close(ctx)}
	s.mu.Lock()
	servers := s.servers
	s.mu.Unlock()
	for _, server := range servers {
		problems = append(problems, shut(ctx, server))
	}
	s.Cloud.Close()
	return errors.Join(problems...)
}

// shut closes a server. What is still open after a moment is cut: streams of
// events have no end.
func shut(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}
