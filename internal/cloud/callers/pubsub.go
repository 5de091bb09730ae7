package callers

import (
	"context"
	"fmt"

	pubsub "google.golang.org/api/pubsub/v1"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
)

func (c *Client) toPubSub(ctx context.Context, config connect.Config) error {
	options, err := config.Options(ctx, connect.PubSub)
	if err != nil {
		return err
	}
	api, err := pubsub.NewService(ctx, options...)
	if err != nil {
		return fmt.Errorf("connecting to Pub/Sub: %w", err)
	}
	api.UserAgent = config.UserAgent
	c.subscriptions = api.Projects.Subscriptions
	return nil
}

// Subscriptions lists the push subscriptions of a project, whatever they call.
// One that was detached from its topic pushes nothing any more.
func (c *Client) Subscriptions(ctx context.Context, project string) ([]caller.Caller, error) {
	var found []caller.Caller
	var pages bounded
	err := c.subscriptions.List("projects/"+project).PageSize(1000).Pages(ctx, func(page *pubsub.ListSubscriptionsResponse) error {
		for _, each := range page.Subscriptions {
			if each.PushConfig == nil || each.PushConfig.PushEndpoint == "" || each.Detached {
				continue
			}
			token := each.PushConfig.OidcToken
			if token == nil {
				token = &pubsub.OidcToken{}
			}
			found = append(found, configured(caller.PushSubscription, each.Name, each.PushConfig.PushEndpoint, token.ServiceAccountEmail, token.Audience))
		}
		if page.NextPageToken == "" {
			return nil
		}
		return pages.next("subscriptions", project)
	})
	if err != nil {
		return found, fmt.Errorf("reading the push subscriptions of %q: %w", project, connect.Needing("pubsub.subscriptions.list", err))
	}
	return found, nil
}
