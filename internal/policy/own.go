package policy

import "github.com/iapguard/iapguard/internal/posture"

// own is iapguard's own service; the zero value stands for none.
type own struct {
	target        posture.Target
	projectNumber string
}

// Sparing returns the policy with a built-in exemption for iapguard's own service,
// which no policy text can give or take away. target names the project by id.
func (p Policy) Sparing(target posture.Target, projectNumber string) Policy {
	p.own = own{target, projectNumber}
	return p
}

// is reports whether a service is our own, under the project's id or its number.
func (o own) is(s Subject) bool {
	if o.target == (posture.Target{}) || s.Target.Location != o.target.Location || s.Target.Service != o.target.Service ||
		s.Target.Instance {
		return false
	}
	return s.Target.Project == o.target.Project || s.Target.Project == o.projectNumber
}

// settings leave the service as it is, without an end. Source for what IAP does to
// a push: run/docs/securing/identity-aware-proxy-cloud-run.
func (o own) settings() Settings {
	settings := DefaultSettings()
	settings.Exemption = &Exemption{
		Owner: "iapguard", Ticket: "built-in",
		Reason: "it is iapguard itself: IAP replaces the caller's identity, " +
			"so that Pub/Sub's pushes of events and work would be refused",
	}
	return settings
}
