package door

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// InheritsInvoker reports whether IAP's agent may invoke every service of the
// project by the policy of the project, or of what is above it.
func InheritsInvoker(p posture.Posture) bool {
	_, inherits := InheritedInvoker(p)
	return inherits
}

// InheritedInvoker is the nearest policy above the service by which IAP's agent may invoke
// every service of the project, without a condition.
func InheritedInvoker(p posture.Posture) (at posture.AccessPolicy, found bool) {
	project := posture.AccessPolicy{Resource: "projects/" + p.Target.Project, Policy: p.Project}
	for _, at := range append([]posture.AccessPolicy{project}, p.Above...) {
		if slices.ContainsFunc(at.Policy.Bindings, func(b posture.Binding) bool {
			return b.Condition == "" && slices.Contains(b.Members, p.Agent()) && RoleInvokes(p, b.Role) == Yes
		}) {
			return at, true
		}
	}
	return posture.AccessPolicy{}, false
}

// Private reports whether nobody but named invokers can invoke the service, whatever
// the ingress: no public member may invoke it, and the invoker check is on. Where IAP's
// agent may invoke, no door is open or may be. Until it may, nobody comes in by IAP,
// whatever members it lets through, so that load balancers alone do not make a service public.
func Private(p posture.Posture) bool {
	if p.ServiceUnread != "" {
		return false
	}
	for _, part := range p.Parts() {
		unread := cmp.Or(part.ServiceUnread, part.Invokers.Unread, part.AtGlobal.Unread)
		if len(wideInvokers(part)) > 0 || unread != "" || part.Service.InvokerCheckOff {
			return false
		}
	}
	return !slices.ContainsFunc(p.Parts(), agentMayInvoke) || Exposed(Of(p)) == No
}

// GuardedByIAP reports whether IAP is on at a way in, and its agent may invoke the service:
// who has access through IAP gets in.
func GuardedByIAP(p posture.Posture) bool {
	return slices.ContainsFunc(p.Parts(), func(part posture.Posture) bool {
		on := part.Service.IAPOn || slices.ContainsFunc(part.Backends, posture.Backend.Guarded)
		return on && agentMayInvoke(part)
	})
}

// Named is somebody that a policy lets in: at doors that only Cloud Run's invoker check
// keeps, or at doors that IAP keeps.
type Named struct {
	Member      string
	Conditional bool // only under a condition
	Inherited   bool // by a policy above the service's or the backend service's own
}

// maxNamed bounds how many members are listed.
const maxNamed = 50

// NamedInvokers lists who gets in at the doors that are guarded by IAM: the
// service's own grants first, then those of the project and above. IAP's agent is not listed, because
// IAP authenticates everybody who calls through it. leftOff is how many more there are
// than maxNamed. The list is empty where no door is guarded by IAM.
func NamedInvokers(p posture.Posture) (invokers []Named, leftOff int) {
	byIAM := func(d Door) bool { return d.Guard == GuardIAM }
	if !slices.ContainsFunc(Of(p), byIAM) {
		return nil, 0
	}
	invokes := func(p posture.Posture, role string) bool { return RoleInvokes(p, role) == Yes }
	list := named{p: p, counts: invokes, agent: p.Agent()}
	for _, part := range p.Parts() {
		if slices.ContainsFunc(Of(part), byIAM) {
			list.add(part.Invokers, false)
		}
	}
	list.add(p.Project, true)
	for _, at := range p.Above {
		list.add(at.Policy, true)
	}
	return list.bounded()
}

// NamedAccessors lists who gets in at the doors that are guarded by IAP: by the policies
// of the backend services, forwarding rules and the service first, then by those above. leftOff is how
// many more there are than maxNamed.
func NamedAccessors(p posture.Posture) (accessors []Named, leftOff int) {
	policies := p.IAPPolicies()
	list := named{p: p, counts: passesIAP}
	for _, inherited := range []bool{false, true} {
		for _, one := range policies {
			if own := strings.Contains(one.Resource, "/services/"); own != inherited {
				list.add(one.Policy, inherited)
			}
		}
	}
	return list.bounded()
}

// named is a list of members while it is made.
type named struct {
	p      posture.Posture
	counts counts
	agent  string // is not listed
	list   []Named
}

func (n *named) add(policy posture.Policy, inherited bool) {
	for _, binding := range policy.Effective(n.p.ObservedAt).Bindings {
		if !n.counts(n.p, binding.Role) {
			continue
		}
		for _, member := range binding.Members {
			if one := (Named{member, binding.Condition != "", inherited}); member != n.agent && !covered(n.list, one) {
				n.list = append(n.list, one)
			}
		}
	}
}

func (n *named) bounded() (list []Named, leftOff int) {
	if leftOff = len(n.list) - maxNamed; leftOff > 0 {
		return n.list[:maxNamed], leftOff
	}
	return n.list, 0
}

// covered reports whether the list already has the same member without a narrower
// condition.
func covered(listed []Named, one Named) bool {
	return slices.ContainsFunc(listed,
		func(i Named) bool { return i.Member == one.Member && (!i.Conditional || one.Conditional) })
}
