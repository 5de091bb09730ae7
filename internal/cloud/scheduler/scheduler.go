// Package scheduler reads the Cloud Scheduler jobs of a project.
package scheduler

import (
	"context"
	"fmt"

	cloudscheduler "google.golang.org/api/cloudscheduler/v1"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// Client reads from Cloud Scheduler.
type Client struct {
	jobs *cloudscheduler.ProjectsLocationsJobsService
}

// New connects to Cloud Scheduler.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.Scheduler)
	if err != nil {
		return nil, err
	}
	api, err := cloudscheduler.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Scheduler: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Projects.Locations.Jobs}, nil
}

// Jobs lists the HTTP jobs of a project, whatever they call; paused ones too,
// since they can be resumed. That "-" stands for every location is what many
// programs rely on, and documented nowhere: *unverified*.
func (c *Client) Jobs(ctx context.Context, project string) ([]caller.Caller, error) {
	var found []caller.Caller
	var pages connect.Pages
	list := c.jobs.List("projects/" + project + "/locations/-").PageSize(500)
	err := list.Pages(ctx, func(page *cloudscheduler.ListJobsResponse) error {
		for _, each := range page.Jobs {
			if each.HttpTarget == nil {
				continue
			}
			token := each.HttpTarget.OidcToken
			if token == nil { // an OAuth token is for Google's own APIs and no identity token
				token = &cloudscheduler.OidcToken{}
			}
			found = append(found, caller.Caller{
				Kind: caller.SchedulerJob, Name: each.Name, Address: each.HttpTarget.Uri,
				Principal: token.ServiceAccountEmail, Audience: token.Audience,
			})
		}
		return pages.Next(page.NextPageToken, "jobs", project)
	})
	if err != nil {
		return found, fmt.Errorf("reading the Cloud Scheduler jobs of %q: %w",
			project, connect.Needing("cloudscheduler.jobs.list", err))
	}
	return found, nil
}
