// Package pubsub reads the push subscriptions of a project.
package pubsub

import (
	"context"
	"fmt"

	pubsub "google.golang.org/api/pubsub/v1"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// Client reads from Pub/Sub.
type Client struct {
	subscriptions *pubsub.ProjectsSubscriptionsService
}

// New connects to Pub/Sub.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.PubSub)
	if err != nil {
		return nil, err
	}
	api, err := pubsub.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Pub/Sub: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Projects.Subscriptions}, nil
}

// Subscriptions lists the push subscriptions of a project, whatever they call. A
// subscription that was detached from its topic pushes nothing.
func (c *Client) Subscriptions(ctx context.Context, project string) ([]caller.Caller, error) {
	var found []caller.Caller
	var pages connect.Pages
	list := c.subscriptions.List("projects/" + project).PageSize(1000)
	err := list.Pages(ctx, func(page *pubsub.ListSubscriptionsResponse) error {
		for _, each := range page.Subscriptions {
			if each.PushConfig == nil || each.PushConfig.PushEndpoint == "" || each.Detached {
				continue
			}
			token := each.PushConfig.OidcToken
			if token == nil {
				token = &pubsub.OidcToken{}
			}
			found = append(found, caller.Caller{
				Kind: caller.PushSubscription, Name: each.Name, Address: each.PushConfig.PushEndpoint,
				Principal: token.ServiceAccountEmail, Audience: token.Audience,
			})
		}
		return pages.Next(page.NextPageToken, "subscriptions", project)
	})
	if err != nil {
		return found, fmt.Errorf("reading the push subscriptions of %q: %w",
			project, connect.Needing("pubsub.subscriptions.list", err))
	}
	return found, nil
}
