package run

import (
	"context"
	"fmt"

	knative "google.golang.org/api/run/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Domains lists the hosts that are mapped to a service. Mappings exist in v1
// only. There the global host lists them by region too (reported, *unverified*),
// while a single mapping is read from the regional host alone. A mapping that
// moves to another service counts for both. Where the list does not reach every place
// the error says so, and the mappings of the other places are there.
func (c *Client) Domains(ctx context.Context, target posture.Target) ([]posture.Domain, error) {
	parent := "projects/" + target.Project + "/locations/" + target.Location
	var found []posture.Domain
	var lacking []string
	for next := ""; ; {
		page, err := c.domains.List(parent).Continue(next).Context(ctx).Do()
		if err != nil {
			return nil, fmt.Errorf("listing the domain mappings of %q: %w",
				parent, connect.Needing("run.domainmappings.list", err))
		}
		for _, item := range page.Items {
			if leadsTo(item, target) {
				found = append(found, posture.Domain{
					Host: item.Metadata.Name, Resource: target.DomainsResource() + "/" + item.Metadata.Name,
				})
			}
		}
		lacking = append(lacking, page.Unreachable...)
		if next = continued(page.Metadata); next == "" {
			return found, unreached("domain mappings", parent, concerning(target.Location, lacking))
		}
	}
}

// leadsTo reports whether a mapping's host reaches a service, or soon will.
func leadsTo(mapping *knative.DomainMapping, target posture.Target) bool {
	if mapping.Metadata == nil {
		return false
	}
	if location := mapping.Metadata.Labels[regionLabel]; location != "" && location != target.Location {
		return false
	}
	return mapping.Spec != nil && mapping.Spec.RouteName == target.Service ||
		mapping.Status != nil && mapping.Status.MappedRouteName == target.Service
}
