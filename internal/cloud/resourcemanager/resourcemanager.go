// Package resourcemanager reads projects: their names, what is above them, and
// their IAM policies.
package resourcemanager

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	resourcemanager "google.golang.org/api/cloudresourcemanager/v1"
	containers "google.golang.org/api/cloudresourcemanager/v3"

	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/iampolicy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Client talks to Resource Manager.
type Client struct {
	projects *resourcemanager.ProjectsService
	above    *containers.Service
	known    *cache.Cache[Project] // by id and by number
}

// keptProjects bounds the cached names of projects; each project has two.
const keptProjects = 2048

// Project is a project's two names, and whether it is in an organization,
// directly or in a folder.
type Project struct {
	ID, Number     string
	InOrganization bool
}

// New connects to Resource Manager.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.ResourceManager)
	if err != nil {
		return nil, err
	}
	manager, err := resourcemanager.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Resource Manager: %w", err)
	}
	above, err := containers.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Resource Manager: %w", err)
	}
	manager.UserAgent, above.UserAgent = config.UserAgent, config.UserAgent
	// A project in an organization keeps its names, and a project outside may be
	// moved into one.
	known, err := cache.New(cache.Options[Project]{
		Size: keptProjects, Keep: func(p Project) bool { return p.InOrganization },
	})
	if err != nil {
		return nil, err
	}
	return &Client{projects: manager.Projects, above: above, known: known}, nil
}

// Project returns a project's id and number; idOrNumber is either.
func (c *Client) Project(ctx context.Context, idOrNumber string) (Project, error) {
	project, err := c.known.Get(ctx, idOrNumber, func(ctx context.Context) (Project, error) {
		found, err := c.projects.Get(idOrNumber).Context(ctx).Do()
		if err != nil {
			return Project{}, err
		}
		number := strconv.FormatInt(found.ProjectNumber, 10)
		answered := found.ProjectId
		if posture.ValidProjectNumber(idOrNumber) {
			answered = number
		}
		if err := connect.About("projects/"+idOrNumber, "projects/"+answered); err != nil {
			return Project{}, err
		}
		project := Project{ID: found.ProjectId, Number: number, InOrganization: found.Parent != nil}
		if project.InOrganization {
			c.known.Put(project.ID, project)
			c.known.Put(project.Number, project)
		}
		return project, nil
	})
	if err != nil {
		return Project{}, fmt.Errorf("reading project %q: %w",
			idOrNumber, connect.Needing("resourcemanager.projects.get", err))
	}
	return project, nil
}

// Lacks returns which of some permissions we do not have on a project. Asking takes none.
// Source: resource-manager/reference/rest/v1/projects/testIamPermissions.
func (c *Client) Lacks(ctx context.Context, project string, permissions []string) ([]string, error) {
	answer, err := c.projects.TestIamPermissions(project,
		&resourcemanager.TestIamPermissionsRequest{Permissions: permissions}).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("asking for our permissions on project %q: %w", project, connect.Classify(err))
	}
	return slices.DeleteFunc(slices.Clone(permissions), func(wanted string) bool {
		return slices.Contains(answer.Permissions, wanted)
	}), nil
}

// Policy reads the project's own IAM policy; what the project inherits from
// folders and its organisation is not in it.
func (c *Client) Policy(ctx context.Context, project string) (posture.Policy, error) {
	request := &resourcemanager.GetIamPolicyRequest{Options: &resourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3}}
	answer, err := c.projects.GetIamPolicy(project, request).Context(ctx).Do()
	if err != nil {
		return posture.Policy{}, fmt.Errorf("reading the IAM policy of project %q: %w",
			project, connect.Needing("resourcemanager.projects.getIamPolicy", err))
	}
	var policy iampolicy.Policy
	err = iampolicy.Convert(answer, &policy)
	return policy.Posture(), err
}
