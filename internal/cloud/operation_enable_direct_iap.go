package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.EnableDirectIAP) (string, error) {
		return c.run.EnableIAP(ctx, step.Resource, step.Version)
	},
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.EnableDirectIAP) (string, error) {
		return c.run.DisableIAP(ctx, step.Resource, step.Version)
	},
)
