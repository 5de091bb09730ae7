package cloud

import (
	"context"
	"strings"

	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// Undo takes back one step that Apply took: what was set to To is From again.
// step.Version is what the resource must still be at, or the answer is a
// fault.Conflict; it gives the version after the write, "" when the API does
// not tell. An agent stays provisioned: that gives it no right.
func (c *Cloud) Undo(ctx context.Context, step plan.Step) (string, error) {
	switch step.Op {
	case plan.ProvisionAgent:
		return "", nil
	case plan.GrantInvoker:
		return c.run.ChangePolicy(ctx, step.Resource, step.Version, func(p *iampolicy.Policy) bool {
			return p.Withdraw(step.Field, strings.Fields(step.To))
		})
	case plan.RevokePublic:
		return c.run.ChangePolicy(ctx, step.Resource, step.Version, func(p *iampolicy.Policy) bool {
			return p.Add(step.Field, strings.Fields(step.From))
		})
	case plan.GrantAccess:
		return c.iap.Withdraw(ctx, step.Resource, step.Version, step.Field, strings.Fields(step.To))
	case plan.EnableIAP:
		return "", c.loadBalancers.DisableIAP(ctx, step.Resource, step.Version)
	case plan.RestrictIngress:
		return c.run.RestoreIngress(ctx, step.Resource, step.Version, posture.Ingress(step.From))
	case plan.RequireInvoker:
		return c.run.WaiveInvoker(ctx, step.Resource, step.Version)
	}
	return "", fault.New(fault.Invalid, "operation %q cannot be undone", step.Op)
}
