package cloud

import (
	"context"

	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/plan"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.RequireInvoker) (string, error) {
		return c.run.Patch(ctx, step.Resource, "invokerIamDisabled", &run.GoogleCloudRunV2Service{
			Etag: step.Version, InvokerIamDisabled: false, ForceSendFields: []string{"InvokerIamDisabled"},
		})
	},
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.RequireInvoker) (string, error) {
		return c.run.Patch(ctx, step.Resource, "invokerIamDisabled", &run.GoogleCloudRunV2Service{
			Etag: step.Version, InvokerIamDisabled: true,
		})
	},
)
