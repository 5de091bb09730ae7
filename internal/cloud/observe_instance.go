package cloud

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
)

// readInstance reads a Cloud Run instance, which has the guards of a service with direct
// IAP: the instance and who may invoke it, then who has access through IAP. That no
// domain is mapped to an instance, and no NEG names one, is *unverified*.
func (o *observation) readInstance(ctx context.Context) {
	var group errgroup.Group
	group.Go(func() error {
		found, err := o.run.Instance(ctx, o.p.Target)
		o.p.Service, o.p.ServiceUnread = found, o.unread.needed(o.p.Target.Name(), err)
		return nil
	})
	group.Go(func() error {
		policy, err := o.run.InstancePolicy(ctx, o.p.Target)
		policy.Unread = o.unread.needed(o.p.Target.Name(), err)
		o.p.Invokers = policy
		return nil
	})
	group.Go(func() error { o.readProjectPolicy(ctx); return nil })
	group.Go(func() error { o.readAbove(ctx); return nil })
	_ = group.Wait() // what failed is noted
	if fault.ActionOf(o.unread.worst) == fault.Gone && o.unread.worst != nil {
		return
	}
	if o.p.Service.IAPOn {
		o.readAccess(ctx)
	}
	o.readRoles(ctx)
	o.p.Unread, o.p.APIsOff = o.unread.sorted(), o.unread.apis
}
