package door

import "github.com/iapguard/iapguard/internal/posture"

// InsideOnly is a backend service with an HTTPS frontend inside a network, where no such
// frontend serves outside of one; nil = one does, or may, or there is none inside.
func InsideOnly(p posture.Posture) *posture.Backend {
	var inside *posture.Backend
	for _, part := range p.Parts() {
		if part.BackendsUnread != "" {
			return nil
		}
		for _, backend := range part.Backends {
			for _, frontend := range backend.Frontends {
				switch {
				case frontend.Mirror || backend.Exempt != "":
				case !backend.Internal() && (frontend.Unread != "" || frontend.HTTPS && frontend.Pending == ""):
					return nil
				case backend.Internal() && frontend.HTTPS:
					inside = &backend
				}
			}
		}
	}
	return inside
}
