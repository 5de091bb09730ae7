package posture

// Parts are the postures that have the doors of a service: its own, or of a multi-region
// service those in its regions.
func (p Posture) Parts() []Posture {
	if len(p.Regions) == 0 {
		return []Posture{p}
	}
	parts := make([]Posture, len(p.Regions))
	for i, part := range p.Regions {
		part.Trust, part.Roles = p.Trust, p.Roles
		parts[i] = part
	}
	return parts
}
