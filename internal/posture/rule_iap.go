package posture

import (
	"slices"
	"strings"
)

// RuleIAP is IAP at a forwarding rule, to which authorization policies of the load
// balancer delegate. It guards everything behind the rule. Where IAP is on behind the
// rule too, every request fails. Source: iap/docs/auth-policies.
type RuleIAP struct {
	// Policies are the names of the authorization policies that delegate to IAP; none =
	// IAP is not asked there.
	Policies []string
	// Partial means that each of them is about some requests only.
	Partial   bool
	Project   string // id of the rule's project
	Number    string // of the rule's project, "" = it is not known
	Access    Policy // IAP's policy of the forwarding rule; inherited bindings are not in it
	Inherited []Policy
	Settings  IAPSettings
	// Home has the policies above iap_web where the rule's project is not the service's: of
	// the project, of the folders above it, and of its organization.
	Home []AccessPolicy
	// Ancestors are above the rule's project where that is not the service's.
	Ancestors Ancestors
	Unread    string // why it is not known whether a policy delegates to IAP; "" = it is
}

// On reports whether IAP is asked at the forwarding rule, at least for some requests.
func (i *RuleIAP) On() bool { return i != nil && len(i.Policies) > 0 }

// Whole reports whether IAP is asked for every request.
func (i *RuleIAP) Whole() bool { return i.On() && !i.Partial }

// AccessResource is the name under which IAP keeps the policy of the frontend's
// forwarding rule, which concerns everything behind the rule.
// Source: iap/docs/managing-access.
func (f Frontend) AccessResource(projectNumber string) string {
	return f.webType(projectNumber) + "/services/" + f.Resource[strings.LastIndexByte(f.Resource, '/')+1:]
}

// AccessParents are the names of the resources from which the forwarding rule inherits
// access, beside the project.
func (f Frontend) AccessParents(projectNumber string) []string {
	return []string{f.webType(projectNumber), "projects/" + projectNumber + "/iap_web"}
}

func (f Frontend) webType(projectNumber string) string {
	web := "projects/" + projectNumber + "/iap_web/forwarding_rule"
	if _, region, regional := strings.Cut(f.Resource, "/regions/"); regional {
		region, _, _ = strings.Cut(region, "/")
		web += "-" + region
	}
	return web
}

// RuleAccessPolicies are the policies that let members through IAP at a frontend's
// forwarding rule.
func (p Posture) RuleAccessPolicies(f Frontend) []AccessPolicy {
	own := AccessPolicy{f.AccessResource(f.IAP.Number), f.IAP.Access}
	if f.IAP.Project == p.Target.Project {
		return p.withInherited(own, f.AccessParents(f.IAP.Number), f.IAP.Inherited)
	}
	home := f.IAP.Home
	if home == nil {
		home = []AccessPolicy{{"projects/" + f.IAP.Project,
			Policy{Unread: "the IAM policy of project " + f.IAP.Project + " is not read"}}}
	}
	policies := append([]AccessPolicy{own}, home...)
	for i, policy := range f.IAP.Inherited {
		policies = append(policies, AccessPolicy{f.AccessParents(f.IAP.Number)[i], policy})
	}
	return policies
}

// ProjectOf is the id of the project in which IAP, or the project itself, keeps a policy:
// the service's own, or that of a forwarding rule before it.
func (p Posture) ProjectOf(resource string) string {
	for _, backend := range p.Backends {
		for _, frontend := range backend.RulesWithIAP() {
			for _, name := range []string{frontend.IAP.Number, frontend.IAP.Project} {
				if home := "projects/" + name; resource == home || strings.HasPrefix(resource, home+"/") {
					return frontend.IAP.Project
				}
			}
		}
	}
	return p.Target.Project
}

// Delegated reports whether IAP is asked at every forwarding rule that leads to the
// backend service, for every request, so that it must stay off at the backend service.
func (b Backend) Delegated() bool {
	return len(b.Frontends) > 0 && !slices.ContainsFunc(b.Frontends, func(f Frontend) bool { return !f.IAP.Whole() })
}

// Guarded reports whether IAP is before the backend service: on at it, or at every
// forwarding rule.
func (b Backend) Guarded() bool { return b.IAPOn || b.Delegated() }

// RulesWithIAP are the frontends with IAP at their forwarding rule, one for each rule.
func (b Backend) RulesWithIAP() []Frontend {
	var found []Frontend
	for _, frontend := range b.Frontends {
		known := slices.ContainsFunc(found, func(f Frontend) bool { return f.Resource == frontend.Resource })
		if frontend.IAP.On() && !known {
			found = append(found, frontend)
		}
	}
	return found
}

// IAPSettings are the settings of every IAP before the service that is on.
func (p Posture) IAPSettings() []IAPSettings {
	var settings []IAPSettings
	for _, part := range p.Parts() {
		if part.Service.IAPOn {
			settings = append(settings, part.DirectSettings)
		}
	}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			settings = append(settings, backend.Settings)
		}
		for _, frontend := range backend.RulesWithIAP() {
			settings = append(settings, frontend.IAP.Settings)
		}
	}
	return settings
}

// IAPPolicies are the policies of every IAP before the service that is on, those above
// each among them.
func (p Posture) IAPPolicies() []AccessPolicy {
	var policies []AccessPolicy
	for _, part := range p.Parts() {
		if part.Service.IAPOn {
			policies = append(policies, part.DirectAccessPolicies()...)
		}
	}
	for _, backend := range p.Backends {
		if backend.IAPOn {
			policies = append(policies, p.AccessPolicies(backend)...)
		}
		for _, frontend := range backend.RulesWithIAP() {
			policies = append(policies, p.RuleAccessPolicies(frontend)...)
		}
	}
	return policies
}
