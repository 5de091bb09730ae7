package protection

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// accessorNotNeeded: IAP is off before a private service, and its policy there lets in
// members that we put into it while the service was public.
const accessorNotNeeded Code = "ACCESSOR_NOT_NEEDED"

// accessTakenBack takes the members out of IAP's policies that we let in while the service was
// public, wherever IAP is off. Where it is on, they are among those who get in. Members
// that the rule does not name stay: the memory alone takes nothing from anybody. With other
// services behind the same backend service all stay, because these may rest on them.
func accessTakenBack(p posture.Posture, want policy.Wanted) []Finding {
	const why = "iapguard let them through IAP while the service was public, which is private again, and IAP is off there: "
	var findings []Finding
	for _, place := range offBefore(p) {
		members := ownMembers(place.policy, want, want.OwnAccess[place.resource])
		if len(members) == 0 {
			continue
		}
		f := Finding{
			Code: accessorNotNeeded, Severity: Low, Disposition: Gap, Resource: place.resource, Why: why + shownMembers(members),
			Change: plan.WithdrawAccess{Role: posture.RoleAccessor, Members: members,
				Condition: plan.Condition(want.AccessCondition)},
			Version: place.policy.Version,
		}
		if place.neighbour != "" {
			f.Disposition, f.Subject, f.Change, f.Version = Remarks, place.neighbour, nil, ""
			f.Why += ". They stay, since " + place.neighbour + " is behind the same backend service"
			f.Remedy = "where no other service needs them, for each: " +
				command.RevokeAccess(place.resource, p.Target.Project, posture.RoleAccessor, command.Member).String()
		}
		findings = append(findings, f)
	}
	return findings
}

// offPlace is a place before the service where IAP is known to be off.
type offPlace struct {
	resource  string // under which IAP keeps its policy
	policy    posture.Policy
	neighbour string // another service that the policy counts for, "" = there is none
}

// offBefore are the places before the service where IAP is known to be off.
func offBefore(p posture.Posture) []offPlace {
	var places []offPlace
	for _, part := range p.Parts() {
		if !part.Service.IAPOn {
			places = append(places, offPlace{resource: part.Target.AccessResource(p.ProjectNumber), policy: part.DirectAccess})
		}
	}
	if cmp.Or(waysUnread(p), accessUnread(p.IAPPolicies(), p.IAPSettings())) != "" {
		return places
	}
	for _, backend := range p.Backends {
		if asksIAP(backend) {
			continue
		}
		place := offPlace{resource: backend.AccessResource(p.ProjectNumber), policy: backend.Access}
		for _, member := range backend.Members {
			if _, own := p.Part(member.Target.Name()); !own && !member.Missing && place.neighbour == "" {
				place.neighbour = member.Target.Name()
			}
		}
		places = append(places, place)
	}
	return places
}

// ownMembers are those of our members that a policy has as we wrote them, in its spelling,
// as far as the rule names them.
func ownMembers(at posture.Policy, want policy.Wanted, ours []string) []string {
	var members []string
	for _, binding := range at.Bindings {
		if binding.Role != posture.RoleAccessor || binding.Condition != want.AccessCondition.Expression {
			continue
		}
		for _, member := range binding.Members {
			if posture.Includes(ours, member) && posture.Includes(want.Access, member) && !slices.Contains(members, member) {
				members = append(members, member)
			}
		}
	}
	return members
}

// shownMembers are some members, and how many more there are.
func shownMembers(members []string) string {
	var text string
	for i, member := range members[:min(len(members), maxForeign)] {
		if i > 0 {
			text += ", "
		}
		text += posture.Shown(member)
	}
	if more := len(members) - maxForeign; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
