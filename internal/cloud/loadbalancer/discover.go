package loadbalancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Backends reads the backend services that can send requests to a service:
// which ones from the inventory, each of them directly, unless the inventory says that its
// lists are new enough. Their policies are not filled in. Where some cannot be read, the error says why, and the others are there.
func (c *Client) Backends(ctx context.Context, inv *Inventory, target posture.Target) ([]posture.Backend, error) {
	links := inv.leadingTo(target)
	read, failed := make([]*compute.BackendService, len(links)), make([]error, len(links))
	var group errgroup.Group
	for i, l := range links {
		group.Go(func() error {
			if read[i] = inv.fromList(l); read[i] != nil {
				return nil
			}
			read[i], failed[i] = c.backendService(ctx, l)
			if errors.Is(failed[i], errMissing) {
				read[i], failed[i] = nil, inv.stillLeadsTo(l)
			}
			return nil
		})
	}
	_ = group.Wait() // the failures are in failed
	err := cmp.Or(append(failed, inv.partial.of("NEGs or backend services", target.Location), inv.includeUsers(ctx, read))...)
	var found []posture.Backend
	for i, l := range links {
		if read[i] != nil {
			found = append(found, inv.backend(l, read[i], target))
		}
	}
	return slices.DeleteFunc(found, func(b posture.Backend) bool {
		return !slices.ContainsFunc(b.Members, func(m posture.Member) bool { return m.Target == target })
	}), err
}

// stillLeadsTo is the error of a backend service that the API does not find although a
// frontend leads to it: Compute Engine deletes no backend service that a URL map uses,
// so what was read is not of one time. The URL maps of other projects are known from the
// list alone. The error is nil of a backend service that was deleted since the list was made.
func (inv *Inventory) stillLeadsTo(l link) error {
	leads := slices.ContainsFunc(inv.backends, func(listed *compute.BackendService) bool {
		at, ok := parseLink(listed.SelfLink)
		return ok && at == l && slices.ContainsFunc(users(listed), func(user link) bool { return inv.routing[user.project] == nil })
	})
	for _, routing := range inv.routing {
		leads = leads || len(routing.frontends(l, masks{})) > 0
	}
	if leads {
		return fault.New(fault.Unavailable, "%s is not found, and a URL map leads to it", l.path())
	}
	return nil
}

// backend is a backend service, with the frontends from which requests come to a service.
func (inv *Inventory) backend(l link, from *compute.BackendService, target posture.Target) posture.Backend {
	backend := posture.Backend{
		Project: l.project, Location: l.location, Name: from.Name, ID: strconv.FormatUint(from.Id, 10),
		Version: from.Fingerprint, Scheme: from.LoadBalancingScheme, Protocol: from.Protocol,
		IAPOn: from.Iap != nil && from.Iap.Enabled, CDNOn: from.EnableCDN, OAuthClient: oauthClient(from.Iap),
		Frontends: inv.frontends(l, from, inv.masksFor(from, target)),
	}
	selectable := inv.selectable(l, from)
	for _, member := range inv.members(from) {
		if member == target || selectable(member) {
			backend.Members = append(backend.Members, posture.Member{Target: member})
		}
	}
	return backend
}

// emptySecret is the SHA-256 of nothing, as the API answers a secret that was
// never set (recorded).
const emptySecret = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// oauthClient is the id of a backend service's OAuth client. A lone space (which
// Terraform's provider writes) is not a client, nor is an id without a secret.
func oauthClient(iap *compute.BackendServiceIAP) string {
	if iap == nil || iap.Oauth2ClientSecretSha256 == "" || iap.Oauth2ClientSecretSha256 == emptySecret {
		return ""
	}
	return strings.TrimSpace(iap.Oauth2ClientId)
}

// Behind returns the Cloud Run services to which requests come through a
// resource: a NEG, backend service, URL map, target proxy or forwarding rule.
// Everything is read directly, since lists may not show yet what was made a
// moment ago. A resource whose direct read is a 404 leads nowhere; any other 404
// is an error. Before a NEG that may lead to services of a project is read, mayLead is
// called with the project.
func (c *Client) Behind(ctx context.Context, resource string, mayLead func(project string)) ([]posture.Target, error) {
	l, ok := parseLink(resource)
	if !ok {
		return nil, fault.New(fault.Invalid, "resolving %q: it does not name a resource of a load balancer", resource)
	}
	walk := &walk{client: c, mayLead: mayLead, seen: map[link]bool{}}
	if err := walk.from(ctx, l); err != nil {
		return nil, err
	}
	return walk.found, nil
}

// walk follows references downwards, each resource once.
type walk struct {
	client  *Client
	mayLead func(project string)
	seen    map[link]bool
	found   []posture.Target
}

func (w *walk) from(ctx context.Context, l link) error {
	if w.seen[l] {
		return nil
	}
	w.seen[l] = true
	next, err := w.step(ctx, l)
	if err != nil {
		if errors.Is(err, errMissing) {
			return nil
		}
		return err
	}
	for _, reference := range next {
		if below, ok := parseLink(reference); ok {
			if err := w.from(ctx, below); err != nil {
				return err
			}
		}
	}
	return nil
}

// step reads one resource and gives what it refers to.
func (w *walk) step(ctx context.Context, l link) ([]string, error) {
	switch l.collection {
	case "networkEndpointGroups":
		if l.location != posture.Global { // a serverless one is in a region
			w.mayLead(l.project)
		}
		neg, err := w.client.neg(ctx, l)
		if err != nil {
			return nil, err
		}
		targets, err := w.client.behind(ctx, neg)
		w.found = addNew(w.found, targets...)
		return nil, err
	case "backendServices":
		backend, err := w.client.backendNamed(ctx, l)
		if err != nil {
			return nil, err
		}
		var groups []string
		for _, one := range backend.Backends {
			groups = append(groups, one.Group)
		}
		return groups, nil
	}
	return w.client.routing(ctx, l)
}

// backendNamed reads a backend service by its name or by its numeric id, which
// is how IAP's audit entries name it (recorded). That get takes ids is
// *unverified*, so an id is looked for in a list first.
func (c *Client) backendNamed(ctx context.Context, l link) (*compute.BackendService, error) {
	if !posture.ValidComputeID(l.name) {
		return c.backendService(ctx, l)
	}
	var found *compute.BackendService
	list := c.api.BackendServices.AggregatedList(l.project).Fields(listed("backendServices", "id,backends/group")...)
	err := connect.AllPages(ctx, list.Pages, func(page *compute.BackendServiceAggregatedList) error {
		if err := listOf(l.project, "backendServices", page.Id); err != nil {
			return err
		}
		for _, scope := range page.Items {
			for _, backend := range scope.BackendServices {
				if strconv.FormatUint(backend.Id, 10) == l.name {
					found = backend
				}
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking for backend service %s: %w", l.name, connect.Classify(err))
	case found == nil: // made a moment ago, and not in the list yet
		return c.backendService(ctx, l)
	}
	return found, nil
}
