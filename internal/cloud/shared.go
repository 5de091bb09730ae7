package cloud

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/eventarc"
	"github.com/iapguard/iapguard/internal/cloud/iap"
	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/cloud/networksecurity"
	"github.com/iapguard/iapguard/internal/cloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// sharedFor is how long looks share what one of them read. An older list says nothing of now.
	sharedFor = time.Minute
	// keptPlaces bounds how many projects' or regions' lists are kept, and keptShared how many
	// facts of single resources.
	keptPlaces = 256
	keptShared = 8192
)

// shared is what looks at many services read once for all of them: the lists of their projects
// and regions, and what several of them inherit. The zero value shares nothing, and each look
// reads for itself.
//
// Everything in it but the inventory was read from the APIs that own it, within sharedFor. Nothing is
// written by it: lists may lag behind a write, and a look that writes reads directly.
type shared struct {
	since         time.Time // nothing shared was read before; zero = the looks say when they began
	loadBalancers *loadbalancer.Shared
	services      *cache.Shared[map[string]posture.Service] // by region: the services of it, by name
	domains       *cache.Shared[*run.Mappings]              // by region
	projects      *cache.Shared[resourcemanager.Project]    // by id or number
	policies      *cache.Shared[posture.Policy]             // IAM policies of projects
	invokers      *cache.Shared[posture.Policy]             // IAM policies of services
	access        *cache.Shared[posture.Policy]             // IAP's policies, by resource
	settings      *cache.Shared[iap.Settings]               // of IAP, by resource
	authorization *cache.Shared[[]networksecurity.ToIAP]    // by place
	roles         *cache.Shared[posture.Role]               // by name
	callers       *cache.Shared[[]caller.Caller]            // by project and kind
	triggers      *cache.Shared[eventarc.Triggers]          // by project
	inventory     *inventory                                // nil = it is not used
}

// Shared returns a cloud whose looks share what they read, for audits of many services. It
// writes nothing.
func (c *Cloud) Shared() (*Cloud, error) {
	many := *c
	var err error
	for _, made := range []func() error{
		func() error { many.shared.loadBalancers, err = c.loadBalancers.Share(sharedFor, c.now); return err },
		func() error {
			many.shared.services, err = sharing[map[string]posture.Service](c, keptPlaces)
			return err
		},
		func() error { many.shared.domains, err = sharing[*run.Mappings](c, keptPlaces); return err },
		func() error { many.shared.projects, err = sharing[resourcemanager.Project](c, keptShared); return err },
		func() error { many.shared.policies, err = sharing[posture.Policy](c, keptShared); return err },
		func() error { many.shared.invokers, err = sharing[posture.Policy](c, keptShared); return err },
		func() error { many.shared.access, err = sharing[posture.Policy](c, keptShared); return err },
		func() error { many.shared.settings, err = sharing[iap.Settings](c, keptShared); return err },
		func() error {
			many.shared.authorization, err = sharing[[]networksecurity.ToIAP](c, keptPlaces)
			return err
		},
		func() error { many.shared.roles, err = sharing[posture.Role](c, keptShared); return err },
		func() error { many.shared.callers, err = sharing[[]caller.Caller](c, keptPlaces); return err },
		func() error { many.shared.triggers, err = sharing[eventarc.Triggers](c, keptPlaces); return err },
	} {
		if err := made(); err != nil {
			return nil, err
		}
	}
	return &many, nil
}

// pacing is a context for calls that wait for quotas, where looks share what they read.
func (c *Cloud) pacing(ctx context.Context) context.Context {
	if c.shared.loadBalancers == nil {
		return ctx
	}
	return connect.Paced(ctx)
}

func sharing[V any](c *Cloud, size int) (*cache.Shared[V], error) {
	return cache.NewShared[V](size, sharedFor, c.now)
}

// inventory reads the lists of load balancers of a project.
func (c *Cloud) inventory(ctx context.Context, project string) (*loadbalancer.Inventory, error) {
	if c.shared.loadBalancers != nil {
		return c.shared.loadBalancers.Inventory(ctx, project)
	}
	if begun, _ := ctx.Value(listingKey{}).(*listing); begun.take(project) {
		select {
		case <-begun.done:
			if begun.err == nil || fault.Lasting(begun.err) {
				return begun.inventory, begun.err
			}
		case <-ctx.Done():
		}
	}
	return c.loadBalancers.Current(connect.Apart(ctx), project) // also where what was begun met an error that passes
}

