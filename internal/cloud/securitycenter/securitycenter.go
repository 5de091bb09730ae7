// Package securitycenter writes findings into Google's Security Command Center.
package securitycenter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/api/googleapi"
	api "google.golang.org/api/securitycenter/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// Client writes findings.
type Client struct {
	findings *api.OrganizationsSourcesFindingsService
}

// New connects to Security Command Center.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.SecurityCenter)
	if err != nil {
		return nil, err
	}
	service, err := api.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Security Command Center: %w", err)
	}
	service.UserAgent = config.UserAgent
	return &Client{service.Organizations.Sources.Findings}, nil
}

// Put makes a finding, or changes the one of that name. One that does not stand is only
// changed where it is there: nobody reads of what was never open.
func (c *Client) Put(ctx context.Context, document []byte) error {
	var finding api.Finding
	if err := json.Unmarshal(document, &finding); err != nil {
		return fmt.Errorf("reading a finding: %w", err)
	}
	if finding.State == "ACTIVE" {
		_, err := c.findings.Patch(finding.Name, &finding).Context(ctx).Do()
		return writing(finding.Name, err)
	}
	request := &api.SetFindingStateRequest{StartTime: finding.EventTime, State: finding.State}
	_, err := c.findings.SetState(finding.Name, request).Context(ctx).Do()
	var answered *googleapi.Error
	if errors.As(err, &answered) && answered.Code == http.StatusNotFound {
		return nil
	}
	return writing(finding.Name, err)
}

func writing(name string, err error) error {
	if err != nil {
		err = connect.Classify(err)
		return fmt.Errorf("writing the finding %s, which needs securitycenter.findings.update: %w", name, err)
	}
	return nil
}
