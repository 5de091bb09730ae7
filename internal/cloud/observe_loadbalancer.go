package cloud

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/posture"
)

// readLoadBalancers reads the lists from which it follows what leads to the
// service.
func (o *observation) readLoadBalancers(ctx context.Context) {
	o.inventory, o.unlisted = o.Cloud.inventory(ctx, o.p.Target.Project)
}

// readBackends reads the backend services that lead to the service directly,
// since writes need their current versions. A project whose Compute Engine API is off
// has no load balancers, unless the service bears traces of one.
func (o *observation) readBackends(ctx context.Context) {
	if o.switchedOff(computeAPI, o.unlisted) && !o.bearsTraces() {
		return
	}
	why := o.unread.needed(o.loadBalancersName(), o.unlisted)
	if o.inventory == nil {
		o.p.BackendsUnread = why
		return
	}
	o.p.FunctionBackends = o.inventory.FunctionBackends(o.p.Target)
	policies := &authorization{observation: o}
	var group errgroup.Group
	group.Go(func() error { policies.list(ctx, o.inventory.RulePlaces(o.p.Target)); return nil })
	var err error
	o.p.Backends, err = o.loadBalancers.Backends(ctx, o.inventory, o.p.Target)
	_ = group.Wait() // what failed is kept
	for project, why := range o.inventory.Unread() {
		o.unread.note("projects/"+project+"/aggregated/urlMaps", why)
	}
	o.p.BackendsUnread = o.unread.needed(o.loadBalancersName(), err)
	policies.attach(ctx)
	o.noteNames()
}

// noteNames notes that the certificates could not be read, where a door would show what
// they are for, or the ingress is still open: whether they serve is not known then, and no
// step waits for it.
func (o *observation) noteNames() {
	open := o.p.Service.Ingress == posture.IngressAll
	for _, backend := range o.p.Backends {
		if slices.ContainsFunc(backend.Frontends, func(f posture.Frontend) bool { return f.HTTPS && (open || f.TakesAny("")) }) {
			o.unread.note("projects/"+o.p.Target.Project+"/aggregated/sslCertificates", o.inventory.Unnamed(o.p.Target.Project))
			return
		}
	}
}

// bearsTraces reports whether the service looks like one that a load balancer leads to,
// or may: switching the API off hides what was there, and it may go on serving.
func (o *observation) bearsTraces() bool {
	service := o.p.Service
	return o.p.ServiceUnread != "" || o.p.Invokers.Unread != "" || service.DefaultURLDisabled ||
		service.Ingress == posture.IngressInternalLoadBalancing || o.p.Invokers.Names(o.p.Agent())
}

// loadBalancersName names what the lists read.
func (o *observation) loadBalancersName() string {
	return "projects/" + o.p.Target.Project + "/aggregated/backendServices"
}
