package estate

import (
	"slices"
	"strings"
)

// grants draws the bindings of a policy; publicly is in how many of a hundred
// cases somebody public is among the members.
func (g generator) grants(roles []string, publicly int) []Grant {
	var all []Grant
	if g.chance(publicly) {
		all = append(all, Grant{Member: g.of(public), Role: roles[0]})
		if g.chance(40) {
			all[0].Role = g.of(roles)
		}
	}
	for range g.IntN(4) {
		grant := Grant{Member: g.of(members), Role: roles[0]}
		if g.chance(40) {
			grant.Role = g.of(roles)
		}
		if g.chance(30) {
			grant.When = g.of(conditions)
		}
		all = append(all, grant)
	}
	return all
}

func (g generator) above() []Policy {
	var all []Policy
	for _, at := range []string{"iap_web", "iap_web/compute", "iap_web/compute-us-central1",
		"iap_web/cloud_run-us-central1", "iap_web/cloud_run-europe-west1"} {
		if g.chance(8) {
			all = append(all, Policy{At: at, Grants: g.grants(accessRoles, 30)})
		}
	}
	return all
}

// higher draws the bindings of the folder and of the organization, which name nobody
// public but those at Gmail.
func (g generator) higher() []Policy {
	var all []Policy
	for _, at := range []string{Folder, Organization} {
		if !g.chance(20) {
			continue
		}
		grants := append(g.grants(invokeRoles, 0), g.grants(accessRoles, 0)...)
		if g.chance(25) {
			grants = append(grants, Grant{Role: g.of([]string{"roles/run.invoker", accessorRole}), Member: "domain:gmail.com"})
		}
		// What only a project has is not valid above it.
		grants = slices.DeleteFunc(grants, func(one Grant) bool { return strings.HasPrefix(one.Role, "projects/") })
		all = append(all, Policy{At: at, Grants: grants})
	}
	return all
}

// settingsAbove draws IAP's settings of the folder and of the organization.
func (g generator) settingsAbove() []Settings {
	var all []Settings
	for _, at := range []string{Folder, Organization} {
		if g.chance(8) {
			all = append(all, g.settingsAt(at))
		}
	}
	return all
}

// settings draws IAP's settings of some of the resources that can have them.
func (g generator) settings(e Estate) []Settings {
	at := []string{"", "iap_web", "iap_web/compute", "iap_web/cloud_run-us-central1", "iap_web/cloud_run-europe-west1"}
	likely := 3
	for _, s := range e.Services {
		if s.DirectIAP {
			at = append(at, s.Resource())
		}
	}
	for _, b := range e.Backends {
		if b.IAP {
			at = append(at, b.Resource())
		}
	}
	var all []Settings
	for i, resource := range at {
		if i == 5 {
			likely = 12 // of the resource itself
		}
		if !g.chance(likely) {
			continue
		}
		all = append(all, g.settingsAt(resource))
	}
	return all
}

// settingsAt draws the settings of one resource.
func (g generator) settingsAt(at string) Settings {
	s := Settings{At: at, External: g.chance(25), Workforce: g.chance(20)}
	if g.chance(60) {
		s.Options = g.of([]string{OptionsPass, OptionsPass, OptionsRefuse, OptionsUnset})
	}
	if g.chance(25) {
		s.Domains = []string{g.of([]string{"corp.example.com", "gmail.com"})}
	}
	return s
}

// project draws the project's own bindings, which name nobody public.
func (g generator) project() []Grant {
	if !g.chance(20) {
		return nil
	}
	return append(g.grants(invokeRoles, 0), g.grants(accessRoles, 0)...)
}

// host draws what the host project has beside load balancers. But for IAP at forwarding
// rules, nothing of it counts.
func (g generator) host(e *Estate) {
	e.Host = g.project()
	for _, at := range []string{"iap_web", "iap_web/compute", "iap_web/forwarding_rule"} {
		if g.chance(10) {
			e.Above = append(e.Above, Policy{At: at, Hosted: true, Grants: g.grants(accessRoles, 30)})
		}
	}
	if g.chance(10) {
		e.Settings = append(e.Settings, Settings{At: g.of([]string{"", "iap_web", "iap_web/compute"}), Hosted: true,
			External: g.chance(50), Options: g.of([]string{"", OptionsPass})})
	}
}
