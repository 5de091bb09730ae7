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
	"github.com/iapguard/iapguard/internal/localcloud/bigquery"
	"github.com/iapguard/iapguard/internal/localcloud/certificatemanager"
	"github.com/iapguard/iapguard/internal/localcloud/cloudasset"
	"github.com/iapguard/iapguard/internal/localcloud/cloudbilling"
	"github.com/iapguard/iapguard/internal/localcloud/compute"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/eventarc"
	"github.com/iapguard/iapguard/internal/localcloud/iam"
	"github.com/iapguard/iapguard/internal/localcloud/iap"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/monitoring"
	"github.com/iapguard/iapguard/internal/localcloud/networksecurity"
	"github.com/iapguard/iapguard/internal/localcloud/oidc"
	"github.com/iapguard/iapguard/internal/localcloud/orgpolicy"
	"github.com/iapguard/iapguard/internal/localcloud/pubsub"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/localcloud/run"
	"github.com/iapguard/iapguard/internal/localcloud/scheduler"
	"github.com/iapguard/iapguard/internal/localcloud/secretmanager"
	"github.com/iapguard/iapguard/internal/localcloud/serviceusage"
	"github.com/iapguard/iapguard/internal/localcloud/storage"
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
	// KeepIAPOfDeleted lets IAP's policy and settings of a Cloud Run service outlive
	// it, so that they hold for the next service of its name.
	KeepIAPOfDeleted bool
	// KeepTagURLs lets the addresses of tags answer where a service's default URL is
	// switched off.
	KeepTagURLs bool
	// ApplyFailedUpdates lets the ingress of a Cloud Run update whose operation failed take
	// effect.
	ApplyFailedUpdates bool
	// IAMPropagation is how long it takes until a change of an IAM policy is
	// in effect.
	IAMPropagation time.Duration
	// Propagation is how long changes of load balancers and of IAP take until
	// they are in effect on the data plane. Who reads them sees them at once.
	Propagation time.Duration
	// Projects are there from the start and after every reset, beside the default project.
	Projects []apiserver.Project
	// IAPAgentOfFrontend lets IAP, where a forwarding rule leads to a backend service of
	// another project, call Cloud Run as the agent of the rule's project.
	IAPAgentOfFrontend bool
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
	// Console answers /console; nil is a 404.
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
	server := apiserver.Options{
		Clock: options.Clock, Latency: options.Latency, OperationTime: options.OperationTime, Audit: logs.Audit,
		IAMPropagation: options.IAMPropagation, ListLag: options.ListLag, Roles: options.Roles, Projects: options.Projects,
	}
	if options.Discovery != nil {
		server.Observe = options.Discovery.Observe
	}
	s := apiserver.New(server)
	loadBalancers := compute.New(s)
	services := run.New(s)
	if options.KeepTagURLs {
		services.KeepTagURLs()
	}
	if options.ApplyFailedUpdates {
		services.ApplyFailedUpdates()
	}
	s.Serve(loadBalancers.API())
	s.Serve(services.API())
	s.Serve(serviceusage.New(s))
	s.Serve(resourcemanager.New(s, resourcemanager.Options{Grants: options.Grants,
		WithoutOrganization: options.WithoutOrganization}))
	s.Serve(cloudbilling.New(s))
	s.Serve(orgpolicy.New(s))
	s.Serve(cloudasset.New(s))
	s.Serve(iam.New(s))
	s.Serve(iam.NewCredentials(s))
	s.Serve(inDefaultProject(secretmanager.New(s)))
	s.Serve(inDefaultProject(storage.New(s)))
	s.Serve(certificatemanager.New(s))
	tables := bigquery.New(s)
	s.Serve(inDefaultProject(tables.API()))
	metrics := monitoring.New(s)
	s.Serve(inDefaultProject(metrics.API()))
	logs.CountWith(metrics)
	proxy := iap.New(s, iap.Directory{BackendService: loadBalancers.BackendService,
		ForwardingRule: loadBalancers.ForwardingRule, RunService: services.Exists})
	if !options.KeepIAPOfDeleted {
		services.OnGone(proxy.Forget)
	}
	s.Serve(proxy.API())
	s.Serve(logs.API(s))
	triggers := eventarc.New(s, eventarc.Options{Transport: options.Transport, Publish: options.Publish})
	logs.Listen(triggers.Offer)
	s.Serve(inDefaultProject(triggers.API()))
	tokens := oidc.New(options.Clock)
	policies := networksecurity.New(s, loadBalancers.Exists)
	s.Serve(policies.API())
	data := dataplane.New(dataplane.Options{
		Compute: loadBalancers, Run: services, IAP: proxy, Authorization: policies, AgentProvisioned: s.AgentProvisioned, Allowed: s.Allowed,
		Containers: s.Containers, ProjectOf: s.ProjectOf, IAPAgentOfFrontend: options.IAPAgentOfFrontend, Clock: options.Clock, Write: metrics.Counted(logs.Write), Tokens: tokens, WithoutOrganization: options.WithoutOrganization,
	})
	s.Serve(apiserver.API{Name: "dataplane", Reset: data.Reset})
	data.SetPropagation(options.Propagation)
	s.Serve(inDefaultProject(scheduler.New(s, scheduler.Senders{HTTP: data.Send, Publish: options.publish})))
	s.Serve(inDefaultProject(pubsub.New(options.PubSub, func(to delivery.Export, attempt delivery.Attempt) error {
		return tables.Export(to.Table, bigquery.Message{
			Subscription: attempt.Subscription, ID: attempt.MessageID, Published: attempt.PublishTime, Data: attempt.Data,
			Attributes: attempt.Attributes, Fields: to.Fields, Metadata: to.Metadata, DropUnknown: to.DropUnknown,
		})
	})))
	if options.Disturber != nil {
		s.Serve(apiserver.API{Name: "disturb", Reset: options.Disturber.Reset})
	}
	c := &Cloud{server: s, logs: logs, services: services, balancers: loadBalancers, data: data, tokens: tokens, options: options, id: apiserver.NewUUID()}
	c.own = c.ownEndpoints()
	return c
}

// inDefaultProject is an API of the default project alone.
func inDefaultProject(api apiserver.API) apiserver.API {
	api.DefaultProjectOnly = true
	return api
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
	case own(r):
		c.own.ServeHTTP(w, r)
	case batched(r):
		c.batch(w, r)
	default:
		c.server.ServeHTTP(w, r)
	}
}
