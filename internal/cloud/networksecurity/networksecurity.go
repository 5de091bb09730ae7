// Package networksecurity reads the authorization policies of load balancers.
package networksecurity

import (
	"context"
	"fmt"
	"strings"

	networksecurity "google.golang.org/api/networksecurity/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client talks to the Network Security API.
type Client struct {
	policies *networksecurity.ProjectsLocationsAuthzPoliciesService
}

// New connects to the API.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.NetworkSecurity)
	if err != nil {
		return nil, err
	}
	api, err := networksecurity.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Network Security: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Projects.Locations.AuthzPolicies}, nil
}

// ToIAP is an authorization policy that delegates to IAP.
type ToIAP struct {
	Name    string
	Targets []string // references to forwarding rules
	Partial bool     // it is about some requests only
}

// DelegatingToIAP lists the authorization policies in one place that delegate to IAP. A
// list that does not reach the place is a fault.Unavailable. Policies with another action
// refuse requests and let in nobody.
// Source: networksecurity's discovery document, AuthzPolicy.action.
func (c *Client) DelegatingToIAP(ctx context.Context, project, location string) ([]ToIAP, error) {
	parent := "projects/" + project + "/locations/" + location
	var found []ToIAP
	var lacking []string
	list := c.policies.List(parent).PageSize(1000)
	err := connect.AllPages(ctx, list.Pages, func(page *networksecurity.ListAuthzPoliciesResponse) error {
		lacking = append(lacking, page.Unreachable...)
		for _, policy := range page.AuthzPolicies {
			if policy.Action != "CUSTOM" || policy.CustomProvider == nil || policy.CustomProvider.CloudIap == nil {
				continue
			}
			one := ToIAP{Name: policy.Name, Partial: len(policy.HttpRules)+len(policy.NetworkRules) > 0}
			if policy.Target != nil {
				one.Targets = policy.Target.Resources
			}
			found = append(found, one)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("listing the authorization policies of %q: %w", parent,
			connect.Needing("networksecurity.authzPolicies.list", err))
	case len(lacking) > 0:
		return nil, fault.New(fault.Unavailable,
			"the list of the authorization policies of %q lacks %s: it could not be reached",
			parent, posture.Shown(strings.Join(lacking, ", ")))
	}
	return found, nil
}
