package protection

import (
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// iapResource is a place where IAP is, or is to be, with everything that lets
// somebody through it.
type iapResource struct {
	resource string // under which IAP keeps its policy
	on       bool
	policies []posture.AccessPolicy // its own and those that it inherits
	version  string                 // of its own policy
	settings posture.IAPSettings
	grant    command.Command // by which a person grants access here
	// shared means that what is granted here counts for other services too, so that only
	// a person grants it.
	shared bool
	stops  []stop // IAP here
}

// iapResources are the places at which the policy wants IAP.
func iapResources(p posture.Posture, want policy.Wanted) []iapResource {
	switch {
	case p.Service.IAPOn && !policy.WantsDirect(p, want):
		return nil
	case policy.Direct(p, want):
		return []iapResource{directIAP(p)}
	}
	var gates []iapResource
	for _, backend := range p.Reached() {
		gates = append(gates, backendIAP(p, backend))
	}
	for _, backend := range p.Backends {
		for _, rule := range backend.RulesWithIAP() {
			resource := rule.AccessResource(rule.IAP.Number)
			if slices.ContainsFunc(gates, func(g iapResource) bool { return g.resource == resource }) {
				continue
			}
			gates = append(gates, iapResource{
				resource: resource, on: true, policies: p.RuleAccessPolicies(rule), settings: rule.IAP.Settings,
				grant: command.GrantAccess(resource, rule.IAP.Project, command.Member), shared: true,
			})
		}
	}
	return gates
}

// iapsBefore are the places at which the policy wants IAP, and those at which it is on
// all the same: what its settings let through reaches the service.
func iapsBefore(p posture.Posture, want policy.Wanted) []iapResource {
	gates := iapResources(p, want)
	add := func(gate iapResource) {
		if gate.on && !slices.ContainsFunc(gates, func(g iapResource) bool { return g.resource == gate.resource }) {
			gates = append(gates, gate)
		}
	}
	add(directIAP(p))
	for _, backend := range p.Reached() {
		add(backendIAP(p, backend))
	}
	return gates
}

func directIAP(p posture.Posture) iapResource {
	return iapResource{
		resource: p.Target.AccessResource(p.ProjectNumber), on: p.Service.IAPOn, version: p.DirectAccess.Version,
		policies: p.DirectAccessPolicies(), settings: p.DirectSettings,
		grant: command.GrantServiceAccess(p.Target, command.Member, posture.Condition{}), stops: directIAPAt(p),
	}
}

func backendIAP(p posture.Posture, backend posture.Backend) iapResource {
	return iapResource{
		resource: backend.AccessResource(p.ProjectNumber), on: backend.IAPOn, version: backend.Access.Version,
		policies: p.AccessPolicies(backend), settings: backend.Settings,
		grant: command.GrantBackendAccess(backend, command.Member, posture.Condition{}), stops: iapAt(p, backend),
	}
}

// lets reports whether a member gets through, at least under the condition.
func (g iapResource) lets(member string, condition posture.Condition) bool {
	return slices.ContainsFunc(g.policies,
		func(at posture.AccessPolicy) bool { return at.Policy.HoldsIf(posture.RoleAccessor, member, condition) })
}

// letsEverybody reports whether everybody who signs in gets through, so that nobody has to be
// named.
func (g iapResource) letsEverybody() bool {
	return slices.ContainsFunc(door.PublicMembers[:2], func(public string) bool { return g.lets(public, posture.Condition{}) })
}

// letsAnybody reports whether somebody that a policy names is known to get through: at
// some time from now on, as somebody who can sign in, and not only strangers.
func (g iapResource) letsAnybody(now time.Time) bool {
	return slices.ContainsFunc(g.policies, func(at posture.AccessPolicy) bool {
		members := at.Policy.Effective(now).Members(posture.RoleAccessor)
		return slices.ContainsFunc(members,
			func(member string) bool { return !door.IsPublic(member) && g.settings.CanSignIn(member) })
	})
}
