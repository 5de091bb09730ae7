package cloud

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

func (o *observation) readBackendAccess(ctx context.Context, backend *posture.Backend) (err error) {
	backend.Access, err = o.iap.Policy(ctx, backend.AccessResource(o.p.ProjectNumber))
	return err
}

// readDirectAccess reads who has access through IAP at the service itself. A 404
// is the fact that there is no policy while IAP is off there, and an unread fact
// while it is on.
func (o *observation) readDirectAccess(ctx context.Context) (err error) {
	resource := o.p.Target.AccessResource(o.p.ProjectNumber)
	if o.p.DirectAccess, err = o.iap.Policy(ctx, resource); fault.Of(err).Kind != fault.NotFound {
		return err
	}
	if o.p.Service.IAPOn {
		o.unread.note(resource, err)
	}
	return nil
}

// readInheritedAccess starts to read the policies of IAP above the service and
// its backend services, each once. They are optional: they can only show more
// accessors than are known without them. attach puts them in their places when
// the group is done.
func (o *observation) readInheritedAccess(ctx context.Context, group *errgroup.Group) (attach func()) {
	found := map[string]*posture.Policy{}
	parents := o.p.Target.AccessParents(o.p.ProjectNumber)
	for _, backend := range o.p.Backends {
		parents = append(parents, backend.AccessParents(o.p.ProjectNumber)...)
	}
	for _, parent := range parents {
		if found[parent] != nil {
			continue
		}
		policy := &posture.Policy{}
		found[parent] = policy
		group.Go(func() (err error) {
			*policy, err = o.iap.Policy(ctx, parent)
			return o.unread.optional(parent, err)
		})
	}
	inherited := func(parents []string) (policies []posture.Policy) {
		for _, parent := range parents {
			policies = append(policies, *found[parent])
		}
		return policies
	}
	return func() {
		o.p.DirectInherited = inherited(o.p.Target.AccessParents(o.p.ProjectNumber))
		for i, backend := range o.p.Backends {
			o.p.Backends[i].Inherited = inherited(backend.AccessParents(o.p.ProjectNumber))
		}
	}
}
