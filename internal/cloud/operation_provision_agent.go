package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(func(ctx context.Context, c *Cloud, step plan.Step, _ plan.ProvisionAgent) (string, error) {
	_, err := c.apis.ProvisionIAPAgent(ctx, projectOf(step.Resource))
	return "", err
}, nothing) // an agent stays provisioned: it has no right by that
