package identity

import (
	"context"
	"fmt"

	resourcemanager "google.golang.org/api/cloudresourcemanager/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// Folders are the folders above a project, the nearest first, as
// folders/NUMBER. Who may read the project may read them all in one call.
// Source: resource-manager/reference/rest/v1/projects/getAncestry ("the caller
// must have read permissions for this project").
func (c *Client) Folders(ctx context.Context, project string) ([]string, error) {
	answer, err := c.projects.GetAncestry(project, &resourcemanager.GetAncestryRequest{}).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("reading what is above project %q: %w", project, connect.Needing("resourcemanager.projects.get", err))
	}
	var folders []string
	for _, ancestor := range answer.Ancestor {
		if ancestor.ResourceId != nil && ancestor.ResourceId.Type == "folder" {
			folders = append(folders, "folders/"+ancestor.ResourceId.Id)
		}
	}
	return folders, nil
}
