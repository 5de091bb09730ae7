package door

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// InheritsInvoker reports whether IAP's agent may invoke every service of the
// project by the project's own policy.
func InheritsInvoker(p posture.Posture) bool {
	return slices.ContainsFunc(invokingRoles, func(role string) bool { return p.Project.Holds(role, p.Agent()) })
}

// Invoker is somebody who may invoke the service, and so gets in at a door that
// only Cloud Run's invoker check keeps.
type Invoker struct {
	Member      string
	Conditional bool // only under a condition
	Inherited   bool // by the project's policy
}

// maxInvokers bounds how many invokers are listed.
const maxInvokers = 50

// NamedInvokers lists who gets in at the doors that are guarded by IAM: the
// service's own grants first, then the project's. IAP's agent is not listed, because
// IAP authenticates everybody who calls through it. leftOff is how many more there are
// than maxInvokers. The list is empty where no door is guarded by IAM.
func NamedInvokers(p posture.Posture) (invokers []Invoker, leftOff int) {
	if !slices.ContainsFunc(Of(p), func(d Door) bool { return d.Guard == GuardIAM }) {
		return nil, 0
	}
	add := func(policy posture.Policy, inherited bool) {
		for _, binding := range policy.Bindings {
			if RoleInvokes(binding.Role) != Yes {
				continue
			}
			for _, member := range binding.Members {
				if one := (Invoker{member, binding.Condition != "", inherited}); member != p.Agent() &&
					!strings.HasPrefix(member, "deleted:") && !covered(invokers, one) {
					invokers = append(invokers, one)
				}
			}
		}
	}
	add(p.Invokers, false)
	add(p.Project, true)
	if leftOff = len(invokers) - maxInvokers; leftOff > 0 {
		return invokers[:maxInvokers], leftOff
	}
	return invokers, 0
}

// covered reports whether the list already has the same member without a narrower
// condition.
func covered(listed []Invoker, one Invoker) bool {
	return slices.ContainsFunc(listed,
		func(i Invoker) bool { return i.Member == one.Member && (!i.Conditional || one.Conditional) })
}
