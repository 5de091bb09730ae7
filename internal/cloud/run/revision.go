package run

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// toLatest is the traffic target that follows the latest ready revision.
const toLatest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"

// Rollout reads which revisions a service has. The two that matter most are
// read directly, since a list may not show yet what was made a moment ago.
func (c *Client) Rollout(ctx context.Context, target posture.Target) (posture.Rollout, error) {
	service, err := c.get(ctx, target)
	if err != nil {
		return posture.Rollout{}, err
	}
	found := posture.Rollout{OnLatest: onLatest(service)}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { found.Serving, err = c.revision(ctx, service.LatestReadyRevision); return err })
	group.Go(func() (err error) { found.Newest, err = c.revision(ctx, service.LatestCreatedRevision); return err })
	group.Go(func() error {
		// A service has at most 1000 revisions. Source: run/quotas.
		list := c.services.Revisions.List(target.Name()).PageSize(1000)
		err := list.Pages(ctx, func(page *run.GoogleCloudRunV2ListRevisionsResponse) error {
			for _, one := range page.Revisions {
				found.Recent = append(found.Recent, revisionOf(one))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("listing the revisions of %q: %w", target.Service, connect.Classify(err))
		}
		return nil
	})
	err = group.Wait()
	return found, err
}

// onLatest is true while every request goes to the latest ready revision.
func onLatest(service *run.GoogleCloudRunV2Service) bool {
	percent := int64(0)
	for _, target := range service.TrafficStatuses {
		if target.Percent > 0 && target.Type != toLatest {
			return false
		}
		percent += target.Percent
	}
	return percent > 0
}

// revision reads one revision by its full name, "" for none.
func (c *Client) revision(ctx context.Context, name string) (posture.Revision, error) {
	if name == "" {
		return posture.Revision{}, nil
	}
	found, err := c.services.Revisions.Get(name).Context(ctx).Do()
	if err == nil {
		err = connect.About(name, found.Name)
	}
	if err != nil {
		return posture.Revision{}, fmt.Errorf("reading revision %q: %w", name, connect.Classify(err))
	}
	return revisionOf(found), nil
}

func revisionOf(found *run.GoogleCloudRunV2Revision) posture.Revision {
	return posture.Revision{
		Name:    found.Name[strings.LastIndexByte(found.Name, '/')+1:],
		Creator: found.Creator, CreatedAt: parseTime(found.CreateTime),
	}
}
