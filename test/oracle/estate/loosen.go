package estate

import (
	"slices"
	"strings"
)

// loosened are the ways in which a report may say that a door is open where nobody gets
// in, each with the estate in which somebody does: it depends on what an audit does not
// look into, or on what is not documented.
var loosened = map[string]func(e *Estate){
	"IAP's agent may not invoke": func(e *Estate) {
		for i := range e.Services {
			e.Services[i].Agent = true
			for j := range e.Services[i].Elsewhere {
				e.Services[i].Elsewhere[j].Agent = true
			}
		}
	},
	"a condition": func(e *Estate) { e.grants(func(g *Grant, _ string) { g.When = "" }) },
	"a role that is not known": func(e *Estate) {
		for _, policy := range e.Higher {
			for _, g := range policy.Grants {
				if strings.Contains(g.Role, "/roles/") {
					e.Project = append(e.Project, Grant{g.Member, accessorRole, g.When})
				}
			}
		}
		for _, g := range e.Project { // there it may be for IAP as well
			if strings.Contains(g.Role, "/roles/") {
				e.Project = append(e.Project, Grant{g.Member, accessorRole, g.When})
			}
		}
		e.grants(func(g *Grant, wanted string) {
			if !slices.Contains(readingRoles, g.Role) && (wanted == "roles/run.invoker" || strings.Contains(g.Role, "/roles/")) {
				g.Role = wanted
			}
		})
	},
	"IAP's settings": func(e *Estate) { e.Settings = nil },
	"an authorization policy that refuses": func(e *Estate) {
		for i := range e.Balancers {
			e.Balancers[i].Policies = slices.DeleteFunc(e.Balancers[i].Policies,
				func(a Authorization) bool { return a.Action != AskIAP })
		}
	},
	"copies of requests that IAP refuses": func(e *Estate) {
		for i := range e.Balancers {
			for j := range e.Balancers[i].Hosts {
				host := &e.Balancers[i].Hosts[j]
				if host.Mirror != "" {
					host.Default, host.Weighted, host.Mirror = host.Mirror, nil, ""
				}
				for k := range host.Paths {
					if path := &host.Paths[k]; path.Mirror != "" {
						path.Backend, path.Mirror = path.Mirror, ""
					}
				}
			}
		}
	},
}

// readingRoles are roles that let nobody in.
var readingRoles = []string{"roles/run.viewer", "roles/viewer"}

// grants changes every grant; wanted is the role that lets its member in.
func (e *Estate) grants(change func(g *Grant, wanted string)) {
	each := func(all []Grant, wanted string) {
		for i := range all {
			change(&all[i], wanted)
		}
	}
	for i := range e.Services {
		each(e.Services[i].Invokers, "roles/run.invoker")
		each(e.Services[i].Access, accessorRole)
		for _, place := range e.Services[i].Elsewhere {
			each(place.Invokers, "roles/run.invoker")
			each(place.Access, accessorRole)
		}
	}
	for i := range e.Backends {
		each(e.Backends[i].Access, accessorRole)
	}
	for i := range e.Balancers {
		for j := range e.Balancers[i].Policies {
			each(e.Balancers[i].Policies[j].Access, accessorRole)
		}
	}
	for i := range e.Above {
		each(e.Above[i].Grants, accessorRole)
	}
	each(e.Host, accessorRole)
	// A role of the project, or of what is above it, may be for either.
	either := func(all []Grant) {
		for i := range all {
			wanted := "roles/run.invoker"
			if all[i].Role == accessorRole || all[i].Role == PassingRole {
				wanted = accessorRole
			}
			change(&all[i], wanted)
		}
	}
	either(e.Project)
	for i := range e.Higher {
		either(e.Higher[i].Grants)
	}
}

// Loosened are the estate without single things that keep people out and that a report
// does not count on, by what they are; "" is the estate without any of them.
func (e Estate) Loosened() map[string]Estate {
	all := map[string]Estate{"": e.clone()}
	for what, loosen := range loosened {
		one, every := e.clone(), all[""]
		loosen(&one)
		loosen(&every)
		all[what], all[""] = one, every
	}
	return all
}
