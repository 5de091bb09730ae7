package cloud

import (
	"context"

	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/plan"
)

// IAP at the service is generally available since March 2026, so the launch stage
// stays as it is.
var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.EnableDirectIAP) (string, error) {
		return c.run.Patch(ctx, step.Resource, "iapEnabled",
			&run.GoogleCloudRunV2Service{Etag: step.Version, IapEnabled: true})
	},
	func(ctx context.Context, c *Cloud, step plan.Step, _ plan.EnableDirectIAP) (string, error) {
		return c.run.Patch(ctx, step.Resource, "iapEnabled", &run.GoogleCloudRunV2Service{
			Etag: step.Version, IapEnabled: false, ForceSendFields: []string{"IapEnabled"},
		})
	},
)
