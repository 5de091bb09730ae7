package localcloud

import (
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/bigquery"
	"github.com/iapguard/iapguard/internal/localcloud/bigquerydatatransfer"
	"github.com/iapguard/iapguard/internal/localcloud/certificatemanager"
	"github.com/iapguard/iapguard/internal/localcloud/cloudasset"
	"github.com/iapguard/iapguard/internal/localcloud/cloudbilling"
	"github.com/iapguard/iapguard/internal/localcloud/cloudkms"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/eventarc"
	"github.com/iapguard/iapguard/internal/localcloud/iam"
	"github.com/iapguard/iapguard/internal/localcloud/iap"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/monitoring"
	"github.com/iapguard/iapguard/internal/localcloud/networksecurity"
	"github.com/iapguard/iapguard/internal/localcloud/orgpolicy"
	"github.com/iapguard/iapguard/internal/localcloud/pubsub"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/localcloud/scheduler"
	"github.com/iapguard/iapguard/internal/localcloud/secretmanager"
	"github.com/iapguard/iapguard/internal/localcloud/serviceusage"
	"github.com/iapguard/iapguard/internal/localcloud/storage"
)

// newServer returns the ground of all APIs, which writes its audit records to logs.
func newServer(options Options, logs *logging.Router) *apiserver.Server {
	server := apiserver.Options{
		Clock: options.Clock, Latency: options.Latency, OperationTime: options.OperationTime, Audit: logs.Audit,
		IAMPropagation: options.IAMPropagation, ListLag: options.ListLag, Roles: options.Roles, Projects: options.Projects,
		Beliefs: options.Beliefs, OnCall: options.OnCall,
	}
	if options.Discovery != nil {
		server.Observe = options.Discovery.Observe
	}
	return apiserver.New(server)
}

// serveAPIs wires the APIs and the data plane onto the server.
func (c *Cloud) serveAPIs() {
	c.serveResources()
	tables, metrics, objects := bigquery.New(c.server), monitoring.New(c.server), storage.New(c.server)
	c.serveInDefaultProject(objects.API())
	c.serveInDefaultProject(tables.API())
	c.serveInDefaultProject(bigquerydatatransfer.New(c.server))
	c.server.Serve(metrics.API())
	c.logs.CountWith(metrics)
	if c.options.PubSub != nil {
		metrics.MeasureBacklogs(c.options.PubSub.Backlogs)
	}
	proxy := iap.New(c.server, iap.Directory{BackendService: c.balancers.BackendService,
		ForwardingRule: c.balancers.ForwardingRule, RunService: c.services.Exists})
	if !c.options.Beliefs.KeepIAPOfDeleted {
		c.services.OnGone(proxy.Forget)
	}
	c.server.Serve(proxy.API())
	c.server.Serve(c.logs.API(c.server))
	c.serveTriggers()
	c.serveDataPlane(proxy, metrics)
	c.serveInDefaultProject(scheduler.New(c.server, scheduler.Senders{HTTP: c.data.Send, Publish: c.options.publish}))
	c.serveInDefaultProject(pubsub.New(c.options.PubSub, exportTo(tables, objects)))
	if c.options.Disturber != nil {
		c.server.Serve(apiserver.API{Name: "disturb", Reset: c.options.Disturber.Reset})
	}
}

// serveInDefaultProject serves an API in the default project alone.
func (c *Cloud) serveInDefaultProject(api apiserver.API) {
	api.DefaultProjectOnly = true
	c.server.Serve(api)
}

// serveResources serves the APIs that need nothing but the server.
func (c *Cloud) serveResources() {
	s := c.server
	s.Serve(c.balancers.API())
	s.Serve(c.services.API())
	s.Serve(serviceusage.New(s))
	s.Serve(resourcemanager.New(s, resourcemanager.Options{Grants: c.options.Grants,
		WithoutOrganization: c.options.WithoutOrganization}))
	s.Serve(cloudbilling.New(s))
	s.Serve(orgpolicy.New(s))
	s.Serve(cloudasset.New(s))
	s.Serve(iam.New(s))
	s.Serve(iam.NewCredentials(s, c.tokens))
	c.serveInDefaultProject(secretmanager.New(s))
	c.serveInDefaultProject(cloudkms.New(s))
	s.Serve(certificatemanager.New(s))
}

// serveTriggers serves Eventarc, which hears of every log entry.
func (c *Cloud) serveTriggers() {
	triggers := eventarc.New(c.server, eventarc.Options{Transport: c.options.Transport, Publish: c.options.Publish})
	c.logs.Listen(triggers.Offer)
	c.serveInDefaultProject(triggers.API())
}

// serveDataPlane makes the data plane, and serves the authorization policies that it goes by.
func (c *Cloud) serveDataPlane(proxy *iap.IAP, metrics *monitoring.Monitoring) {
	s, policies := c.server, networksecurity.New(c.server, c.balancers.Exists)
	s.Serve(policies.API())
	c.data = dataplane.New(dataplane.Options{
		Compute: c.balancers, Run: c.services, IAP: proxy, Authorization: policies, AgentProvisioned: s.AgentProvisioned,
		Allowed: s.Allowed, Containers: s.Containers, ProjectOf: s.ProjectOf, Beliefs: c.options.Beliefs,
		Clock: c.options.Clock, Write: metrics.Counted(c.logs.Write), Count: metrics.CountRequest, Tokens: c.tokens,
		WithoutOrganization: c.options.WithoutOrganization,
	})
	s.Serve(apiserver.API{Name: "dataplane", Reset: c.data.Reset})
	c.data.SetPropagation(c.options.Propagation)
}

// exportTo writes what subscriptions of BigQuery and of Cloud Storage deliver into tables
// and buckets.
func exportTo(tables *bigquery.BigQuery, objects *storage.Storage) func(delivery.Export, delivery.Attempt) error {
	return func(to delivery.Export, attempt delivery.Attempt) error {
		if to.Bucket != "" {
			return objects.Write(storage.Export{Bucket: to.Bucket, Prefix: to.Prefix, Suffix: to.Suffix, Datetime: to.Datetime,
				Avro: to.Avro}, attempt.Data)
		}
		return tables.Export(to.Table, bigquery.Message{
			Subscription: attempt.Subscription, ID: attempt.MessageID, Published: attempt.PublishTime, Data: attempt.Data,
			Attributes: attempt.Attributes, Fields: to.Fields, Metadata: to.Metadata, DropUnknown: to.DropUnknown,
		})
	}
}
