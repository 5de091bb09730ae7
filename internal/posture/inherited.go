package posture

import "slices"

// Unread is something that was to be read if possible, and could not be: what
// follows from it is not known, and nothing is held against anybody for it.
type Unread struct {
	Resource   string `json:"resource"`
	Why        string `json:"why"`
	Permission string `json:"permission,omitempty"` // the one that is missing, where that is why
}

// InheritsInvoker reports whether IAP's agent may invoke every service of the
// project by the project's own policy.
func (p Posture) InheritsInvoker() bool {
	return slices.ContainsFunc(invokingRoles, func(role string) bool { return p.Project.Holds(role, p.Agent()) })
}
