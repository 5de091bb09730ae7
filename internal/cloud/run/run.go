// Package run reads and writes Cloud Run services through the Admin API v2.
package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	knative "google.golang.org/api/run/v1"
	run "google.golang.org/api/run/v2"
	htransport "google.golang.org/api/transport/http"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// Client talks to Cloud Run.
type Client struct {
	services   *run.ProjectsLocationsServicesService
	instances  *run.ProjectsLocationsInstancesService
	operations *run.ProjectsLocationsOperationsService
	lists      *knative.ProjectsLocationsServicesService
	revisions  *knative.ProjectsLocationsRevisionsService
	domains    *knative.ProjectsLocationsDomainmappingsService
	everywhere *knative.NamespacesInstancesService
	seen       *iampolicy.Seen
	newest     newest

	http            *http.Client
	base, userAgent string
	until           func(context.Context, func(context.Context) (bool, error)) error
}

// New connects to the Admin API.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.Run)
	if err != nil {
		return nil, err
	}
	api, err := run.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Run: %w", err)
	}
	older, err := knative.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Run v1: %w", err)
	}
	api.UserAgent, older.UserAgent = config.UserAgent, config.UserAgent
	plain, _, err := htransport.NewClient(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Run: %w", err)
	}
	return &Client{
		services: api.Projects.Locations.Services, instances: api.Projects.Locations.Instances,
		everywhere: older.Namespaces.Instances, operations: api.Projects.Locations.Operations,
		lists: older.Projects.Locations.Services, revisions: older.Projects.Locations.Revisions,
		domains: older.Projects.Locations.Domainmappings, seen: iampolicy.NewSeen(), newest: newNewest(),
		http: plain, base: api.BasePath, userAgent: config.UserAgent, until: config.Until,
	}, nil
}

// ingress translates the API's words. A service with any other setting is left
// alone.
var ingress = map[string]posture.Ingress{
	"":                                       posture.IngressUnknown,
	"INGRESS_TRAFFIC_UNSPECIFIED":            posture.IngressUnknown,
	"INGRESS_TRAFFIC_ALL":                    posture.IngressAll,
	"INGRESS_TRAFFIC_INTERNAL_ONLY":          posture.IngressInternal,
	"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": posture.IngressInternalLoadBalancing,
	"INGRESS_TRAFFIC_NONE":                   posture.IngressNone,
}

// get reads a service directly, never from a list. Its 404 is the only one that
// means fault.ServiceGone.
func (c *Client) get(ctx context.Context, target posture.Target) (*run.GoogleCloudRunV2Service, error) {
	before := c.newest.of(target.Name())
	found, err := c.services.Get(target.Name()).Context(ctx).Do()
	if err == nil {
		err = errors.Join(connect.About(target.Name(), found.Name), before.check(found))
	}
	if err == nil {
		c.newest.note(target.Name(), found)
		return found, nil
	}
	classified := *fault.Of(connect.Classify(err))
	if classified.Kind == fault.NotFound {
		classified.Kind = fault.ServiceGone
	}
	return nil, fmt.Errorf("reading service %q: %w", target.Service, &classified)
}

// Service reads the settings and state of a service. A service that does not
// exist is fault.ServiceGone.
func (c *Client) Service(ctx context.Context, target posture.Target) (posture.Service, error) {
	found, err := c.get(ctx, target)
	if err != nil {
		return posture.Service{}, err
	}
	return serviceOf(found), nil
}

