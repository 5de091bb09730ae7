package plan

import (
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// Effect is what a write of the audit log did to the protection that a step makes.
type Effect int

// The effects.
const (
	Untouched    Effect = iota // the write left the protection as it was, or was about something else
	Made                       // the write made it
	Undone                     // the write undid it
	effectHidden               // the write was about the same field, and the entry does not say what it wrote
)

// EffectOf is what a write did to a step's protection.
func (s Step) EffectOf(p posture.Posture, write event.Write) Effect {
	if !s.Concerns(p, write) || write.Kind != s.operation().Audited {
		return Untouched
	}
	return s.Change.effect(write)
}

// Concerns reports whether a write was to the service or the backend service that
// a step protects, or to its policy. IAP names backend services by their ids.
func (s Step) Concerns(p posture.Posture, write event.Write) bool {
	own := write.Project == p.Target.Project || write.Project == p.ProjectNumber
	for _, backend := range p.Backends {
		if s.Resource == backend.Resource() || s.Resource == backend.AccessResource(p.ProjectNumber) {
			there := write.Project == backend.Project || own && backend.Project == p.Target.Project
			return there && write.Location == backend.Location && write.BackendService != "" &&
				(write.BackendService == backend.Name || write.BackendService == backend.ID)
		}
	}
	service := posture.Target{Project: p.Target.Project, Location: write.Location, Service: write.Service}
	return own && write.Service != "" && (service.Name() == s.Resource || service.AccessResource(p.ProjectNumber) == s.Resource)
}

// settingEffect is the effect of a write on a setting, by what the entry says.
func settingEffect(write event.Write, field string, wanted func(value string) bool) Effect {
	value, stated := write.Settings[field]
	switch {
	case stated && wanted(value):
		return Made
	case stated:
		return Undone
	case write.Complete:
		return Untouched
	}
	return effectHidden
}

// grantEffect is the effect of a write on grants, by the policy that it wrote.
func grantEffect(write event.Write, holds func(posture.Policy) bool) Effect {
	switch {
	case write.Policy == nil:
		return effectHidden
	case holds(*write.Policy):
		return Made
	}
	return Undone
}
