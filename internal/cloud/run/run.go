// Package run reads and writes Cloud Run services through the Admin API v2.
package run

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	knative "google.golang.org/api/run/v1"
	run "google.golang.org/api/run/v2"
	htransport "google.golang.org/api/transport/http"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client talks to Cloud Run.
type Client struct {
	services   *run.ProjectsLocationsServicesService
	operations *run.ProjectsLocationsOperationsService
	lists      *knative.ProjectsLocationsServicesService
	revisions  *knative.ProjectsLocationsRevisionsService
	domains    *knative.ProjectsLocationsDomainmappingsService

	http            *http.Client
	base, userAgent string
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
		services: api.Projects.Locations.Services, operations: api.Projects.Locations.Operations,
		lists: older.Projects.Locations.Services, revisions: older.Projects.Locations.Revisions,
		domains: older.Projects.Locations.Domainmappings,
		http:    plain, base: api.BasePath, userAgent: config.UserAgent,
	}, nil
}

// ingress translates the API's words. What is not in it is unknown to us and
// must be left alone.
var ingress = map[string]posture.Ingress{
	"":                                       posture.IngressUnknown,
	"INGRESS_TRAFFIC_UNSPECIFIED":            posture.IngressUnknown,
	"INGRESS_TRAFFIC_ALL":                    posture.IngressAll,
	"INGRESS_TRAFFIC_INTERNAL_ONLY":          posture.IngressInternal,
	"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": posture.IngressInternalLoadBalancing,
	"INGRESS_TRAFFIC_NONE":                   posture.IngressNone,
}

// Service reads a service directly, never from a list.
func (c *Client) Service(ctx context.Context, target posture.Target) (posture.Service, error) {
	found, err := c.services.Get(target.Name()).Context(ctx).Do()
	if err != nil {
		return posture.Service{}, fmt.Errorf("reading service %q: %w", target.Service, connect.Classify(err))
	}
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
		InvokerCheckOff: found.InvokerIamDisabled, IAPOn: found.IapEnabled, DefaultURLDisabled: found.DefaultUriDisabled, HTTP2: takesHTTP2(found.Template),
		URLs: urls, TagURLs: tagURLs(found), Calls: posture.RunAppHosts(environment(found.Template)), Labels: found.Labels, Reconciling: found.Reconciling,
		CreatedAt: parseTime(found.CreateTime), UpdatedAt: parseTime(found.UpdateTime), LastModifier: found.LastModifier,
	}, nil
}

// environment are the values that a service's containers are given in clear.
// They may hold secrets, so nobody keeps them.
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

// tagURLs are the addresses of the tagged revisions. Where the answer does not
// spell one out, it is the service's own with the tag in front.
// Source: run/docs/rollouts-rollbacks-traffic-migration#tags.
func tagURLs(service *run.GoogleCloudRunV2Service) []string {
	var urls []string
	for _, target := range service.TrafficStatuses {
		host, ok := strings.CutPrefix(service.Uri, "https://")
		switch {
		case target.Tag == "":
		case target.Uri != "":
			urls = append(urls, target.Uri)
		case ok:
			urls = append(urls, "https://"+target.Tag+"---"+host)
		}
	}
	return urls
}

// parseTime gives the zero time for what is no time: only waiting depends on it.
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
	return policy, iampolicy.Convert(answer, &policy)
}

// ChangePolicy reads the policy, lets change alter it and writes it back, all
// at the observed version. It gives the version after the write; a policy that
// has moved is a fault.Conflict, and one that change leaves alone is not written.
func (c *Client) ChangePolicy(ctx context.Context, name, version string, change func(*iampolicy.Policy) bool) (string, error) {
	policy, err := c.policy(connect.AsSelf(ctx), name)
	if err != nil {
		return "", err
	}
	if err := policy.Unmoved(version); err != nil {
		return "", fmt.Errorf("writing the IAM policy of %q: %w", name, err)
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
		return "", fmt.Errorf("writing the IAM policy of %q: %w", name, connect.Classify(err))
	}
	return written.Etag, nil
}

// RestrictIngress sets the ingress to internal and Cloud Load Balancing, and
// nothing else.
func (c *Client) RestrictIngress(ctx context.Context, name, version string) (string, error) {
	return c.patch(ctx, name, "ingress", &run.GoogleCloudRunV2Service{
		Etag: version, Ingress: "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
	})
}

// EnableIAP turns direct IAP on at a service, and writes nothing else. It is
// generally available since March 2026, so the launch stage stays as it is.
func (c *Client) EnableIAP(ctx context.Context, name, version string) (string, error) {
	return c.patch(ctx, name, "iapEnabled", &run.GoogleCloudRunV2Service{Etag: version, IapEnabled: true})
}

// RequireInvoker switches the invoker check back on, and nothing else.
func (c *Client) RequireInvoker(ctx context.Context, name, version string) (string, error) {
	return c.patch(ctx, name, "invokerIamDisabled", &run.GoogleCloudRunV2Service{
		Etag: version, InvokerIamDisabled: false, ForceSendFields: []string{"InvokerIamDisabled"},
	})
}

func (c *Client) patch(ctx context.Context, name, mask string, body *run.GoogleCloudRunV2Service) (string, error) {
	operation, err := c.services.Patch(name, body).UpdateMask(mask).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("patching %s of %q: %w", mask, name, connect.Classify(err))
	}
	return c.finished(ctx, name, mask, operation)
}

// finished waits for a patch's operation and gives the version after it.
func (c *Client) finished(ctx context.Context, name, mask string, operation *run.GoogleLongrunningOperation) (string, error) {
	operation, err := c.await(ctx, operation)
	if err != nil {
		return "", fmt.Errorf("patching %s of %q: %w", mask, name, err)
	}
	var written run.GoogleCloudRunV2Service
	if err := json.Unmarshal(operation.Response, &written); err != nil {
		return "", fmt.Errorf("patching %s of %q: reading the operation's answer: %w", mask, name, err)
	}
	return written.Etag, nil
}

// await waits for an operation. The API's own wait is best effort and may
// answer at once without being done, so it is asked again after a pause.
// Source: run/v2's discovery document, operations.wait.
func (c *Client) await(ctx context.Context, operation *run.GoogleLongrunningOperation) (*run.GoogleLongrunningOperation, error) {
	for pause := 50 * time.Millisecond; !operation.Done; pause = min(2*pause, 5*time.Second) {
		waited, err := c.operations.Wait(operation.Name, &run.GoogleLongrunningWaitOperationRequest{Timeout: "60s"}).Context(ctx).Do()
		if err != nil {
			return nil, connect.Classify(err)
		}
		if operation = waited; operation.Done {
			break
		}
		select {
		case <-ctx.Done():
			return nil, connect.Classify(ctx.Err())
		case <-time.After(pause):
		}
	}
	if operation.Error != nil {
		return nil, fault.New(operationFault(operation.Error.Code), "operation failed: %s", operation.Error.Message)
	}
	return operation, nil
}

// operationFault classifies the google.rpc.Code of a failed operation.
func operationFault(code int64) fault.Kind {
	kinds := map[int64]fault.Kind{5: fault.NotFound, 7: fault.Denied, 8: fault.Quota, 10: fault.Conflict, 13: fault.Unavailable, 14: fault.Unavailable}
	if kind, ok := kinds[code]; ok {
		return kind
	}
	return fault.Invalid
}
