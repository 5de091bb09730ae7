package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, grant plan.GrantAccess) (string, error) {
		return c.iap.Grant(ctx, step.Resource, step.Version, grant.Role, grant.Members, posture.Condition(grant.Condition))
	},
	func(ctx context.Context, c *Cloud, step plan.Step, grant plan.GrantAccess) (string, error) {
		return c.iap.Withdraw(ctx, step.Resource, step.Version, grant.Role, grant.Members, posture.Condition(grant.Condition))
	},
)
