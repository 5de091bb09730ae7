// Package loadbalancer reads the chain of compute resources that leads from an
// address to a Cloud Run service, and turns IAP on at its backend services:
//
//	forwarding rule → target proxy → URL map → backend service → serverless NEG → service
//
// Which backend services lead to a service is found through lists; what is
// going to be written is then read directly.
package loadbalancer

import (
	"context"
	"fmt"
	"path"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client talks to Compute Engine.
type Client struct {
	api      *compute.Service
	services Lister
	until    func(context.Context, func(context.Context) (bool, error)) error
	current  cache.Joined[*Inventory] // by project
}

// Lister names the Cloud Run services in a scope. A NEG with a URL mask leads
// to services that only Cloud Run knows.
type Lister func(context.Context, posture.Scope) ([]posture.Target, error)

// New connects to the API.
func New(ctx context.Context, config connect.Config, services Lister) (*Client, error) {
	options, err := config.Options(ctx, connect.Compute)
	if err != nil {
		return nil, err
	}
	api, err := compute.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Compute Engine: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api: api, services: services, until: config.Until}, nil
}

// OAuthClient is a client that IAP signs people in with.
type OAuthClient struct{ ID, Secret string }

// EnableIAP turns IAP on at a backend service, together with an OAuth client
// unless it is the zero value; then a client that is there stays. It writes
// nothing else. fingerprint is the observed version; another one, or a backend
// service that no longer exists, is a fault.Conflict. Errors may repeat the
// client's secret.
func (c *Client) EnableIAP(ctx context.Context, resource, fingerprint string, client OAuthClient) error {
	err := c.setIAP(ctx, resource, fingerprint, &compute.BackendServiceIAP{
		Enabled: true, Oauth2ClientId: client.ID, Oauth2ClientSecret: client.Secret,
	})
	if err != nil {
		return fmt.Errorf("turning IAP on at backend service %q: %w", path.Base(resource), err)
	}
	return nil
}

// DisableIAP turns IAP off, and changes nothing else.
func (c *Client) DisableIAP(ctx context.Context, resource, fingerprint string) error {
	err := c.setIAP(ctx, resource, fingerprint, &compute.BackendServiceIAP{ForceSendFields: []string{"Enabled"}})
	if err != nil {
		return fmt.Errorf("turning IAP off at backend service %q: %w", path.Base(resource), err)
	}
	return nil
}

func (c *Client) setIAP(ctx context.Context, resource, fingerprint string, to *compute.BackendServiceIAP) error {
	l, ok := parseLink(resource)
	if !ok {
		return fault.New(fault.Invalid, "%q does not name a backend service", resource)
	}
	body := &compute.BackendService{Fingerprint: fingerprint, Iap: to}
	var operation *compute.Operation
	var err error
	if l.global() {
		operation, err = c.api.BackendServices.Patch(l.project, l.name, body).Context(ctx).Do()
	} else {
		operation, err = c.api.RegionBackendServices.Patch(l.project, l.location, l.name, body).Context(ctx).Do()
	}
	if err == nil {
		err = c.await(ctx, l, operation)
	}
	return fault.Stale(connect.Classify(err))
}

// await waits for an operation in the place of l. One wait call lasts at most
// two minutes. Source: compute's discovery document, globalOperations.wait.
func (c *Client) await(ctx context.Context, l link, operation *compute.Operation) error {
	if operation.Status != "DONE" {
		err := c.until(ctx, func(ctx context.Context) (bool, error) {
			var waited *compute.Operation
			var err error
			if l.global() {
				waited, err = c.api.GlobalOperations.Wait(l.project, operation.Name).Context(ctx).Do()
			} else {
				waited, err = c.api.RegionOperations.Wait(l.project, l.location, operation.Name).Context(ctx).Do()
			}
			if err != nil {
				return false, err
			}
			operation = waited
			return operation.Status == "DONE", nil
		})
		if err != nil {
			return fault.Unread(operation.Name, connect.Classify(err))
		}
	}
	if operation.Error == nil || len(operation.Error.Errors) == 0 {
		return nil
	}
	first := operation.Error.Errors[0]
	kind, known := operationFaults[first.Code]
	if !known {
		kind = fault.Invalid
	}
	return fault.New(kind, "operation failed: %s: %s", first.Code, first.Message)
}

// operationFaults classifies the codes of failed operations; all others are
// fault.Invalid.
var operationFaults = map[string]fault.Kind{
	"RESOURCE_NOT_READY":                  fault.Busy,
	"RESOURCE_OPERATION_RATE_EXCEEDED":    fault.Quota,
	"RATE_LIMIT_EXCEEDED":                 fault.Quota,
	"QUOTA_EXCEEDED":                      fault.Quota,
	"CONDITION_NOT_MET":                   fault.Conflict,
	"PERMISSIONS_ERROR":                   fault.Denied,
	"RESOURCE_NOT_FOUND":                  fault.NotFound,
	"INTERNAL_ERROR":                      fault.OperationFailed,
	"SERVICE_UNAVAILABLE":                 fault.OperationFailed,
	"UNSUPPORTED_OPERATION_ORGPOLICY":     fault.OrgPolicy,
	"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": fault.Busy,
}
