// Package belief lists what Google may do otherwise than the local cloud does by default.
// Each is a switch, so that a program can be tried in both positions. A row of UNVERIFIED.md
// says why the default is believed, and how a person with a project could check it.
package belief

import (
	"fmt"
	"slices"
	"strings"
)

// Beliefs are the switches of a local cloud. The zero value is the default of each.
type Beliefs struct {
	// IAPAgentOfFrontend: by default IAP calls Cloud Run as the agent of the backend service's
	// project where another project's forwarding rule leads to it. The alternative is the agent
	// of the rule's project. To check it, grant run.invoker to the agent of one of the projects.
	IAPAgentOfFrontend bool
	// KeepTagURLs: by default switching the default URL off closes the addresses of tags. The
	// alternative is that they answer. To check it, switch it off on a service with a tag and
	// ask the tag's address.
	KeepTagURLs bool
	// ApplyFailedUpdates: by default an update of a Cloud Run service whose operation failed
	// leaves the ingress as it was. The alternative is that the ingress takes effect. To check
	// it, patch the ingress together with an image that does not start and read the service.
	ApplyFailedUpdates bool
	// KeepIAPOfDeleted: by default IAP's policy and settings of a Cloud Run service are deleted
	// with it. The alternative is that they hold for the next service of its name. To check it,
	// delete a service with such a policy, make it again and read the policy.
	KeepIAPOfDeleted bool
	// RefusePublicMembers: by default the policy of a Cloud Run service takes allUsers and
	// allAuthenticatedUsers in every role. The alternative is a 400 for every role but
	// run.invoker. To check it, grant allUsers roles/run.developer on a service.
	RefusePublicMembers bool
	// RefuseServiceAgents: by default domain restricted sharing takes Google's service agents of
	// the organization's projects. The alternative is that it refuses them like strangers. To
	// check it, set the constraint and grant run.invoker to IAP's agent.
	RefuseServiceAgents bool
	// LoopClassicHTTP2: by default IAP at a classic load balancer works for a service that takes
	// HTTP/2 end to end. The alternative, which an older revision of iap/docs/enabling-cloud-run
	// describes, is that accessors are redirected for ever. To check it, turn IAP on there and
	// sign in.
	LoopClassicHTTP2 bool
	// RefuseRequestLogs: by default entries.write takes entries of the request logs of Cloud Run
	// and of load balancers from anybody who may create log entries. The alternative is a 403.
	// To check it, write one with gcloud logging write run.googleapis.com/requests.
	RefuseRequestLogs bool
	// HideProxyStatus: by default the request log of regional and internal load balancers names
	// IAP in proxyStatus where IAP refused. The alternative is that it says nothing. To check it,
	// turn IAP on at a regional backend service with logging and ask without access.
	HideProxyStatus bool
	// PairRunEntries: by default a write of a Cloud Run service through v2 leaves one audit log
	// entry without an operation. The alternative is a first entry with the request and a last
	// one when the operation ends. To check it, deploy with Terraform and read the log.
	PairRunEntries bool
	// OmitUpdateMask: by default the audit log entry of a v2 update shows its update mask. The
	// alternative is that the request lacks it. To check it, make a masked patch and read the log.
	OmitUpdateMask bool
	// RefuseNestedRows: by default a BigQuery subscription that uses the table's schema writes
	// objects into columns of type RECORD. The alternative is that such a message does not fit.
	// To check it, publish one to a subscription of a table with a record.
	RefuseNestedRows bool
}

// Belief is one of the switches.
type Belief struct {
	// Name is what a person writes.
	Name string
	// Alternative says what Google then does.
	Alternative string
	of          func(*Beliefs) *bool
}

var all = []Belief{
	{"iap-agent-of-frontend", "IAP calls Cloud Run as the agent of the forwarding rule's project",
		func(b *Beliefs) *bool { return &b.IAPAgentOfFrontend }},
	{"keep-tag-urls", "addresses of tags answer where the default URL is switched off",
		func(b *Beliefs) *bool { return &b.KeepTagURLs }},
	{"apply-failed-updates", "the ingress of a service's failed update takes effect",
		func(b *Beliefs) *bool { return &b.ApplyFailedUpdates }},
	{"keep-iap-of-deleted", "IAP's policy and settings of a deleted service hold for the next of its name",
		func(b *Beliefs) *bool { return &b.KeepIAPOfDeleted }},
	{"refuse-public-members", "a service's policy takes public members in roles/run.invoker alone",
		func(b *Beliefs) *bool { return &b.RefusePublicMembers }},
	{"refuse-service-agents", "domain restricted sharing refuses Google's service agents",
		func(b *Beliefs) *bool { return &b.RefuseServiceAgents }},
	{"loop-classic-http2", "IAP at a classic load balancer redirects for ever where the service takes HTTP/2",
		func(b *Beliefs) *bool { return &b.LoopClassicHTTP2 }},
	{"refuse-request-logs", "entries.write refuses entries of request logs",
		func(b *Beliefs) *bool { return &b.RefuseRequestLogs }},
	{"hide-proxy-status", "regional load balancers do not log that IAP refused a request",
		func(b *Beliefs) *bool { return &b.HideProxyStatus }},
	{"pair-run-entries", "a v2 write of a service leaves two audit log entries, the first and the last",
		func(b *Beliefs) *bool { return &b.PairRunEntries }},
	{"omit-update-mask", "the audit log entry of a v2 update has no update mask",
		func(b *Beliefs) *bool { return &b.OmitUpdateMask }},
	{"refuse-nested-rows", "a BigQuery subscription by table schema writes no records",
		func(b *Beliefs) *bool { return &b.RefuseNestedRows }},
}

// All returns every switch, in the order in which help and documents list them.
func All() []Belief { return slices.Clone(all) }

// Names returns the names of all switches.
func Names() []string {
	names := make([]string, len(all))
	for i, each := range all {
		names[i] = each.Name
	}
	return names
}

// Of returns the beliefs with the named switches turned on.
func Of(names ...string) (Beliefs, error) {
	var on Beliefs
	for _, name := range names {
		i := slices.IndexFunc(all, func(each Belief) bool { return each.Name == name })
		if i < 0 {
			return Beliefs{}, fmt.Errorf("there is no belief %q: write one of %s", name, strings.Join(Names(), ", "))
		}
		*all[i].of(&on) = true
	}
	return on, nil
}

// Otherwise returns the beliefs with every switch turned on.
func Otherwise() Beliefs {
	var on Beliefs
	for _, each := range all {
		*each.of(&on) = true
	}
	return on
}
