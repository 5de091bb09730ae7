package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	accessors(func(p *iampolicy.Policy, grant plan.GrantAccess) bool {
		return p.Add(grant.Role, grant.Members, posture.Condition(grant.Condition))
	}),
	accessors(func(p *iampolicy.Policy, grant plan.GrantAccess) bool {
		return p.Withdraw(grant.Role, grant.Members, posture.Condition(grant.Condition))
	}),
)

// accessors changes who has access through IAP. change reports whether it changed
// anything.
func accessors[C plan.Change](change func(p *iampolicy.Policy, with C) bool) typed[C] {
	return func(ctx context.Context, c *Cloud, step plan.Step, with C) (string, error) {
		return c.iap.ChangePolicy(ctx, step.Resource, step.Version, func(p *iampolicy.Policy) bool { return change(p, with) })
	}
}
