package cloud

import "context"

// readLoadBalancers reads the lists from which it follows what leads to the
// service.
func (o *observation) readLoadBalancers(ctx context.Context) (err error) {
	o.inventory, err = o.loadBalancers.Inventory(ctx, o.p.Target.Project)
	return err
}

// readBackends reads the backend services that lead to the service directly,
// since writes need their current versions.
func (o *observation) readBackends(ctx context.Context) (err error) {
	o.p.Backends, err = o.loadBalancers.Backends(ctx, o.inventory, o.p.Target)
	return err
}
