package identity

import (
	"context"
	"fmt"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// IAPDisabled reports whether IAP's API is switched off in a project.
func (c *Client) IAPDisabled(ctx context.Context, project string) (bool, error) {
	found, err := c.services.Get("projects/" + project + "/services/iap.googleapis.com").Context(ctx).Do()
	if err != nil {
		return false, fmt.Errorf("reading whether IAP's API is on in %q: %w", project, connect.Needing("serviceusage.services.get", err))
	}
	return found.State == "DISABLED", nil
}
