package loadbalancer

import (
	"cmp"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	compute "google.golang.org/api/compute/v1"
	"google.golang.org/api/googleapi"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Inventory is one reading of a project's load balancers from lists: enough to
// find what leads where, too old to be written from.
type Inventory struct {
	services map[link][]posture.Target // serverless NEG → the services behind it
	masks    map[link]string           // serverless NEG → its URL mask, where it names no service
	backends []*compute.BackendService
	// functions are the NEGs of Cloud Functions, which lead to no service that we know.
	functions map[link]*compute.NetworkEndpointGroupCloudFunction
	routing   map[string]*routing // of this project, and of others whose URL maps use its backend services
	unread    map[string]error    // other project → why its routing cannot be read
	unrouted  string              // why the project's own routing cannot be read, "" = it was
	partial   *places             // where lists of NEGs and backend services lack some
	uses      uses

	// readRouting reads the routing of another project.
	readRouting func(ctx context.Context, project string) (*routing, error)
	// listed means that backend services are taken from the list, and not read again.
	listed bool
}

// routing is what leads from addresses to backend services in one project.
type routing struct {
	routes    []*compute.UrlMap
	proxies   map[link][]proxy            // URL map → proxies that use it
	addresses map[link][]posture.Frontend // proxy → addresses that lead to it
	partial   places                      // where lists lack some
	users     map[link][]*compute.UrlMap  // backend service → URL maps with a proxy that mention it

	certificates map[link][]string // certificate → the hosts that it is for
	pending      map[link]string   // certificate that does not serve yet → its status
	uncertified  error             // why not all are known, nil = they are
}

type proxy struct {
	link
	https        bool
	certificates []link
	elsewhere    bool // others of its certificates are in Certificate Manager
}

// Inventory reads the lists side by side. Where only the routing cannot be read, the
// inventory says so of every frontend, and the error says why.
func (c *Client) Inventory(ctx context.Context, project string) (*Inventory, error) {
	inv := &Inventory{routing: map[string]*routing{}, unread: map[string]error{}, partial: &places{}}
	inv.readRouting = func(ctx context.Context, project string) (*routing, error) { return readRouting(ctx, c.api, project) }
	var negs []*compute.NetworkEndpointGroup
	var own *routing
	var unrouted error
	if err := sideBySide(
		func() (err error) { negs, err = inv.readNEGs(ctx, c.api, project); return err },
		func() error { return inv.readBackends(ctx, c.api, project) },
		func() error { own, unrouted = readRouting(ctx, c.api, project); return nil },
	); err != nil {
		return nil, fmt.Errorf("reading the load balancers of %q: %w", project, connect.Classify(err))
	}
	if inv.routing[project] = own; unrouted != nil {
		unrouted = fmt.Errorf("reading the load balancers of %q: %w", project, connect.Classify(unrouted))
		inv.routing[project], inv.unrouted = &routing{}, unrouted.Error()
	}
	inv.functions = functionsOf(negs)
	services, err := c.resolve(ctx, negs)
	if err != nil {
		return nil, err
	}
	inv.services, inv.masks = services, masksOf(negs)
	inv.uses = inv.usesOf()
	return inv, unrouted
}

// include reads the routing of other projects too, which is optional. A project
// that cannot be read is kept with the reason; a passing failure is an error.
func (inv *Inventory) include(ctx context.Context, projects []string) error {
	found, failed := make([]*routing, len(projects)), make([]error, len(projects))
	var group errgroup.Group
	for i, project := range projects {
		group.Go(func() error {
			found[i], failed[i] = inv.readRouting(ctx, project)
			failed[i] = connect.Classify(failed[i])
			return nil
		})
	}
	_ = group.Wait() // the failures are in failed
	for i, project := range projects {
		switch {
		case failed[i] == nil:
			inv.routing[project] = found[i]
		case fault.Lasting(failed[i]):
			inv.unread[project] = fmt.Errorf("the load balancers of project %s cannot be read: %w", project, failed[i])
		default:
			return fmt.Errorf("reading the load balancers of %q: %w", project, failed[i])
		}
	}
	return nil
}

// sideBySide reads at once, and returns the error of the first read in order that failed:
// which one ends first decides nothing, or each look would give another reason. A failure
// that may pass comes before the others.
func sideBySide(reads ...func() error) error {
	failed := make([]error, len(reads))
	var group errgroup.Group
	for i, read := range reads {
		group.Go(func() error { failed[i] = read(); return nil })
	}
	_ = group.Wait() // the failures are in failed
	for _, err := range failed {
		if err != nil && !fault.Lasting(connect.Classify(err)) {
			return err
		}
	}
	return cmp.Or(failed...)
}

func readRouting(ctx context.Context, api *compute.Service, project string) (*routing, error) {
	r := &routing{proxies: map[link][]proxy{}, addresses: map[link][]posture.Frontend{}, certificates: map[link][]string{},
		pending: map[link]string{}}
	var https, http []proxyOf
	if err := sideBySide(
		func() error { return r.readRoutes(ctx, api, project) },
		func() error { return r.readAddresses(ctx, api, project) },
		func() error { r.readCertificates(ctx, api, project); return nil },
		func() (err error) { https, err = r.readHTTPSProxies(ctx, api, project); return err },
		func() (err error) { http, err = r.readHTTPProxies(ctx, api, project); return err },
	); err != nil {
		return nil, err
	}
	for _, one := range append(https, http...) {
		r.proxies[one.urlMap] = append(r.proxies[one.urlMap], one.proxy)
	}
	r.users = r.usersOf()
	return r, nil
}

// listed asks an aggregated list for some fields of its resources alone, beside what says whether it
// is complete: most of an answer is what nobody reads, such as the texts of certificates.
func listed(collection, fields string) []googleapi.Field {
	of := googleapi.Field("items/*/" + collection + "(" + fields + ")")
	return []googleapi.Field{"id", of, "items/*/warning", "nextPageToken", "unreachables"}
}

// listOf returns an error where an answer is not the aggregated list of a project that was asked for: an
// empty one would hide doors. Its id names both: recorded of backend services and forwarding rules, of
// the others *unverified*.
func listOf(project, collection, id string) error {
	return connect.About("projects/"+project+"/aggregated/"+collection, id)
}

func (inv *Inventory) readNEGs(
	ctx context.Context, api *compute.Service, project string,
) (found []*compute.NetworkEndpointGroup, err error) {
	list := api.NetworkEndpointGroups.AggregatedList(project).Fields(
		listed("networkEndpointGroups", "selfLink,cloudRun,cloudFunction")...)
	err = connect.AllPages(ctx, list.Pages, func(page *compute.NetworkEndpointGroupAggregatedList) error {
		if err := listOf(project, "networkEndpointGroups", page.Id); err != nil {
			return err
		}
		inv.partial.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			found = append(found, scope.NetworkEndpointGroups...)
			if w := scope.Warning; w != nil {
				inv.partial.warned(name, w.Code, w.Message)
			}
		}
		return nil
	})
	return found, err
}

