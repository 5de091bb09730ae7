package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/cloud/loadbalancer"
)

// readLoadBalancers reads the lists from which it follows what leads to the
// service. A project whose Compute Engine API is off has no load balancers; package
// decide doubts that where one was seen before.
func (o *observation) readLoadBalancers(ctx context.Context) {
	var err error
	o.inventory, err = o.loadBalancers.Inventory(ctx, o.p.Target.Project)
	if o.switchedOff(computeAPI, err) {
		o.inventory, err = &loadbalancer.Inventory{}, nil
	}
	why := o.unread.needed(o.loadBalancersName(), err)
	if o.inventory == nil {
		o.p.BackendsUnread = why
	}
}

// readBackends reads the backend services that lead to the service directly,
// since writes need their current versions.
func (o *observation) readBackends(ctx context.Context) {
	if o.inventory == nil {
		return
	}
	o.p.FunctionBackends = o.inventory.FunctionBackends(o.p.Target)
	var err error
	o.p.Backends, err = o.loadBalancers.Backends(ctx, o.inventory, o.p.Target)
	o.p.BackendsUnread = o.unread.needed(o.loadBalancersName(), err)
}

// loadBalancersName names what the lists read.
func (o *observation) loadBalancersName() string {
	return "projects/" + o.p.Target.Project + "/aggregated/backendServices"
}
