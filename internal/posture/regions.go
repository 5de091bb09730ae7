package posture

import "slices"

// Parts are the postures that have the doors of a service: its own, or of a multi-region
// service those in its regions.
func (p Posture) Parts() []Posture {
	if len(p.Regions) == 0 {
		return []Posture{p}
	}
	parts := make([]Posture, len(p.Regions))
	for i, part := range p.Regions {
		part.Trust, part.Roles, part.AtGlobal = p.Trust, p.Roles, p.Invokers
		parts[i] = part
	}
	return parts
}

// Part is the posture of the service or, of a multi-region service, of the service in the
// region that a resource name says.
func (p Posture) Part(name string) (Posture, bool) {
	if p.Target.Name() == name {
		return p, true
	}
	for _, part := range p.Parts() {
		if part.Target.Name() == name {
			return part, true
		}
	}
	return Posture{}, false
}

// WithRegions is the posture of a multi-region service with what was observed in each of its
// regions. The backend services are those of all regions, each once, and the service was
// changed when it was changed last anywhere.
func (p Posture) WithRegions(parts []Posture) Posture {
	p.Regions, p.Backends = parts, nil
	for _, part := range parts {
		p.Backends = withBackends(p.Backends, part.Backends)
		if p.BackendsUnread == "" {
			p.BackendsUnread = part.BackendsUnread
		}
		if part.Service.UpdatedAt.After(p.Service.UpdatedAt) {
			p.Service.UpdatedAt = part.Service.UpdatedAt
		}
		p.Service.Reconciling = p.Service.Reconciling || part.Service.Reconciling
	}
	return p
}

// withBackends joins two lists of backend services, and the services behind each.
func withBackends(all, more []Backend) []Backend {
	for _, backend := range more {
		at := slices.IndexFunc(all, func(b Backend) bool { return b.Resource() == backend.Resource() })
		if at < 0 {
			backend.Members = slices.Clone(backend.Members)
			all = append(all, backend)
			continue
		}
		for _, member := range backend.Members {
			if !slices.ContainsFunc(all[at].Members, func(m Member) bool { return m.Target == member.Target }) {
				all[at].Members = append(all[at].Members, member)
			}
		}
	}
	return all
}

// AgentInvokes reports whether the service's own policy lets IAP's agent invoke it, in every
// region.
func (p Posture) AgentInvokes() bool {
	return !slices.ContainsFunc(p.Parts(),
		func(part Posture) bool { return !part.Invokers.Holds(RoleInvoker, part.Agent()) })
}
