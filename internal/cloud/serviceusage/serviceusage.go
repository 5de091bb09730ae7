// Package serviceusage reads which APIs a project has enabled, and creates
// Google's service agents in it.
package serviceusage

import (
	"context"
	"encoding/json"
	"fmt"

	serviceusage "google.golang.org/api/serviceusage/v1beta1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
)

// Client talks to Service Usage.
type Client struct {
	services *serviceusage.ServicesService
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
	api.UserAgent = config.UserAgent
	return &Client{api.Services}, nil
}

// IAPDisabled reports whether IAP's API is disabled in a project.
func (c *Client) IAPDisabled(ctx context.Context, project string) (bool, error) {
	found, err := c.services.Get("projects/" + project + "/services/iap.googleapis.com").Context(ctx).Do()
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
