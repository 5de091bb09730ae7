package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(func(ctx context.Context, c *Cloud, step plan.Step, change plan.EnableAPI) (string, error) {
	if change.Service != plan.IAPAPI {
		return "", fault.New(fault.Invalid, "%.80q is not an API that is turned on", change.Service)
	}
	return "", c.apis.Enable(ctx, projectOf(step.Resource), change.Service)
}, nothing) // an API stays on: others may rely on it
