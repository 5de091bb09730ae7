package callers

import (
	"context"
	"fmt"

	cloudscheduler "google.golang.org/api/cloudscheduler/v1"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/connect"
)

func (c *Client) toScheduler(ctx context.Context, config connect.Config) error {
	options, err := config.Options(ctx, connect.Scheduler)
	if err != nil {
		return err
	}
	api, err := cloudscheduler.NewService(ctx, options...)
	if err != nil {
		return fmt.Errorf("connecting to Cloud Scheduler: %w", err)
	}
	api.UserAgent = config.UserAgent
	c.jobs = api.Projects.Locations.Jobs
	return nil
}

// Jobs lists the HTTP jobs of a project, whatever they call; paused ones too,
// which somebody means to resume. That "-" stands for every location is what
// many programs rely on, and documented nowhere: *unverified*.
func (c *Client) Jobs(ctx context.Context, project string) ([]caller.Caller, error) {
	var found []caller.Caller
	var pages bounded
	err := c.jobs.List("projects/"+project+"/locations/-").PageSize(500).Pages(ctx, func(page *cloudscheduler.ListJobsResponse) error {
		for _, each := range page.Jobs {
			if each.HttpTarget == nil {
				continue
			}
			token := each.HttpTarget.OidcToken
			if token == nil { // an OAuth token is for Google's own APIs and no identity token
				token = &cloudscheduler.OidcToken{}
			}
			found = append(found, configured(caller.SchedulerJob, each.Name, each.HttpTarget.Uri, token.ServiceAccountEmail, token.Audience))
		}
		if page.NextPageToken == "" {
			return nil
		}
		return pages.next("jobs", project)
	})
	if err != nil {
		return found, fmt.Errorf("reading the Cloud Scheduler jobs of %q: %w", project, connect.Needing("cloudscheduler.jobs.list", err))
	}
	return found, nil
}
