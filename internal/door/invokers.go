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
// the ingress: see ByNameOnly. Where IAP's agent may invoke, no door is known to be open. Until
// it may, nobody comes in by IAP, whatever members it lets through, so that load balancers
// alone do not make a service public.
func Private(p posture.Posture) bool {
	return ByNameOnly(p) && (!slices.ContainsFunc(p.Parts(), agentMayInvoke) || Exposed(Of(p)) != Yes)
}

// ByNameOnly reports whether no public member may invoke the service, and its invoker check
// is on, so that strangers get in through IAP's agent at most.
func ByNameOnly(p posture.Posture) bool {
	if p.ServiceUnread != "" {
		return false
	}
	for _, part := range p.Parts() {
		unread := cmp.Or(part.ServiceUnread, part.Invokers.Unread, part.AtGlobal.Unread)
		if len(wideInvokers(part)) > 0 || unread != "" || part.Service.InvokerCheckOff {
			return false
		}
	}
	return true
}

// GuardedByIAP reports whether IAP is on at a way in, and the service's own policy lets its
// agent invoke: somebody with rights on the service meant it to be behind IAP.
func GuardedByIAP(p posture.Posture) bool {
	return slices.ContainsFunc(p.Parts(), func(part posture.Posture) bool {
		on := part.Service.IAPOn || slices.ContainsFunc(part.Backends, posture.Backend.Guarded)
		return on && part.Invokers.Holds(posture.RoleInvoker, part.Agent())
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

// List is who gets in at doors of one guard.
type List struct {
	Named   []Named
	LeftOff int // how many more there are than maxNamed
	// AtLeast means that others may get in too: something that decides it was not read, or
	// it depends on what is not looked into: who is in a group, a domain or a pool, what a
	// condition asks of a request, who signs in elsewhere. Who is named under a condition
	// gets in perhaps.
	AtLeast bool
}

// NamedInvokers lists who gets in at the doors that IAM guards, or may guard: the
// service's own grants first, then those of the project and above. IAP's agent is not
// listed, because IAP authenticates everybody who calls through it. The list is empty where
// no door can be guarded by IAM.
func NamedInvokers(p posture.Posture) List {
	mayBeIAM := func(d Door) bool { return d.Guard == GuardIAM || d.Guard == GuardUnknown }
	if !slices.ContainsFunc(Of(p), mayBeIAM) {
		return List{}
	}
	list := named{p: p, counts: roleOfInvokers, agent: p.Agent()}
	for _, part := range p.Parts() {
		if slices.ContainsFunc(Of(part), mayBeIAM) {
			list.add(part.Invokers, false)
			list.unread(part.AtGlobal.Unread)
		}
	}
	list.add(p.Project, true)
	for _, at := range p.Above {
		list.add(at.Policy, true)
	}
	list.unread(p.Ancestors.Unread)
	return list.bounded()
}

// NamedAccessors lists who gets in at the doors that are guarded by IAP: by the policies
// of the backend services, forwarding rules and the service first, then by those above.
func NamedAccessors(p posture.Posture) List {
	policies := p.IAPPolicies()
	list := named{p: p, counts: rolePassesIAP}
	for _, inherited := range []bool{false, true} {
		for _, one := range policies {
			if own := strings.Contains(one.Resource, "/services/"); own != inherited {
				list.add(one.Policy, inherited)
			}
		}
	}
	for _, settings := range p.IAPSettings() {
		list.unread(cmp.Or(settings.Unread, settings.UnreadAbove))
		list.perhaps = list.perhaps || settings.External()
	}
	if len(policies) > 0 {
		list.unread(p.Ancestors.Unread)
	}
	return list.bounded()
}

// roleOfInvokers reports whether a role lets its members invoke. Google's roles that do are
// known: the data set of invokingRoles has all of them.
func roleOfInvokers(p posture.Posture, role string) Knowledge {
	invokes := RoleInvokes(p, role)
	if invokes == Unknown && strings.HasPrefix(role, "roles/") {
		return No
	}
	return invokes
}

// rolePassesIAP reports whether a role lets its members through IAP.
func rolePassesIAP(p posture.Posture, role string) Knowledge {
	switch {
	case !passesIAP(p, role):
		return No
	case unreadRole(p, role) != "":
		return Unknown
	}
	return Yes
}

// named is a list of members while it is made.
type named struct {
	p       posture.Posture
	counts  func(p posture.Posture, role string) Knowledge
	agent   string // is not listed
	list    []Named
	perhaps bool // others may get in too
}

func (n *named) unread(why string) { n.perhaps = n.perhaps || why != "" }

func (n *named) add(policy posture.Policy, inherited bool) {
	n.unread(policy.Unread)
	for _, binding := range policy.Effective(n.p.ObservedAt).Bindings {
		others := slices.ContainsFunc(binding.Members, func(member string) bool { return member != n.agent })
		switch n.counts(n.p, binding.Role) {
		case No:
			continue
		case Unknown:
			n.perhaps = n.perhaps || others
			continue
		}
		n.perhaps = n.perhaps || others && binding.Condition != ""
		for _, member := range binding.Members {
			if member == n.agent {
				continue
			}
			n.perhaps = n.perhaps || severalAccounts(member)
			if one := (Named{member, binding.Condition != "", inherited}); !covered(n.list, one) {
				n.list = append(n.list, one)
			}
		}
	}
}

// severalAccounts reports whether a member stands for accounts that it does not name. Which
// they are is not looked into.
func severalAccounts(member string) bool {
	kind, _, _ := strings.Cut(member, ":")
	return kind != "user" && kind != "serviceAccount" && kind != "principal"
}

func (n *named) bounded() List {
	list := List{Named: n.list, AtLeast: n.perhaps}
	if list.LeftOff = max(0, len(n.list)-maxNamed); list.LeftOff > 0 {
		list.Named = n.list[:maxNamed]
	}
	return list
}

// covered reports whether the list already has the same member without a narrower
// condition.
func covered(listed []Named, one Named) bool {
	return slices.ContainsFunc(listed,
		func(i Named) bool { return i.Member == one.Member && (!i.Conditional || one.Conditional) })
}
