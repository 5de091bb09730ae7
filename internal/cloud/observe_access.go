package cloud

import (
	"context"
	"slices"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// readBackendAccess reads who has access through IAP at a backend service. While IAP
// is off there, a disabled API is the fact that nobody has. While it is on, nobody knows
// who has, and the finding that the API is off stops every step but turning the API on.
func (o *observation) readBackendAccess(ctx context.Context, backend *posture.Backend) {
	resource := backend.AccessResource(o.p.ProjectNumber)
	policy, err := o.iapPolicy(ctx, resource, backend.AccessResourceByID(o.p.ProjectNumber))
	found := len(backend.Frontends) > 0 && !backend.Delegated() // and so the API is missed
	switch off := o.switchedOff(iapAPI, err); {
	case off && backend.IAPOn && found:
		policy.Unread = o.unread.additional(resource, err)
	case !off || backend.IAPOn:
		policy.Unread = o.unread.needed(resource, err)
	}
	backend.Access = policy
}

// readDirectAccess reads who has access through IAP at the service itself. A 404 or
// a disabled API is the fact that there is no policy while IAP is off there. Either is
// an unread fact while it is on.
func (o *observation) readDirectAccess(ctx context.Context) {
	resource, on := o.p.Target.AccessResource(o.p.ProjectNumber), o.p.Service.IAPOn
	policy, err := o.iapPolicy(ctx, resource)
	switch missing := fault.Of(err).Kind == fault.NotFound || o.switchedOff(iapAPI, err); {
	case missing && on:
		policy.Unread = o.unread.additional(resource, err)
	case !missing:
		policy.Unread = o.unread.needed(resource, err)
	}
	o.p.DirectAccess = policy
}

// readRuleAccess reads who has access through IAP at a forwarding rule.
func (o *observation) readRuleAccess(ctx context.Context, rule posture.Frontend) {
	resource := rule.AccessResource(rule.IAP.Number)
	policy, err := o.iapPolicy(ctx, resource)
	policy.Unread = o.unread.additional(resource, err)
	rule.IAP.Access = policy
}

// readHomes starts to read the policies of the projects of forwarding rules that are not in
// the service's, each once. attach puts them in their places when all reads have ended.
func (o *observation) readHomes(ctx context.Context, start func(func())) (attach func()) {
	found := map[string]*[]posture.AccessPolicy{}
	for _, rule := range o.rulesWithIAP() {
		if project := rule.IAP.Project; project != o.p.Target.Project && found[project] == nil {
			home := &[]posture.AccessPolicy{}
			found[project] = home
			start(func() { *home = o.home(ctx, project, rule.IAP.Ancestors) })
		}
	}
	return func() {
		for _, rule := range o.rulesWithIAP() {
			if home := found[rule.IAP.Project]; home != nil {
				rule.IAP.Home = *home
			}
		}
	}
}

// rulesWithIAP are the frontends with IAP at their forwarding rule, one for each rule.
func (o *observation) rulesWithIAP() []posture.Frontend {
	var rules []posture.Frontend
	for _, backend := range o.p.Backends {
		for _, rule := range backend.RulesWithIAP() {
			if !slices.ContainsFunc(rules, func(r posture.Frontend) bool { return r.Resource == rule.Resource }) {
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

// iapPolicy reads a policy of IAP, whose name has the project's number. An inventory may have it by
// other names.
func (o *observation) iapPolicy(ctx context.Context, resource string, others ...string) (posture.Policy, error) {
	if o.p.ProjectNumber == "" {
		return posture.Policy{}, errNoNumber
	}
	if found, ok := o.inventoried(append(others, resource)...); ok {
		return found, nil
	}
	return o.accessPolicy(ctx, resource)
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
	rules := o.rulesWithIAP()
	for _, rule := range rules {
		parents = append(parents, rule.AccessParents(rule.IAP.Number)...)
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
		for _, rule := range rules {
			rule.IAP.Inherited = inherited(rule.AccessParents(rule.IAP.Number))
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
