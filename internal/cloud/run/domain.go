package run

import (
	"context"
	"fmt"
	"slices"

	knative "google.golang.org/api/run/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Mappings are the hosts that are mapped to the services of a region.
type Mappings struct {
	parent  string
	items   []*knative.DomainMapping
	lacking []string // places that the list did not reach
}

// Mappings lists the hosts that are mapped to the services of a region. Mappings exist in v1
// only. There the global host lists them by region too (reported, *unverified*),
// while a single mapping is read from the regional host alone.
func (c *Client) Mappings(ctx context.Context, region posture.Scope) (*Mappings, error) {
	parent := region.Name()
	found := &Mappings{parent: parent}
	err := connect.AllPages(ctx, continuing(func(ctx context.Context, token string) (*knative.ListDomainMappingsResponse, string, error) {
		page, err := c.domains.List(parent).Continue(token).Fields(
			"kind", "items(metadata(name,labels),spec/routeName,status/mappedRouteName)", "metadata/continue", "unreachable").
			Context(ctx).Do()
		if err != nil {
			return nil, "", err
		}
		if page.Kind == "" { // that Google names it here too is unverified
			return page, continued(page.Metadata), nil
		}
		return page, continued(page.Metadata), isList("DomainMappingList", page.Kind)
	}), func(page *knative.ListDomainMappingsResponse) error {
		found.items, found.lacking = append(found.items, page.Items...), append(found.lacking, page.Unreachable...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the domain mappings of %q: %w", parent, connect.Needing("run.domainmappings.list", err))
	}
	return found, nil
}

// To returns the hosts that are mapped to one service. A mapping that moves to another service
// counts for both. Where the list did not reach every place the error says so, and the mappings
// of the other places are there.
func (m *Mappings) To(target posture.Target) ([]posture.Domain, error) {
	var found []posture.Domain
	for _, item := range m.items {
		if leadsTo(item, target) {
			found = append(found, posture.Domain{
				Host: item.Metadata.Name, Resource: target.DomainsResource() + "/" + item.Metadata.Name,
			})
		}
	}
	return found, unreached("domain mappings", m.parent, concerning(target.Location, slices.Clone(m.lacking)))
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
