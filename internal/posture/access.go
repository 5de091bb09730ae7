package posture

// AccessPolicy is an IAM policy that lets members through one IAP, and the
// resource that has it.
type AccessPolicy struct {
	Resource string
	Policy   Policy
}

// AccessPolicies are the policies that let members through the IAP of a backend
// service: its own, those of the project and of what is above it, and those that IAP keeps
// above the backend service. Source: iap/docs/managing-access.
func (p Posture) AccessPolicies(b Backend) []AccessPolicy {
	own := AccessPolicy{b.AccessResource(p.ProjectNumber), b.Access}
	return p.withInherited(own, b.AccessParents(p.ProjectNumber), b.Inherited)
}

// DirectAccessPolicies are the policies that let members through the service's
// own IAP.
func (p Posture) DirectAccessPolicies() []AccessPolicy {
	own := AccessPolicy{p.Target.AccessResource(p.ProjectNumber), p.DirectAccess}
	return p.withInherited(own, p.Target.AccessParents(p.ProjectNumber), p.DirectInherited)
}

// InvokerPolicies are the policies by which somebody may invoke the service: its own, and
// all that it inherits from, the nearest first.
func (p Posture) InvokerPolicies() []Policy {
	policies := []Policy{p.Invokers, p.AtGlobal, p.Project}
	for _, at := range p.Above {
		policies = append(policies, at.Policy)
	}
	return policies
}

// Policies are all policies that the posture holds, by which somebody may get in at a door
// now or once IAP is on there. What several places inherit is among them more than once.
func (p Posture) Policies() []Policy {
	policies, places := p.InvokerPolicies(), p.DirectAccessPolicies()
	for _, backend := range p.Backends {
		places = append(places, p.AccessPolicies(backend)...)
		for _, frontend := range backend.RulesWithIAP() {
			places = append(places, p.RuleAccessPolicies(frontend)...)
		}
	}
	for _, at := range places {
		policies = append(policies, at.Policy)
	}
	for _, region := range p.Regions {
		policies = append(policies, region.Policies()...)
	}
	return policies
}

func (p Posture) withInherited(own AccessPolicy, parents []string, inherited []Policy) []AccessPolicy {
	policies := append([]AccessPolicy{own, {"projects/" + p.Target.Project, p.Project}}, p.Above...)
	for i, policy := range inherited {
		policies = append(policies, AccessPolicy{parents[i], policy})
	}
	return policies
}
