package run

import (
	"context"
	"fmt"

	knative "google.golang.org/api/run/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// regionLabel is where a Knative service says in which region it is.
const regionLabel = "cloud.googleapis.com/location"

// List names the services in a scope. The v2 API lists one region at a time
// and does not list regions; v1 takes "-" for all of them, which is what
// gcloud sends (recorded).
func (c *Client) List(ctx context.Context, scope posture.Scope) ([]posture.Target, error) {
	location := scope.Location
	if location == "" {
		location = "-"
	}
	parent := "projects/" + scope.Project + "/locations/" + location
	var found []posture.Target
	for next := ""; ; {
		page, err := c.lists.List(parent).Continue(next).Context(ctx).Do()
		if err != nil {
			return nil, fmt.Errorf("listing the services of %q: %w", parent, connect.Classify(err))
		}
		for _, item := range page.Items {
			found = append(found, target(scope.Project, item))
		}
		if next = continued(page.Metadata); next == "" {
			return found, nil
		}
	}
}

func target(project string, item *knative.Service) posture.Target {
	return posture.Target{Project: project, Location: item.Metadata.Labels[regionLabel], Service: item.Metadata.Name}
}

func continued(metadata *knative.ListMeta) string {
	if metadata == nil {
		return ""
	}
	return metadata.Continue
}
