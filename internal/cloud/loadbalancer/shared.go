package loadbalancer

import (
	"context"
	"maps"
	"time"

	compute "google.golang.org/api/compute/v1"

	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// keptInventories bounds how many projects' lists are kept at once: each holds all load
// balancers of its project.
const keptInventories = 24

// Shared reads the lists of a project once for looks at many of its services. It is for looks
// that write nothing: what is kept has no current versions.
type Shared struct {
	client *Client
	own    *cache.Shared[*Inventory]
	others *cache.Shared[*routing] // of projects whose URL maps use backend services of others
}

// Share returns what reads the lists of a project once within a time.
func (c *Client) Share(ttl time.Duration, now func() time.Time) (*Shared, error) {
	own, err := cache.NewShared[*Inventory](keptInventories, ttl, now)
	if err != nil {
		return nil, err
	}
	others, err := cache.NewShared[*routing](keptInventories, ttl, now)
	return &Shared{c, own, others}, err
}

// Inventory is the inventory of a project for one look.
func (s *Shared) Inventory(ctx context.Context, project string) (*Inventory, error) {
	inv, err := s.own.Get(ctx, project, func(ctx context.Context) (*Inventory, error) { return s.client.Current(ctx, project) })
	if inv == nil {
		return nil, err
	}
	view := inv.view()
	view.listed = true
	view.readRouting = func(ctx context.Context, project string) (*routing, error) {
		return s.others.Get(ctx, project, func(ctx context.Context) (*routing, error) {
			found, err := readRouting(ctx, s.client.api, project)
			return found, connect.Classify(err)
		})
	}
	return view, err
}

// Current is the inventory of a project for one look, from lists that are read from now on. Looks
// that begin while lists are read share the next ones: to decode the lists of a large project takes
// most of a look's time.
func (c *Client) Current(ctx context.Context, project string) (*Inventory, error) {
	inv, err := c.current.Get(ctx, project, func(ctx context.Context) (*Inventory, error) { return c.Inventory(ctx, project) })
	if inv == nil {
		return nil, err
	}
	return inv.view(), err
}

// view is an inventory for one look, which adds the routing of other projects.
func (inv *Inventory) view() *Inventory {
	view := *inv
	view.routing, view.unread = maps.Clone(inv.routing), maps.Clone(inv.unread)
	return &view
}

// fromList is a backend service as the list has it, nil where it has to be read.
func (inv *Inventory) fromList(l link) *compute.BackendService {
	if !inv.listed {
		return nil
	}
	return inv.uses.byLink[l]
}
