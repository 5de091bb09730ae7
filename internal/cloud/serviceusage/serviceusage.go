// Package serviceusage reads which APIs a project has enabled, enables one, and creates
// Google's service agents in it.
package serviceusage

import (
	"context"
	"encoding/json"
	"fmt"

	stable "google.golang.org/api/serviceusage/v1"
	serviceusage "google.golang.org/api/serviceusage/v1beta1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
)

// Client talks to Service Usage.
type Client struct {
	services *serviceusage.ServicesService // only v1beta1 creates service agents
	stable   *stable.Service
	until    func(context.Context, func(context.Context) (bool, error)) error
}

// New connects to Service Usage.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.ServiceUsage)
	if err != nil {
		return nil, err
	}
	api, err := serviceusage.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Service Usage: %w", err)
	}
	v1, err := stable.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Service Usage: %w", err)
	}
	api.UserAgent, v1.UserAgent = config.UserAgent, config.UserAgent
	return &Client{api.Services, v1, config.Until}, nil
}

// IAPDisabled reports whether IAP's API is disabled in a project.
func (c *Client) IAPDisabled(ctx context.Context, project string) (bool, error) {
	name := "projects/" + project + "/services/iap.googleapis.com"
	found, err := c.services.Get(name).Context(ctx).Do()
	if err == nil {
		err = connect.About(name, found.Name)
	}
	if err != nil {
		return false, fmt.Errorf("reading whether IAP's API is on in %q: %w",
			project, connect.Needing("serviceusage.services.get", err))
	}
	return found.State == "DISABLED", nil
}

// ProvisionIAPAgent creates IAP's service agent in the project, unless it is
// there, and returns its address. The operation is done when it is answered; its
// name must not be polled. Source: recorded answers of generateServiceIdentity.
func (c *Client) ProvisionIAPAgent(ctx context.Context, project string) (string, error) {
	name := "projects/" + project + "/services/iap.googleapis.com"
	operation, err := c.services.GenerateServiceIdentity(name).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("provisioning IAP's service agent in %q: %w", project, connect.Classify(err))
	}
	if operation.Error != nil {
		return "", fault.New(fault.Unavailable, "provisioning IAP's service agent in %q: %s",
			project, operation.Error.Message)
	}
	var made struct {
		Email string `json:"email"`
	}
	if operation.Done {
		if err := json.Unmarshal(operation.Response, &made); err != nil {
			return "", fmt.Errorf("provisioning IAP's service agent in %q: reading the answer: %w", project, err)
		}
	}
	return made.Email, nil
}

// Enable turns an API on in a project and returns once Service Usage says so. An API that
// is on already is not an error. The API itself may answer for some minutes as if it were
// off ("wait a few minutes for the action to propagate", the text of SERVICE_DISABLED).
// Sources: service-usage/docs/reference/rest/v1/services/enable; that reading the operation
// needs serviceusage.operations.get follows from roles/serviceusage.serviceUsageAdmin
// (*unverified*).
func (c *Client) Enable(ctx context.Context, project, api string) error {
	operation, err := c.stable.Services.Enable("projects/"+project+"/services/"+api, &stable.EnableServiceRequest{}).
		Context(ctx).Do()
	if err != nil {
		return fmt.Errorf("enabling %s in %q: %w", api, project, connect.Needing("serviceusage.services.enable", err))
	}
	name := operation.Name
	err = c.until(ctx, func(ctx context.Context) (bool, error) {
		if operation.Done {
			return true, nil
		}
		operation, err = c.stable.Operations.Get(name).Context(ctx).Do()
		return err == nil && operation.Done, err
	})
	switch {
	case err != nil:
		return fmt.Errorf("waiting until %s is enabled in %q: %w", api, project,
			fault.Unread(name, connect.Needing("serviceusage.operations.get", err)))
	case operation.Error != nil:
		return fault.New(connect.OperationFault(operation.Error.Code), "enabling %s in %q: %s", api, project, operation.Error.Message)
	}
	return nil
}
