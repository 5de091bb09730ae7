package policy

import "github.com/iapguard/iapguard/internal/posture"

// own is the service that iapguard itself is; the zero value is none.
type own struct {
	target        posture.Target
	projectNumber string
}

// Sparing is the policy with an exemption that no text gives or takes away: of
// the service that iapguard itself is. Its target names the project by id.
func (p Policy) Sparing(target posture.Target, projectNumber string) Policy {
	p.own = own{target, projectNumber}
	return p
}

// is says whether a service is our own, under the project's id or its number.
func (o own) is(s Subject) bool {
	if o.target == (posture.Target{}) || s.Target.Location != o.target.Location || s.Target.Service != o.target.Service {
		return false
	}
	return s.Target.Project == o.target.Project || s.Target.Project == o.projectNumber
}

// settings leave the service as it is, for ever. Source of what IAP does to a
// push: run/docs/securing/identity-aware-proxy-cloud-run.
func (o own) settings() Settings {
	settings := DefaultSettings()
	settings.Exemption = &Exemption{
		Owner: "iapguard", Ticket: "built-in",
		Reason: "it is iapguard itself: IAP replaces the caller's identity, so that Pub/Sub's pushes of events and work would be refused",
	}
	return settings
}