func serviceOf(found *run.GoogleCloudRunV2Service) posture.Service {
	urls := found.Urls
	if len(urls) == 0 && found.Uri != "" {
		urls = []string{found.Uri}
	}
	setting, known := ingress[found.Ingress]
	if !known {
		setting = posture.Ingress(found.Ingress)
	}
	return posture.Service{
		UID: found.Uid, Version: found.Etag, Ingress: setting,
		InvokerCheckOff: found.InvokerIamDisabled, IAPOn: found.IapEnabled,
		URLs: urls, Tags: tags(found), TagURLs: tagURLs(found, urls), DefaultURLDisabled: found.DefaultUriDisabled,
		HTTP2: takesHTTP2(found.Template), Calls: posture.RunAppHosts(environment(found.Template)),
		Labels: found.Labels, Reconciling: found.Reconciling, Regions: regionsOf(found),
		CreatedAt: parseTime(found.CreateTime), UpdatedAt: parseTime(found.UpdateTime), LastModifier: found.LastModifier,
	}
}

// regionsOf are the regions of a multi-region service, nil = it is in one.
func regionsOf(service *run.GoogleCloudRunV2Service) []string {
	if service.MultiRegionSettings == nil {
		return nil
	}
	return service.MultiRegionSettings.Regions
}

// environment are the values of the containers' environment variables that are
// not references. They may hold secrets and are not kept.
func environment(template *run.GoogleCloudRunV2RevisionTemplate) []string {
	if template == nil {
		return nil
	}
	var values []string
	for _, container := range template.Containers {
		for _, variable := range container.Env {
			values = append(values, variable.Value)
		}
	}
	return values
}

// takesHTTP2 reports whether requests reach the container as HTTP/2 without
// TLS. Source: run/docs/configuring/http2.
func takesHTTP2(template *run.GoogleCloudRunV2RevisionTemplate) bool {
	if template == nil {
		return false
	}
	for _, container := range template.Containers {
		for _, port := range container.Ports {
			if port.Name == "h2c" {
				return true
			}
		}
	}
	return false
}

// tags are the tags of revisions.
func tags(service *run.GoogleCloudRunV2Service) []string {
	var names []string
	for _, target := range service.TrafficStatuses {
		if target.Tag != "" {
			names = append(names, target.Tag)
		}
	}
	return names
}