func (inv *Inventory) readBackends(ctx context.Context, api *compute.Service, project string) error {
	list := api.BackendServices.AggregatedList(project).Fields(listed("backendServices",
		"id,name,selfLink,fingerprint,loadBalancingScheme,protocol,enableCDN,backends/group,usedBy,"+
			"iap(enabled,oauth2ClientId,oauth2ClientSecretSha256)")...)
	return connect.AllPages(ctx, list.Pages, func(page *compute.BackendServiceAggregatedList) error {
		if err := listOf(project, "backendServices", page.Id); err != nil {
			return err
		}
		inv.partial.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			inv.backends = append(inv.backends, scope.BackendServices...)
			if w := scope.Warning; w != nil {
				inv.partial.warned(name, w.Code, w.Message)
			}
		}
		return nil
	})
}

func (r *routing) readRoutes(ctx context.Context, api *compute.Service, project string) error {
	list := api.UrlMaps.AggregatedList(project).Fields(listed("urlMaps",
		"selfLink,defaultService,defaultRouteAction,hostRules,pathMatchers")...)
	return connect.AllPages(ctx, list.Pages, func(page *compute.UrlMapsAggregatedList) error {
		if err := listOf(project, "urlMaps", page.Id); err != nil {
			return err
		}
		r.partial.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			r.routes = append(r.routes, scope.UrlMaps...)
			if w := scope.Warning; w != nil {
				r.partial.warned(name, w.Code, w.Message)
			}
		}
		return nil
	})
}

