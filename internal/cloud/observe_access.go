package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// readBackendAccess reads who has access through IAP at a backend service. While IAP
// is off there, a disabled API is the fact that nobody has.
func (o *observation) readBackendAccess(ctx context.Context, backend *posture.Backend) {
	resource := backend.AccessResource(o.p.ProjectNumber)
	policy, err := o.iapPolicy(ctx, resource)
	if backend.IAPOn || !o.switchedOff(iapAPI, err) {
		policy.Unread = o.unread.needed(resource, err)
	}
	backend.Access = policy
}

// readDirectAccess reads who has access through IAP at the service itself. A 404 or
// a disabled API is the fact that there is no policy while IAP is off there. A 404 is
// an unread fact while it is on.
func (o *observation) readDirectAccess(ctx context.Context) {
	resource, on := o.p.Target.AccessResource(o.p.ProjectNumber), o.p.Service.IAPOn
	policy, err := o.iapPolicy(ctx, resource)
	switch missing := fault.Of(err).Kind == fault.NotFound; {
	case missing && on:
		policy.Unread = o.unread.additional(resource, err)
	case !missing && (on || !o.switchedOff(iapAPI, err)):
		policy.Unread = o.unread.needed(resource, err)
	}
	o.p.DirectAccess = policy
}

// iapPolicy reads a policy of IAP, whose name has the project's number.
func (o *observation) iapPolicy(ctx context.Context, resource string) (posture.Policy, error) {
	if o.p.ProjectNumber == "" {
		return posture.Policy{}, errNoNumber
	}
	return o.iap.Policy(ctx, resource)
}

// readInheritedAccess starts to read the policies of IAP above the service and
// its backend services, each once. They are optional: they can only show more
// accessors than are known without them. attach puts them in their places when
// all reads have ended.
func (o *observation) readInheritedAccess(ctx context.Context, start func(func())) (attach func()) {
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
		start(func() { *policy = o.inherited(ctx, parent) })
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

// inherited reads one policy above. With IAP's API off there is none.
func (o *observation) inherited(ctx context.Context, parent string) posture.Policy {
	policy, err := o.iapPolicy(ctx, parent)
	if !o.switchedOff(iapAPI, err) {
		policy.Unread = o.unread.additional(parent, err)
	}
	return policy
}