// tagURLs are the addresses of the tagged revisions: what the answer spells out, and
// each of the service's own with the tag in front.
// Source: run/docs/rollouts-rollbacks-traffic-migration#tags.
func tagURLs(service *run.GoogleCloudRunV2Service, own []string) []string {
	var urls []string
	for _, target := range service.TrafficStatuses {
		if target.Tag == "" {
			continue
		}
		if target.Uri != "" {
			urls = append(urls, target.Uri)
		}
		for _, url := range own {
			if host, ok := strings.CutPrefix(url, "https://"); ok {
				urls = append(urls, "https://"+target.Tag+"---"+host)
			}
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// parseTime returns the zero time for an invalid one: only waiting depends on it.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Policy reads the service's own IAM policy, conditions included.
func (c *Client) Policy(ctx context.Context, target posture.Target) (posture.Policy, error) {
	policy, err := c.policy(ctx, target.Name())
	return policy.Posture(), err
}

func (c *Client) policy(ctx context.Context, name string) (iampolicy.Policy, error) {
	var policy iampolicy.Policy
	answer, err := c.services.GetIamPolicy(name).OptionsRequestedPolicyVersion(3).Context(ctx).Do()
	if err != nil {
		return policy, fmt.Errorf("reading the IAM policy of %q: %w", name, connect.Classify(err))
	}
	if err := iampolicy.Convert(answer, &policy); err != nil {
		return policy, err
	}
	c.seen.Note(name, policy)
	return policy, nil
}

// ChangePolicy lets change alter the policy as it was observed, and writes it back at the
// observed version. It reads the policy where another version was seen last. It returns the version after
// the write. A policy at another version is a fault.Conflict; a policy that change leaves as it is
// is not written.
func (c *Client) ChangePolicy(
	ctx context.Context, name, version string, change func(*iampolicy.Policy) bool,
) (string, error) {
	policy, ok := c.seen.At(name, version)
	if !ok {
		var err error
		if policy, err = c.policy(connect.AsSelf(ctx), name); err != nil {
			return "", fault.Stale(err)
		}
		if err := policy.Unmoved(version); err != nil {
			return "", fmt.Errorf("writing the IAM policy of %q: %w", name, err)
		}
	}
	if !change(&policy) {
		return version, nil
	}
	policy.Version = 3
	request := &run.GoogleIamV1SetIamPolicyRequest{Policy: &run.GoogleIamV1Policy{}}
	if err := iampolicy.Convert(policy, request.Policy); err != nil {
		return "", err
	}
	written, err := c.services.SetIamPolicy(name, request).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("writing the IAM policy of %q: %w", name, fault.Stale(connect.Classify(err)))
	}
	return written.Etag, c.seen.Written(name, written)
}

// Ingress is an ingress setting as the API spells it, "" for one that it does not
// have.
func Ingress(setting posture.Ingress) string {
	for word, known := range ingress {
		if known == setting && setting != posture.IngressUnknown {
			return word
		}
	}
	return ""
}

// Patch writes the fields of a service that the mask names, at the version that
// is the body's etag, and waits for the operation. It returns the version after
// the write.
func (c *Client) Patch(ctx context.Context, name, mask string, body *run.GoogleCloudRunV2Service) (string, error) {
	operation, err := c.services.Patch(name, body).UpdateMask(mask).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("patching %s of %q: %w", mask, name, refusal(name, connect.Classify(err)))
	}
	return c.finished(ctx, name, mask, operation)
}

// refusal says what a refused write of a service means. A template that names its
// revision is refused by the name: each update asks for a second, different
// revision of it (reported: google-cloud-python#14259). A new revision with a
// name of Cloud Run's choice ends that, which is the owner's to make.
func refusal(name string, err error) error {
	found := fault.Of(err)
	target, unknown := posture.ParseTarget(name)
	named := found.Kind == fault.Invalid && strings.Contains(err.Error(), "different configuration already exists")
	if !named || unknown != nil {
		return fault.Stale(err)
	}
	remedied := *found
	remedied.Err = err
	remedied.Remedy = "the service's template names its revision; let Cloud Run name the next one: " +
		command.UnnameRevision(target).String()
	return &remedied
}

// finished waits for a patch's operation and gives the version after it. An operation that ended
// with an error is an error with Google's text.
func (c *Client) finished(
	ctx context.Context, name, mask string, operation *run.GoogleLongrunningOperation,
) (string, error) {
	operation, err := c.await(ctx, operation)
	if err != nil && mask != templateMask { // the service does not show which of its revisions a redeploy made
		err = fault.Unread(operation.Name, err)
	}
	if err == nil && operation.Error != nil {
		err = fault.New(connect.OperationFault(operation.Error.Code), "operation failed: %s", operation.Error.Message)
	}
	if err != nil {
		return "", fmt.Errorf("patching %s of %q: %w", mask, name, refusal(name, err))
	}
	var written run.GoogleCloudRunV2Service
	if err := json.Unmarshal(operation.Response, &written); err != nil {
		return "", fmt.Errorf("patching %s of %q: reading the operation's answer: %w", mask, name, err)
	}
	c.newest.note(name, &written)
	return written.Etag, nil
}

// templateMask is the mask of a redeploy.
const templateMask = "template"

// await waits until an operation has ended, with an error or without. It returns what was last
// read of the operation.
// Source: run/v2's discovery document, operations.wait.
func (c *Client) await(
	ctx context.Context, operation *run.GoogleLongrunningOperation,
) (*run.GoogleLongrunningOperation, error) {
	if operation.Done {
		return operation, nil
	}
	err := c.until(ctx, func(ctx context.Context) (bool, error) {
		request := &run.GoogleLongrunningWaitOperationRequest{Timeout: "60s"}
		waited, err := c.operations.Wait(operation.Name, request).Context(ctx).Do()
		if err != nil {
			return false, err
		}
		operation = waited
		return operation.Done, nil
	})
	return operation, connect.Classify(err)
}
