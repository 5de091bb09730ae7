package run

import (
	"context"

	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// RestoreIngress sets the ingress to an earlier setting, and changes nothing else.
func (c *Client) RestoreIngress(ctx context.Context, name, version string, setting posture.Ingress) (string, error) {
	for word, known := range ingress {
		if known == setting && setting != posture.IngressUnknown {
			return c.patch(ctx, name, "ingress", &run.GoogleCloudRunV2Service{Etag: version, Ingress: word})
		}
	}
	return "", fault.New(fault.Invalid, "restoring the ingress of %q: %q is not an ingress setting", name, setting)
}

// DisableIAP turns direct IAP off at a service, and changes nothing else.
func (c *Client) DisableIAP(ctx context.Context, name, version string) (string, error) {
	return c.patch(ctx, name, "iapEnabled", &run.GoogleCloudRunV2Service{
		Etag: version, IapEnabled: false, ForceSendFields: []string{"IapEnabled"},
	})
}

// WaiveInvoker turns the invoker check off, and changes nothing else.
func (c *Client) WaiveInvoker(ctx context.Context, name, version string) (string, error) {
	return c.patch(ctx, name, "invokerIamDisabled", &run.GoogleCloudRunV2Service{Etag: version, InvokerIamDisabled: true})
}
