package loadbalancer

import (
	"context"
	"slices"
	"strings"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/posture"
)

// behind are the Cloud Run services that a serverless NEG sends requests to:
// the one that it names, with or without a tag, or with a URL mask every one in
// its region. Which of them a mask picks depends on the request, and any name
// can stand for <service>, so all of them count: one IAP switch concerns them
// all. A mask without <service> picks none.
// Source: load-balancing/docs/negs/serverless-neg-concepts#url_masks.
func (c *Client) behind(ctx context.Context, neg *compute.NetworkEndpointGroup) ([]posture.Target, error) {
	l, ok := parseLink(neg.SelfLink)
	switch {
	case !ok || neg.CloudRun == nil:
		return nil, nil
	case posture.ValidService(neg.CloudRun.Service):
		return []posture.Target{{Project: l.project, Location: l.location, Service: neg.CloudRun.Service}}, nil
	case neg.CloudRun.Service == "" && strings.Contains(neg.CloudRun.UrlMask, "<service>"):
		return c.services(ctx, posture.Scope{Project: l.project, Location: l.location})
	}
	return nil, nil
}

// resolve finds the services behind every NEG of the project, and reads each
// region's list once, however many masks there are.
func (c *Client) resolve(ctx context.Context, negs []*compute.NetworkEndpointGroup) (map[link][]posture.Target, error) {
	listed := map[posture.Scope][]posture.Target{}
	once := &Client{services: func(ctx context.Context, scope posture.Scope) (found []posture.Target, err error) {
		if known, ok := listed[scope]; ok {
			return known, nil
		}
		listed[scope], err = c.services(ctx, scope)
		return listed[scope], err
	}}
	services := map[link][]posture.Target{}
	for _, neg := range negs {
		targets, err := once.behind(ctx, neg)
		if err != nil {
			return nil, err
		}
		if l, ok := parseLink(neg.SelfLink); ok && len(targets) > 0 {
			services[l] = targets
		}
	}
	return services, nil
}

// masksOf are the URL masks of the NEGs whose service depends on them.
func masksOf(negs []*compute.NetworkEndpointGroup) map[link]string {
	masks := map[link]string{}
	for _, neg := range negs {
		if l, ok := parseLink(neg.SelfLink); ok && neg.CloudRun != nil && neg.CloudRun.Service == "" {
			masks[l] = neg.CloudRun.UrlMask
		}
	}
	return masks
}

// addNew appends the elements that are missing.
func addNew(to []posture.Target, more ...posture.Target) []posture.Target {
	for _, one := range more {
		if !slices.Contains(to, one) {
			to = append(to, one)
		}
	}
	return to
}
