// Package localcloud is a slice of Google Cloud in one process: the REST APIs
// of Cloud Run, load balancers, IAP and what they need, in memory, close enough
// to the real ones that gcloud, Terraform and Google's Go clients see no difference.
//
// New wires the APIs onto one API server and one host:port. Requests are
// routed by path, and by host where that says more: a client may call
// http://127.0.0.1:PORT/v1/…, or use it as a plain HTTP proxy and ask for
// http://us-central1-run.googleapis.com/…. Whatever nobody could confirm about
// Google is listed in UNVERIFIED.md.
package localcloud

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/eventarc"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
	"github.com/iapguard/iapguard/internal/localcloud/pubsub"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/localcloud/run"
)

// defaultOperationTime lets a client see RUNNING before DONE.
const defaultOperationTime = 5 * time.Millisecond

// Options adjusts a Cloud. The zero value is usable.
type Options struct {
	// Clock returns the time; nil is the machine's.
	Clock func() time.Time
	// Latency is added to every API call.
	Latency time.Duration
	// OperationTime is how long operations run; zero is a few milliseconds. Negative:
	// an operation has ended when the call that began it is answered, for clients
	// that poll every ten seconds.
	OperationTime time.Duration
	// Beliefs say in what the cloud does otherwise than by default, where nobody could
	// confirm what Google does.
	Beliefs belief.Beliefs
	// IAMPropagation is how long it takes until a change of an IAM policy is
	// in effect.
	IAMPropagation time.Duration
	// Propagation is how long changes of load balancers and of IAP take until
	// they are in effect on the data plane. Who reads them sees them at once.
	Propagation time.Duration
	// Projects are there from the start and after every reset, beside the default project.
	Projects []apiserver.Project
	// Roles are custom roles, and Grants roles on a project, that are there
	// from the start and after every reset. The owner needs none.
	Roles  []apiserver.Role
	Grants []resourcemanager.Grant
	// ListLag is how old what lists show may be; who reads by name is shown
	// what is.
	ListLag time.Duration
	// Publish puts what log sinks select, and the events of triggers, into a
	// Pub/Sub topic; nil drops it.
	Publish func(ctx context.Context, topic string, data []byte, attributes map[string]string) error
	// About is what /_local/about says beside what the cloud knows itself; nil = nothing.
	About func() map[string]string
	// PubSub is the broker that Pub/Sub's REST API is served from; nil = its calls are
	// answered 503.
	PubSub pubsub.Broker
	// WithoutOrganization takes the projects out of their organization, so that IAP
	// has no OAuth client of Google's.
	WithoutOrganization bool
	// Transport carries the events of Eventarc's triggers; it needs Publish.
	// Nil = triggers deliver nothing.
	Transport eventarc.Transport
	// Disturber disturbs deliveries on demand; nil = there are none.
	Disturber Disturber
	// Discovery holds every call against Google's discovery documents, for
	// tests; nil does not.
	Discovery *discovery.Check
	// OnCall gets the entry of every API call; it must not block. Nil = nobody wants it.
	OnCall func(apiserver.CallEntry)
	// Console answers /console, and / where a browser asks; nil is a 404.
	Console http.Handler
}

// Disturber answers POST /_local/disturb, and ends all disturbances when the
// cloud is reset.
type Disturber interface {
	http.Handler
	Reset()
}

// Cloud is one local cloud, with nothing in it but its projects. Many can live
// in one process. It answers HTTP on any host and port that lead to it.
type Cloud struct {
	server    *apiserver.Server
	logs      *logging.Router
	services  *run.Run
	balancers *compute.API
	data      *dataplane.DataPlane
	tokens    *oidc.Issuer
	own       http.Handler
	options   Options
	id        string // another one for each cloud
}

// New returns an empty cloud. Close it when it is no longer needed.
func New(options Options) *Cloud {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.OperationTime == 0 {
		options.OperationTime = defaultOperationTime
	}
	logs := logging.New(logging.Options{Clock: options.Clock, Publish: options.Publish})
	server := newServer(options, logs)
	c := &Cloud{server: server, logs: logs, balancers: compute.New(server), services: run.New(server),
		tokens: oidc.New(options.Clock), options: options, id: apiserver.NewUUID()}
	c.serveAPIs()
	c.own = c.ownEndpoints()
	return c
}

// pubSubAddress is where client libraries find Pub/Sub over gRPC; "" = there is none.
func (o Options) pubSubAddress() string {
	if o.PubSub == nil {
		return ""
	}
	return o.PubSub.Address()
}

// publish puts a message into a topic.
func (o Options) publish(topic string, data []byte, attributes map[string]string) error {
	if o.Publish == nil {
		return errors.New("nothing carries messages here: this local cloud has no Pub/Sub")
	}
	return o.Publish(context.Background(), topic, data, attributes)
}

// Routes are the methods that the cloud serves.
func (c *Cloud) Routes() []apiserver.Route { return c.server.Routes() }

// Logs is the log router: sinks are added to it, entries read from it.
func (c *Cloud) Logs() *logging.Router { return c.logs }

// Run is Cloud Run: tests hold and release its services.
func (c *Cloud) Run() *run.Run { return c.services }

// Looked is how many resources of Compute Engine all calls and requests have
// looked at so far: a measure of work that does not depend on the machine.
func (c *Cloud) Looked() int64 { return c.balancers.Looked() }

// Tokens issues the identity tokens that pushes carry.
func (c *Cloud) Tokens() *oidc.Issuer { return c.tokens }

// DataPlane answers requests to frontends and run.app addresses; it is served
// on a port of its own.
func (c *Cloud) DataPlane() *dataplane.DataPlane { return c.data }

// Close drops what is still running and waits for what cannot be dropped.
func (c *Cloud) Close() { c.server.Close() }

// ServeHTTP answers API calls and the cloud's own endpoints.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	why := foreign(r)
	r = byHost(r)
	switch {
	case why != "":
		refuse(w, http.StatusForbidden, why)
	case r.Method == http.MethodConnect:
		refuse(w, http.StatusMethodNotAllowed, "CONNECT is not supported: use plain http, the endpoint overrides of gcloud, or http_no_tunnel")
	case own(r) || c.options.Console != nil && asksForPage(r):
		c.own.ServeHTTP(w, r)
	case batched(r):
		c.batch(w, r)
	default:
		c.server.ServeHTTP(w, r)
	}
}
