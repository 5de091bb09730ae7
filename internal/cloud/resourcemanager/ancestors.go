package resourcemanager

import (
	"context"
	"fmt"
	"strings"

	resourcemanager "google.golang.org/api/cloudresourcemanager/v1"
	containers "google.golang.org/api/cloudresourcemanager/v3"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/fault"
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

// ReadableProjects are the ids of the active projects that our account may read. With
// fault.Invalid come the first of more than are looked through. The method asks for no
// permission but resourcemanager.projects.get on each project.
// Source: resource-manager/reference/rest/v3/projects/search.
func (c *Client) ReadableProjects(ctx context.Context) ([]string, error) {
	var ids []string
	read := 0
	err := c.above.Projects.Search().Query("state:ACTIVE").PageSize(500).Pages(ctx,
		func(page *containers.SearchProjectsResponse) error {
			for _, project := range page.Projects {
				ids = append(ids, project.ProjectId)
			}
			if read++; read >= connect.MaxPages && page.NextPageToken != "" {
				return fault.New(fault.Invalid, "there are more projects than are looked through")
			}
			return nil
		})
	if err != nil {
		return ids, fmt.Errorf("listing the projects that can be read: %w", connect.Classify(err))
	}
	return ids, nil
}

// PolicyAbove reads the own IAM policy of a folder or an organization.
func (c *Client) PolicyAbove(ctx context.Context, container string) (posture.Policy, error) {
	request := &containers.GetIamPolicyRequest{Options: &containers.GetPolicyOptions{RequestedPolicyVersion: 3}}
	var answer *containers.Policy
	var err error
	permission := "resourcemanager.folders.getIamPolicy"
	if strings.HasPrefix(container, "organizations/") {
		permission = "resourcemanager.organizations.getIamPolicy"
		answer, err = c.above.Organizations.GetIamPolicy(container, request).Context(ctx).Do()
	} else {
		answer, err = c.above.Folders.GetIamPolicy(container, request).Context(ctx).Do()
	}
	if err != nil {
		return posture.Policy{}, fmt.Errorf("reading the IAM policy of %q: %w", container, connect.Needing(permission, err))
	}
	var policy iampolicy.Policy
	err = iampolicy.Convert(answer, &policy)
	return policy.Posture(), err
}
