package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	knative "google.golang.org/api/run/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// regionLabel is where a Knative service says in which region it is.
const regionLabel = "cloud.googleapis.com/location"

// List names the services in a scope. The v2 API lists one region at a time
// and does not list regions; v1 takes "-" for all of them, which is what
// gcloud sends (recorded). Where the list does not reach every place the error is a
// fault.Unavailable, and the services of the other places are there.
func (c *Client) List(ctx context.Context, scope posture.Scope) ([]posture.Target, error) {
	location := scope.Location
	if location == "" {
		location = "-"
	}
	parent := "projects/" + scope.Project + "/locations/" + location
	var found []posture.Target
	var lacking []string
	for next := ""; ; {
		page, err := c.lists.List(parent).Continue(next).Context(ctx).Do()
		if err != nil {
			return nil, fmt.Errorf("listing the services of %q: %w", parent, connect.Classify(err))
		}
		for _, item := range page.Items {
			found = append(found, target(scope.Project, item))
		}
		lacking = append(lacking, page.Unreachable...)
		if next = continued(page.Metadata); next == "" {
			return found, unreached("services", parent, lacking)
		}
	}
}

// unreached is the error of a list that did not reach some places, nil where there
// are none.
func unreached(what, parent string, places []string) error {
	if len(places) == 0 {
		return nil
	}
	slices.Sort(places)
	return fault.New(fault.Unavailable, "the list of the %s of %q lacks %s: it could not be reached", what, parent,
		posture.Shown(strings.Join(slices.Compact(places), ", ")))
}

// concerning are the places that a list could not reach and that are, or may be, a
// location.
func concerning(location string, places []string) []string {
	return slices.DeleteFunc(places, func(place string) bool {
		last := place[strings.LastIndexByte(place, '/')+1:]
		return posture.ValidLocation(last) && last != location
	})
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
