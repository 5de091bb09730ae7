package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, change plan.EnableIAP) (string, error) {
		return "", c.enableIAP(ctx, step, change.Client)
	},
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.EnableIAP) (string, error) {
		return "", c.loadBalancers.DisableIAP(ctx, step.Resource, step.Version)
	},
)

// enableIAP turns IAP on at a backend service, in one write with the OAuth
// client, where one is named. Its secret is read now and kept nowhere.
func (c *Cloud) enableIAP(ctx context.Context, step plan.Step, client plan.OAuthClient) error {
	if client == (plan.OAuthClient{}) {
		return c.loadBalancers.EnableIAP(ctx, step.Resource, step.Version, loadbalancer.OAuthClient{})
	}
	value, err := c.secrets.Access(connect.AsSelf(ctx), client.Secret)
	if err != nil {
		return err
	}
	named := loadbalancer.OAuthClient{ID: client.ID, Secret: value.Reveal()}
	return value.Redact(c.loadBalancers.EnableIAP(ctx, step.Resource, step.Version, named))
}
