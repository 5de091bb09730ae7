package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(func(ctx context.Context, c *Cloud, step plan.Step, change plan.Redeploy) (string, error) {
	return c.run.Redeploy(ctx, step.Resource, step.Version, change.Image)
}, nothing) // a revision stays: it is made of what was there
