package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	knative "google.golang.org/api/run/v1"
	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// regionLabel is where a Knative service says in which region it is.
const regionLabel = "cloud.googleapis.com/location"

// List names the services in a scope, the regional parts of multi-region services among
// them. The v2 API lists one region at a time and does not list regions; v1 takes "-" for
// all of them, which is what gcloud sends (recorded). Where the list does not reach every
// place the error is a fault.Unavailable, and the services of the other places are there.
func (c *Client) List(ctx context.Context, scope posture.Scope) ([]posture.Target, error) {
	return c.list(ctx, scope, target)
}

// Services is List with multi-region services in the place of their regional parts.
func (c *Client) Services(ctx context.Context, scope posture.Scope) ([]posture.Target, error) {
	return c.list(ctx, scope, func(project string, item *knative.Service) posture.Target {
		found := target(project, item)
		if item.Metadata.Labels[multiRegionLabel] != "" {
			found.Location = posture.Global
		}
		return found
	})
}

// list names the services in a scope as name says, each once.
func (c *Client) list(
	ctx context.Context, scope posture.Scope, name func(string, *knative.Service) posture.Target,
) ([]posture.Target, error) {
	location := scope.Location
	if location == "" {
		location = "-"
	}
	parent := "projects/" + scope.Project + "/locations/" + location
	var found []posture.Target
	var lacking []string
	seen := map[posture.Target]bool{}
	call := c.lists.List(parent).Fields("kind", "items/metadata(name,labels)", "metadata/continue", "unreachable")
	err := c.pages(ctx, call, func(page *knative.ListServicesResponse) error {
		for _, item := range page.Items {
			if one := name(scope.Project, item); !seen[one] {
				seen[one] = true
				found = append(found, one)
			}
		}
		lacking = append(lacking, page.Unreachable...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the services of %q: %w", parent, connect.Classify(err))
	}
	return found, unreached("services", parent, lacking)
}

// pages reads a list of v1 to its end.
func (c *Client) pages(
	ctx context.Context, list *knative.ProjectsLocationsServicesListCall, each func(*knative.ListServicesResponse) error,
) error {
	return connect.AllPages(ctx, continuing(func(ctx context.Context, token string) (*knative.ListServicesResponse, string, error) {
		page, err := list.Continue(token).Context(ctx).Do()
		if err != nil {
			return nil, "", err
		}
		return page, continued(page.Metadata), isList("ServiceList", page.Kind)
	}), each)
}

// isList returns an error where an answer of v1 is not the list that was asked for: an object
// without items looks like an empty list, and hides everything. Lists of services name their kind,
// those without items too (recorded).
func isList(asked, answered string) error {
	if asked == answered {
		return nil
	}
	return fault.New(fault.Unavailable, "the answer is of the kind %q, and a %s was asked for: check the endpoint and the "+
		"proxies on the way", answered, asked)
}

// continuing makes of one call of v1 what reads page after page, as the clients of other versions
// do by themselves. The call returns a page and the token of the next one, "" at the end.
func continuing[P any](
	call func(ctx context.Context, token string) (P, string, error),
) func(context.Context, func(P) error) error {
	return func(ctx context.Context, each func(P) error) error {
		for token := ""; ; {
			page, next, err := call(ctx, token)
			if err != nil {
				return err
			}
			if err := each(page); err != nil || next == "" {
				return err
			}
			token = next
		}
	}
}

// Listed reads all services of one region, by name. The list of v2 has of each what Service
// reads of one.
func (c *Client) Listed(ctx context.Context, region posture.Scope) (map[string]posture.Service, error) {
	parent := region.Name()
	found := map[string]posture.Service{}
	var lacking []string
	list := c.services.List(parent).PageSize(pageOfServices)
	err := connect.AllPages(ctx, list.Pages, func(page *run.GoogleCloudRunV2ListServicesResponse) error {
		for _, one := range page.Services {
			found[one.Name[strings.LastIndexByte(one.Name, '/')+1:]] = serviceOf(one)
		}
		lacking = append(lacking, page.Unreachable...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the services of %q: %w", parent, connect.Classify(err))
	}
	return found, unreached("services", parent, lacking)
}

// pageOfServices is how many services a page has at most. What the API answers at most is not
// documented, and it answers fewer where that is less.
const pageOfServices = 500

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

// What v1 says of a multi-region service and of its regional parts, and how to list the
// former (gcloud 528).
const (
	multiRegionLabel  = "run.googleapis.com/multi-region-id"
	regionsAnnotation = "run.googleapis.com/regions"
	multiRegionOnly   = "multiRegionOnly"
)

// MultiRegional maps the regional parts of a project's multi-region services to these.
func (c *Client) MultiRegional(ctx context.Context, project string) (map[posture.Target]posture.Target, error) {
	parent := "projects/" + project + "/locations/-"
	parts := map[posture.Target]posture.Target{}
	err := c.pages(ctx, c.lists.List(parent).FieldSelector(multiRegionOnly), func(page *knative.ListServicesResponse) error {
		for _, item := range page.Items {
			service := posture.Target{Project: project, Location: posture.Global, Service: item.Metadata.Name}
			for region := range strings.SplitSeq(item.Metadata.Annotations[regionsAnnotation], ",") {
				parts[posture.Target{Project: project, Location: region, Service: service.Service}] = service
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the multi-region services of %q: %w", project, connect.Classify(err))
	}
	return parts, nil
}

func continued(metadata *knative.ListMeta) string {
	if metadata == nil {
		return ""
	}
	return metadata.Continue
}
