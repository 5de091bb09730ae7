package iap

import (
	"context"
	"fmt"
	"strings"

	iap "google.golang.org/api/iap/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Settings are IAP's settings of one resource, without those that it inherits.
type Settings struct{ access *iap.AccessSettings }

// Settings reads the settings of one resource: a service, a type, all of IAP, the
// project, a folder or an organization. Never configured is empty (recorded).
func (c *Client) Settings(ctx context.Context, resource string) (Settings, error) {
	found, err := c.policies.GetIapSettings(resource).Context(ctx).Do()
	if err == nil {
		err = connect.About(holder(resource), holder(found.Name))
	}
	if err != nil {
		return Settings{}, fmt.Errorf("reading IAP's settings of %q: %w", resource,
			connect.Needing(settingsPermission(resource), err))
	}
	return Settings{found.AccessSettings}, nil
}

// holder is the project, folder or organization of a resource, "" where the name has none. The answer
// names the resource with the number of its project; what stands for the rest is not always what was
// asked for (recorded; of folders and organizations *unverified*).
func holder(resource string) string {
	kind, rest, _ := strings.Cut(resource, "/")
	id, _, _ := strings.Cut(rest, "/")
	if id == "" {
		return ""
	}
	return kind + "/" + id
}

// settingsPermission is what reading settings needs; each depth has a permission of its
// own. Source: iap/docs/reference/rest/v1/v1/getIapSettings.
func settingsPermission(resource string) string {
	before, below, web := strings.Cut(resource, "/iap_web")
	switch {
	case strings.HasPrefix(resource, "organizations/"):
		return "iap.organizations.getSettings"
	case strings.HasPrefix(resource, "folders/"):
		return "iap.folders.getSettings"
	case !web && before == resource:
		return "iap.projects.getSettings"
	case below == "":
		return "iap.web.getSettings"
	case strings.Count(below, "/") == 1:
		return "iap.webTypes.getSettings"
	}
	return "iap.webServices.getSettings"
}

// Merged is what settings say together, the nearest first: each takes what those before
// it do not set. That inheritance goes by setting is documented for IAP's settings as a
// whole (iap/docs/customizing), for these *unverified*.
func Merged(nearestFirst []Settings) posture.IAPSettings {
	var merged posture.IAPSettings
	for _, s := range nearestFirst {
		if s.access == nil {
			continue
		}
		if g := s.access.GcipSettings; g != nil && !merged.External() {
			merged.Tenants, merged.LoginPage = g.TenantIds, g.LoginPageUri
		}
		if w := s.access.WorkforceIdentitySettings; w != nil && merged.WorkforcePools == nil {
			merged.WorkforcePools = w.WorkforcePools
		}
		if d := s.access.AllowedDomainsSettings; d != nil && merged.Domains == nil && d.Enable {
			merged.Domains = lower(d.Domains)
		}
		// The client shows a field that is not set as false. What any of the settings lets pass
		// may pass, since an empty corsSettings inherits.
		if c := s.access.CorsSettings; c != nil {
			merged.AllowOptions = merged.AllowOptions || c.AllowHttpOptions
		}
	}
	return merged
}

func lower(domains []string) []string {
	lowered := make([]string, 0, len(domains))
	for _, domain := range domains {
		lowered = append(lowered, strings.ToLower(domain))
	}
	return lowered
}
