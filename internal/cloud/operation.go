package cloud

import (
	"context"
	"strings"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// operation is how a step is taken, and how it is taken back: what was set to To
// is From again. Both write only while the resource is at step.Version, and give
// the version after the write, "" when the API does not tell.
type operation struct {
	do, undo func(c *Cloud, ctx context.Context, step plan.Step) (string, error)
}

var operations = map[plan.Op]operation{
	// An agent stays provisioned: that gives it no right.
	plan.ProvisionAgent: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			_, err := c.apis.ProvisionIAPAgent(ctx, projectOf(step.Resource))
			return "", err
		}, nothing,
	},
	plan.GrantInvoker: {
		invokers(func(p *iampolicy.Policy, step plan.Step) bool {
			return p.Add(step.Field, strings.Fields(step.To), step.Condition)
		}),
		invokers(func(p *iampolicy.Policy, step plan.Step) bool {
			return p.Withdraw(step.Field, strings.Fields(step.To), step.Condition)
		}),
	},
	plan.GrantAccess: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.iap.Grant(ctx, step.Resource, step.Version, step.Field, strings.Fields(step.To), step.Condition)
		},
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.iap.Withdraw(ctx, step.Resource, step.Version, step.Field, strings.Fields(step.To), step.Condition)
		},
	},
	plan.EnableIAP: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) { return "", c.enableIAP(ctx, step) },
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return "", c.loadBalancers.DisableIAP(ctx, step.Resource, step.Version)
		},
	},
	plan.EnableDirectIAP: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.EnableIAP(ctx, step.Resource, step.Version)
		},
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.DisableIAP(ctx, step.Resource, step.Version)
		},
	},
	plan.RestrictIngress: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.RestrictIngress(ctx, step.Resource, step.Version)
		},
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.RestoreIngress(ctx, step.Resource, step.Version, posture.Ingress(step.From))
		},
	},
	plan.RequireInvoker: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.RequireInvoker(ctx, step.Resource, step.Version)
		},
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.WaiveInvoker(ctx, step.Resource, step.Version)
		},
	},
	plan.RevokePublic: {
		invokers(func(p *iampolicy.Policy, step plan.Step) bool { return p.Remove(step.Field, strings.Fields(step.From)) }),
		invokers(func(p *iampolicy.Policy, step plan.Step) bool {
			return p.Add(step.Field, strings.Fields(step.From), posture.Condition{})
		}),
	},
	// A revision stays: it is made of what was there.
	plan.Redeploy: {
		func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
			return c.run.Redeploy(ctx, step.Resource, step.Version, policy.RedeployImageOf(step.To))
		}, nothing,
	},
}

// nothing takes nothing back.
func nothing(*Cloud, context.Context, plan.Step) (string, error) { return "", nil }

// invokers changes who may invoke a service.
func invokers(change func(*iampolicy.Policy, plan.Step) bool) func(*Cloud, context.Context, plan.Step) (string, error) {
	return func(c *Cloud, ctx context.Context, step plan.Step) (string, error) {
		return c.run.ChangePolicy(ctx, step.Resource, step.Version, func(p *iampolicy.Policy) bool { return change(p, step) })
	}
}

// Apply takes one step as an account, "" = our own; see package plan for what
// each operation means. What is read on the way is read in our own name.
func (c *Cloud) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	defer c.forget(ctx, projectOf(step.Resource))
	known, ok := operations[step.Op]
	if !ok {
		return "", unknown(step)
	}
	return known.do(c, connect.As(ctx, as), step)
}

// Undo takes back one step that Apply took. Where the resource is no longer at
// step.Version, the answer is a fault.Conflict.
func (c *Cloud) Undo(ctx context.Context, step plan.Step) (string, error) {
	known, ok := operations[step.Op]
	if !ok {
		return "", unknown(step)
	}
	return known.undo(c, ctx, step)
}

func unknown(step plan.Step) error {
	return fault.New(fault.Invalid, "operation %q is not known", step.Op)
}
