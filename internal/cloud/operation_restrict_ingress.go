package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.RestrictIngress) (string, error) {
		return c.run.RestrictIngress(ctx, step.Resource, step.Version)
	},
	func(ctx context.Context, c *Cloud, step plan.Step, change plan.RestrictIngress) (string, error) {
		return c.run.RestoreIngress(ctx, step.Resource, step.Version, change.From)
	},
)