func (r *routing) readAddresses(ctx context.Context, api *compute.Service, project string) error {
	list := api.ForwardingRules.AggregatedList(project).Fields(listed("forwardingRules", "selfLink,target,IPAddress")...)
	return connect.AllPages(ctx, list.Pages, func(page *compute.ForwardingRuleAggregatedList) error {
		if err := listOf(project, "forwardingRules", page.Id); err != nil {
			return err
		}
		r.partial.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			if w := scope.Warning; w != nil {
				r.partial.warned(name, w.Code, w.Message)
			}
			for _, rule := range scope.ForwardingRules {
				target, ok := parseLink(rule.Target)
				self, own := parseLink(rule.SelfLink)
				if ok && own {
					r.addresses[target] = append(r.addresses[target], posture.Frontend{Resource: self.path(), Address: rule.IPAddress})
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

func newProxyOf(selfLink, urlMap string) (proxyOf, bool) {
	self, ok := parseLink(selfLink)
	used, okMap := parseLink(urlMap)
	return proxyOf{proxy{link: self}, used}, ok && okMap
}

func (r *routing) readHTTPSProxies(
	ctx context.Context, api *compute.Service, project string,
) (found []proxyOf, err error) {
	list := api.TargetHttpsProxies.AggregatedList(project).Fields(listed("targetHttpsProxies",
		"selfLink,urlMap,certificateMap,sslCertificates")...)
	err = connect.AllPages(ctx, list.Pages, func(page *compute.TargetHttpsProxyAggregatedList) error {
		if err := listOf(project, "targetHttpsProxies", page.Id); err != nil {
			return err
		}
		r.partial.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			if w := scope.Warning; w != nil {
				r.partial.warned(name, w.Code, w.Message)
			}
			for _, one := range scope.TargetHttpsProxies {
				p, ok := newProxyOf(one.SelfLink, one.UrlMap)
				if !ok {
					continue
				}
				p.https, p.elsewhere = true, one.CertificateMap != ""
				for _, certificate := range one.SslCertificates {
					if l, ok := parseLink(certificate); ok {
						p.certificates = append(p.certificates, l)
					} else {
						p.elsewhere = true
					}
				}
				found = append(found, p)
			}
		}
		return nil
	})
	return found, err
}

func (r *routing) readHTTPProxies(
	ctx context.Context, api *compute.Service, project string,
) (found []proxyOf, err error) {
	list := api.TargetHttpProxies.AggregatedList(project).Fields(listed("targetHttpProxies", "selfLink,urlMap")...)
	err = connect.AllPages(ctx, list.Pages, func(page *compute.TargetHttpProxyAggregatedList) error {
		if err := listOf(project, "targetHttpProxies", page.Id); err != nil {
			return err
		}
		r.partial.unreachable(page.Unreachables)
		for name, scope := range page.Items {
			if w := scope.Warning; w != nil {
				r.partial.warned(name, w.Code, w.Message)
			}
			for _, one := range scope.TargetHttpProxies {
				if p, ok := newProxyOf(one.SelfLink, one.UrlMap); ok {
					found = append(found, p)
				}
			}
		}
		return nil
	})
	return found, err
}
