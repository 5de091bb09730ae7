package cloud

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// together bounds how many policies are read side by side, because a URL mask can lead
// to every service of a region.
const together = 16

// Observe reads a service and everything that leads to it, in three round trips
// of calls side by side: the lists and the service itself, the backend services
// found in the lists with the authorization policies of their frontends, and who has
// access to these. Custom roles in their policies take a fourth. Each source of facts
// has a method of its own, in the observe_ files.
//
// A read that fails leaves its fact unread, and the posture holds all others. The
// error is then that of a fact without which nothing may be written. A service that
// does not exist is fault.ServiceGone, whatever else fails, and has no posture.
func (c *Cloud) Observe(ctx context.Context, target posture.Target) (posture.Posture, error) {
	defer connect.EndPart(ctx)
	o, ctx := observation{Cloud: c, asked: target}, c.pacing(ctx)
	o.readProject(ctx, target)
	if target.Instance {
		o.readInstance(ctx)
		return o.p, o.unread.worst
	}
	if target.Location == posture.Global {
		return o.observeRegions(ctx)
	}
	o.readSources(ctx)
	if fault.ActionOf(o.unread.worst) == fault.Gone && o.unread.worst != nil {
		return o.p, o.unread.worst
	}
	o.readBackends(ctx)
	o.readAccess(ctx)
	o.readRoles(ctx)
	o.p.Unread, o.p.APIsOff = o.unread.sorted(), o.unread.apis
	return o.p, o.unread.worst
}

// Ahead begins a reading of a service: what the last one of it asked is asked at once, and the lists
// of its project, and answers the calls of the context that is returned. Less is asked to verify what
// was written. done ends the reading, and says whether it was complete. Looks that share what they
// read begin none.
func (c *Cloud) Ahead(ctx context.Context, target posture.Target, verify bool) (reads context.Context, done func(complete bool)) {
	if c.shared.loadBalancers != nil {
		return ctx, func(bool) {}
	}
	name, like := target.Name(), ""
	if verify {
		name, like = "verify "+name, name
	}
	reads, done = c.ahead.Begin(ctx, name, like)
	if !target.Instance && !posture.ValidProjectNumber(target.Project) {
		reads = c.beginListing(reads, target.Project)
	}
	return reads, done
}

// observation is a posture while it is read. Reads that run side by side write
// to different fields of it.
type observation struct {
	*Cloud
	asked     posture.Target // the service whose look it is
	p         posture.Posture
	inventory *loadbalancer.Inventory
	unlisted  error // of the lists of load balancers
	unread    unread
	siblings  []posture.Target // the same multi-region service in its other regions
}

// readSources reads what needs nothing but the service's name.
func (o *observation) readSources(ctx context.Context) {
	var group errgroup.Group
	for _, read := range []func(context.Context){
		o.readService, o.readInvokers, o.readProjectPolicy, o.readAbove, o.readDomains, o.readLoadBalancers,
	} {
		group.Go(func() error { read(ctx); return nil })
	}
	_ = group.Wait() // what failed is noted
}

// readAccess reads who has access through IAP and who may invoke what shares a
// backend service with this one.
func (o *observation) readAccess(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(together)
	start := func(read func()) { group.Go(func() error { read(); return nil }) }
	attach, attachSettings := o.readInheritedAccess(ctx, start), o.readSettings(ctx, start)
	attachHomes := o.readHomes(ctx, start)
	start(func() { o.readDirectAccess(ctx) })
	for _, rule := range o.rulesWithIAP() {
		start(func() { o.readRuleAccess(ctx, rule) })
	}
	for i := range o.p.Backends {
		backend := &o.p.Backends[i]
		start(func() { o.readBackendAccess(ctx, backend) })
		for j := range backend.Members {
			member := &backend.Members[j]
			if member.Target == o.p.Target {
				member.Invokers = o.p.Invokers
				continue
			}
			if slices.Contains(o.siblings, member.Target) || len(backend.Frontends) == 0 {
				continue // each is observed by itself, or IAP is not switched there
			}
			start(func() { o.readNeighbour(ctx, member, !backend.IAPOn) })
		}
	}
	_ = group.Wait() // what failed is noted
	attach()
	attachSettings()
	attachHomes()
}
