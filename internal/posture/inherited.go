package posture

import "slices"

// Unread is something that was to be read if possible, and could not be: what
// follows from it is not known, and nothing is held against anybody for it.
type Unread struct {
	Resource   string `json:"resource"`
	Why        string `json:"why"`
	Permission string `json:"permission,omitempty"` // the one that is missing, where that is why
}

// accessPolicies are all policies that can let somebody through IAP at a
// backend service: its own, those of the resources above it in IAP, and the
// project's. Source: iap/docs/managing-access; what is granted on a folder or
// organisation is inherited too, and not read.
func (p Posture) accessPolicies(b Backend) []Policy {
	return append([]Policy{b.Access, p.Project}, b.Inherited...)
}

// mayAccess reports whether a member gets through IAP, without a condition.
func (p Posture) mayAccess(b Backend, member string) bool {
	return slices.ContainsFunc(p.accessPolicies(b), func(policy Policy) bool { return policy.Holds(RoleAccessor, member) })
}

// anyAccessor reports whether anybody is known to get through IAP.
func (p Posture) anyAccessor(b Backend) bool {
	return slices.ContainsFunc(p.accessPolicies(b), func(policy Policy) bool { return len(policy.Members(RoleAccessor)) > 0 })
}

// InheritsInvoker reports whether IAP's agent may invoke every service of the
// project by the project's own policy.
func (p Posture) InheritsInvoker() bool {
	return slices.ContainsFunc(invokingRoles, func(role string) bool { return p.Project.Holds(role, p.Agent()) })
}