// listing is the inventory of a look's project while it is read, for the first that asks for it.
type listing struct {
	project   string
	taken     atomic.Bool
	done      chan struct{}
	inventory *loadbalancer.Inventory
	err       error
}

type listingKey struct{}

// beginListing begins to read the lists of load balancers of a project, which is named by its id.
func (c *Cloud) beginListing(ctx context.Context, project string) context.Context {
	begun := &listing{project: project, done: make(chan struct{})}
	go func() {
		defer close(begun.done)
		begun.inventory, begun.err = c.loadBalancers.Current(connect.Apart(ctx), project)
	}()
	return context.WithValue(ctx, listingKey{}, begun)
}

// take reports whether the inventory is that of a project and nobody took it before.
func (l *listing) take(project string) bool {
	return l != nil && l.project == project && l.taken.CompareAndSwap(false, true)
}

// service reads one service: from the list of its region, where that is shared and has it. Only
// the service's own 404 says that there is none.
func (c *Cloud) service(ctx context.Context, target posture.Target) (posture.Service, error) {
	if c.shared.services != nil && target.Location != posture.Global {
		region := posture.Scope{Project: target.Project, Location: target.Location}
		listed, err := c.shared.services.Get(ctx, region.Name(), func(ctx context.Context) (map[string]posture.Service, error) {
			return c.run.Listed(ctx, region)
		})
		if found, ok := listed[target.Service]; ok && err == nil {
			return found, nil
		}
	}
	return c.run.Service(ctx, target)
}

// invokers reads who may invoke a service by its own policy.
func (c *Cloud) invokers(ctx context.Context, target posture.Target) (posture.Policy, error) {
	return c.shared.invokers.Get(ctx, target.Name(), func(ctx context.Context) (posture.Policy, error) {
		return c.run.Policy(ctx, target)
	})
}

// domains reads the hosts that Cloud Run itself leads to a service.
func (c *Cloud) domains(ctx context.Context, target posture.Target) ([]posture.Domain, error) {
	region := posture.Scope{Project: target.Project, Location: target.Location}
	mappings, err := c.shared.domains.Get(ctx, region.Name(), func(ctx context.Context) (*run.Mappings, error) {
		return c.run.Mappings(ctx, region)
	})
	if err != nil {
		return nil, err
	}
	return mappings.To(target)
}

// project reads the names of a project.
func (c *Cloud) project(ctx context.Context, idOrNumber string) (resourcemanager.Project, error) {
	return c.shared.projects.Get(ctx, idOrNumber, func(ctx context.Context) (resourcemanager.Project, error) {
		return c.projects.Project(ctx, idOrNumber)
	})
}

// projectPolicy reads the IAM policy of a project.
func (c *Cloud) projectPolicy(ctx context.Context, project string) (posture.Policy, error) {
	return c.shared.policies.Get(ctx, project, func(ctx context.Context) (posture.Policy, error) {
		return c.projects.Policy(ctx, project)
	})
}

// accessPolicy reads one policy of IAP.
func (c *Cloud) accessPolicy(ctx context.Context, resource string) (posture.Policy, error) {
	return c.shared.access.Get(ctx, resource, func(ctx context.Context) (posture.Policy, error) {
		return c.iap.Policy(ctx, resource)
	})
}

// iapSettings reads IAP's settings of one resource.
func (c *Cloud) iapSettings(ctx context.Context, resource string) (iap.Settings, error) {
	return c.shared.settings.Get(ctx, resource, func(ctx context.Context) (iap.Settings, error) {
		return c.iap.Settings(ctx, resource)
	})
}

// delegatingToIAP reads the authorization policies of one place that delegate to IAP.
func (c *Cloud) delegatingToIAP(ctx context.Context, at loadbalancer.Place) ([]networksecurity.ToIAP, error) {
	return c.shared.authorization.Get(ctx, at.Project+"/"+at.Location, func(ctx context.Context) ([]networksecurity.ToIAP, error) {
		return c.policies.DelegatingToIAP(ctx, at.Project, at.Location)
	})
}
