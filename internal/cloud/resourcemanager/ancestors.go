package resourcemanager

import (
	"context"
	"fmt"

	resourcemanager "google.golang.org/api/cloudresourcemanager/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Ancestors are the folders and the organization above a project, in one call
// that needs no more than the right to read the project.
// Source: resource-manager/reference/rest/v1/projects/getAncestry ("the caller
// must have read permissions for this project").
func (c *Client) Ancestors(ctx context.Context, project string) (posture.Ancestors, error) {
	answer, err := c.projects.GetAncestry(project, &resourcemanager.GetAncestryRequest{}).Context(ctx).Do()
	if err != nil {
		return posture.Ancestors{}, fmt.Errorf("reading what is above project %q: %w",
			project, connect.Needing("resourcemanager.projects.get", err))
	}
	found := posture.Ancestors{Known: true}
	for _, ancestor := range answer.Ancestor {
		if ancestor.ResourceId == nil {
			continue
		}
		switch id := ancestor.ResourceId; id.Type {
		case "folder":
			found.Folders = append(found.Folders, "folders/"+id.Id)
		case "organization":
			found.Organization = "organizations/" + id.Id
		}
	}
	return found, nil
}
