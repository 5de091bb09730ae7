package cloud

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/posture"
)

// together bounds how many policies are read side by side, because a URL mask can lead
// to every service of a region.
const together = 16

// Observe reads a service and everything that leads to it, in three round trips
// of calls side by side: the lists and the service itself, the backend services
// found in the lists, and who has access to these. Each source of facts has a
// method of its own, in the observe_ files.
//
// A service that does not exist is fault.ServiceGone, whichever read fails first.
func (c *Cloud) Observe(ctx context.Context, target posture.Target) (posture.Posture, error) {
	o := observation{Cloud: c}
	if err := o.readProject(ctx, target); err != nil {
		return o.p, err
	}
	if err := o.readSources(ctx); err != nil {
		return o.p, err
	}
	if err := o.readBackends(ctx); err != nil {
		return o.p, err
	}
	err := o.readAccess(ctx)
	o.p.Unread = o.unread.sorted()
	return o.p, err
}

// observation is a posture while it is read. Reads that run side by side write
// to different fields of it.
type observation struct {
	*Cloud
	p         posture.Posture
	inventory *loadbalancer.Inventory
	unread    unread
}

// readSources reads what needs nothing but the service's name. The service's own
// read is not cancelled when another one fails: a deleted service fails them
// all, and only that read shows why.
func (o *observation) readSources(ctx context.Context) error {
	var gone error
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() (err error) { gone, err = o.readService(ctx); return cmp.Or(gone, err) })
	for _, read := range []func(context.Context) error{
		o.readInvokers, o.readProjectPolicy, o.readDomains, o.readLoadBalancers,
	} {
		group.Go(func() error { return read(groupContext) })
	}
	err := group.Wait()
	return cmp.Or(gone, err)
}

// readAccess reads who has access through IAP and who may invoke what shares a
// backend service with this one.
func (o *observation) readAccess(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	attach := o.readInheritedAccess(ctx, group)
	group.Go(func() error { return o.readDirectAccess(ctx) })
	for i := range o.p.Backends {
		backend := &o.p.Backends[i]
		group.Go(func() error { return o.readBackendAccess(ctx, backend) })
		for j := range backend.Members {
			member := &backend.Members[j]
			if member.Target == o.p.Target {
				member.Invokers = o.p.Invokers
				continue
			}
			group.Go(func() error { return o.readNeighbour(ctx, member, !backend.IAPOn) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	attach()
	return nil
}
