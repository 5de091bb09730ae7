package cloud

import (
	"context"

	run "google.golang.org/api/run/v2"

	cloudrun "github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

var _ = carry(
	func(ctx context.Context, c *Cloud, step plan.Step, change plan.RestrictIngress) (string, error) {
		return c.setIngress(ctx, step, change.To)
	},
	func(ctx context.Context, c *Cloud, step plan.Step, change plan.RestrictIngress) (string, error) {
		return c.setIngress(ctx, step, change.From)
	},
)

func (c *Cloud) setIngress(ctx context.Context, step plan.Step, setting posture.Ingress) (string, error) {
	word := cloudrun.Ingress(setting)
	if word == "" {
		return "", fault.New(fault.Invalid, "setting the ingress of %q: %q is not an ingress setting", step.Resource, setting)
	}
	return c.run.Patch(ctx, step.Resource, "ingress", &run.GoogleCloudRunV2Service{Etag: step.Version, Ingress: word})
}
