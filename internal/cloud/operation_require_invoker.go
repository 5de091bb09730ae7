package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.RequireInvoker) (string, error) {
		return c.run.RequireInvoker(ctx, step.Resource, step.Version)
	},
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.RequireInvoker) (string, error) {
		return c.run.WaiveInvoker(ctx, step.Resource, step.Version)
	},
)
