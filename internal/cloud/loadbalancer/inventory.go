package loadbalancer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Inventory is one reading of a project's load balancers from lists: enough to
// find what leads where, too old to be written from.
type Inventory struct {
	services  map[link]posture.Target // serverless NEG → the service behind it
	backends  []*compute.BackendService
	routes    []*compute.UrlMap
	proxies   map[link][]proxy            // URL map → proxies that use it
	addresses map[link][]posture.Frontend // proxy → addresses that lead to it
}

type proxy struct {
	link
	https bool
}

// Inventory reads the lists side by side.
func (c *Client) Inventory(ctx context.Context, project string) (*Inventory, error) {
	inv := &Inventory{services: map[link]posture.Target{}, proxies: map[link][]proxy{}, addresses: map[link][]posture.Frontend{}}
	group, ctx := errgroup.WithContext(ctx)
	var https, http []proxyOf
	group.Go(func() error { return inv.readNEGs(ctx, c.api, project) })
	group.Go(func() error { return inv.readBackends(ctx, c.api, project) })
	group.Go(func() error { return inv.readRoutes(ctx, c.api, project) })
	group.Go(func() error { return inv.readAddresses(ctx, c.api, project) })
	group.Go(func() (err error) { https, err = readHTTPSProxies(ctx, c.api, project); return err })
	group.Go(func() (err error) { http, err = readHTTPProxies(ctx, c.api, project); return err })
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("reading the load balancers of %q: %w", project, connect.Classify(err))
	}
	for _, one := range append(https, http...) {
		inv.proxies[one.urlMap] = append(inv.proxies[one.urlMap], one.proxy)
	}
	return inv, nil
}

func (inv *Inventory) readNEGs(ctx context.Context, api *compute.Service, project string) error {
	return api.NetworkEndpointGroups.AggregatedList(project).Pages(ctx, func(page *compute.NetworkEndpointGroupAggregatedList) error {
		for _, scope := range page.Items {
			for _, neg := range scope.NetworkEndpointGroups {
				if target, ok := behind(neg); ok {
					l, _ := parseLink(neg.SelfLink)
					inv.services[l] = target
				}
			}
		}
		return nil
	})
}

func (inv *Inventory) readBackends(ctx context.Context, api *compute.Service, project string) error {
	return api.BackendServices.AggregatedList(project).Pages(ctx, func(page *compute.BackendServiceAggregatedList) error {
		for _, scope := range page.Items {
			inv.backends = append(inv.backends, scope.BackendServices...)
		}
		return nil
	})
}

func (inv *Inventory) readRoutes(ctx context.Context, api *compute.Service, project string) error {
	return api.UrlMaps.AggregatedList(project).Pages(ctx, func(page *compute.UrlMapsAggregatedList) error {
		for _, scope := range page.Items {
			inv.routes = append(inv.routes, scope.UrlMaps...)
		}
		return nil
	})
}

func (inv *Inventory) readAddresses(ctx context.Context, api *compute.Service, project string) error {
	return api.ForwardingRules.AggregatedList(project).Pages(ctx, func(page *compute.ForwardingRuleAggregatedList) error {
		for _, scope := range page.Items {
			for _, rule := range scope.ForwardingRules {
				target, ok := parseLink(rule.Target)
				self, own := parseLink(rule.SelfLink)
				if ok && own {
					inv.addresses[target] = append(inv.addresses[target], posture.Frontend{Resource: self.path(), Address: rule.IPAddress})
				}
			}
		}
		return nil
	})
}

// proxyOf is a proxy with the URL map that it uses.
type proxyOf struct {
	proxy
	urlMap link
}

func newProxyOf(selfLink, urlMap string, https bool) (proxyOf, bool) {
	self, ok := parseLink(selfLink)
	used, okMap := parseLink(urlMap)
	return proxyOf{proxy{self, https}, used}, ok && okMap
}

func readHTTPSProxies(ctx context.Context, api *compute.Service, project string) (found []proxyOf, err error) {
	err = api.TargetHttpsProxies.AggregatedList(project).Pages(ctx, func(page *compute.TargetHttpsProxyAggregatedList) error {
		for _, scope := range page.Items {
			for _, one := range scope.TargetHttpsProxies {
				if p, ok := newProxyOf(one.SelfLink, one.UrlMap, true); ok {
					found = append(found, p)
				}
			}
		}
		return nil
	})
	return found, err
}

func readHTTPProxies(ctx context.Context, api *compute.Service, project string) (found []proxyOf, err error) {
	err = api.TargetHttpProxies.AggregatedList(project).Pages(ctx, func(page *compute.TargetHttpProxyAggregatedList) error {
		for _, scope := range page.Items {
			for _, one := range scope.TargetHttpProxies {
				if p, ok := newProxyOf(one.SelfLink, one.UrlMap, false); ok {
					found = append(found, p)
				}
			}
		}
		return nil
	})
	return found, err
}

// leadingTo lists the backend services with a NEG of the service.
func (inv *Inventory) leadingTo(target posture.Target) []link {
	var found []link
	for _, backend := range inv.backends {
		if slices.Contains(inv.members(backend), target) {
			if l, ok := parseLink(backend.SelfLink); ok {
				found = append(found, l)
			}
		}
	}
	slices.SortFunc(found, func(a, b link) int { return strings.Compare(a.path(), b.path()) })
	return found
}

// members are the Cloud Run services behind a backend service.
func (inv *Inventory) members(backend *compute.BackendService) []posture.Target {
	var members []posture.Target
	for _, group := range backend.Backends {
		if l, ok := parseLink(group.Group); ok {
			if target, ok := inv.services[l]; ok && !slices.Contains(members, target) {
				members = append(members, target)
			}
		}
	}
	return members
}

// frontends are the addresses from which requests come to a backend service.
func (inv *Inventory) frontends(backend link) []posture.Frontend {
	var found []posture.Frontend
	for _, urlMap := range inv.routes {
		hosts, uses := hostsFor(urlMap, backend)
		l, ok := parseLink(urlMap.SelfLink)
		if !uses || !ok {
			continue
		}
		for _, proxy := range inv.proxies[l] {
			for _, frontend := range inv.addresses[proxy.link] {
				frontend.Hosts, frontend.HTTPS = hosts, proxy.https
				found = append(found, frontend)
			}
		}
	}
	slices.SortFunc(found, func(a, b posture.Frontend) int { return strings.Compare(a.Resource, b.Resource) })
	return found
}
