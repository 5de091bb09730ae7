package protection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// privateWithoutIAP: a private service is to be behind IAP, and IAP is off before it.
const privateWithoutIAP Code = "PRIVATE_WITHOUT_IAP"

// accessorNotNamed: IAP before a private service lets somebody in, or may, that the policy
// does not name, so that its agent may not invoke the service.
const accessorNotNamed Code = "ACCESSOR_NOT_NAMED"

// agentInvokesPrivate: IAP's agent may invoke a private service by a grant of ours, and may
// not any more.
const agentInvokesPrivate Code = "AGENT_INVOKES_PRIVATE"

// left reports whether a private service is left as it is: the policy says so, IAP would let
// somebody in that the policy does not name, or nothing is before it. It waits for nothing, and closing its address would take it away from
// those that its policy names. From IAP before it only the public is taken, which lets
// nobody in. A door that only our own grant to IAP's agent opens leaves it private.
func left(p posture.Posture, want policy.Wanted) bool {
	none := len(p.Backends) == 0 && p.BackendsUnread == "" && !policy.Direct(p, want) && !p.Service.IAPOn
	leaves := !want.GuardedOnce && (want.Private != policy.PrivateInclude || OthersPass(p, want) != nil)
	private := door.Private(p) || leaves && want.OwnGrant && door.ByNameOnly(p)
	return (leaves || none && want.WithoutLoadBalancer == policy.WithoutWait) && private
}

// ofPrivate are the findings about a private service that is left: what lets nobody in,
// whether IAP's agent may invoke it, and which members of ours IAP needs no longer.
func ofPrivate(p posture.Posture, want policy.Wanted, findings []Finding) []Finding {
	without := OthersPass(p, want)
	granted := want.Private == policy.PrivateBehindIAP && !want.GuardedOnce && without == nil
	findings = slices.DeleteFunc(findings, func(f Finding) bool {
		_, own := p.Part(f.Resource)
		agent := f.Code == AgentNotProvisioned || f.Code == AgentNotInvoker && own
		return f.Disposition != Remarks && f.Code != PublicAccessor && !(granted && agent)
	})
	if want.GuardedOnce || want.Private == policy.PrivateInclude && without == nil {
		return findings
	}
	if without != nil {
		findings = append(findings, *without)
	}
	if !granted && want.OwnGrant {
		findings = append(findings, withdrawn(p, want)...)
	}
	return append(findings, accessTakenBack(p, want)...)
}

// withdrawn takes the grant from IAP's agent wherever it has it.
func withdrawn(p posture.Posture, want policy.Wanted) []Finding {
	why := "iapguard let IAP's agent invoke the service while it was public, and it is private again"
	if want.Private != policy.PrivateLeave {
		why = "IAP's agent may invoke a private service only while IAP is on there and lets in nobody that the policy does " +
			"not name"
	}
	places := p.Parts()
	if len(p.Regions) > 0 {
		places = append(places, p)
	}
	var findings []Finding
	for _, part := range places {
		if part.Invokers.Holds(posture.RoleInvoker, p.Agent()) {
			findings = append(findings, Finding{
				Code: agentInvokesPrivate, Severity: High, Disposition: Gap, Resource: part.Target.Name(), Why: why,
				Change:  plan.WithdrawInvoker{Role: posture.RoleInvoker, Member: p.Agent()},
				Version: part.Invokers.Version,
			})
		}
	}
	return findings
}

// OthersPass is why IAP's agent may not invoke a private service that is to be behind IAP, or
// that the rule includes; nil = it may, or the rule leaves the service. It may where it is
// known that nobody passes IAP that the policy does not name: neither an IAP that is on before
// the service, nor, where the rule includes it, one that the recipe turns on. A person who
// insists lets them in.
func OthersPass(p posture.Posture, want policy.Wanted) *Finding {
	switch {
	case want.Private == policy.PrivateLeave || want.Insisted:
		return nil
	case want.Private == policy.PrivateBehindIAP && !asksAnyIAP(p):
		return &Finding{
			Code: privateWithoutIAP, Severity: Low, Disposition: Remarks, Resource: p.Target.Name(),
			Why: "the service is private, and no load balancer with IAP on leads to it, so IAP's agent does not invoke it",
			Remedy: "turn IAP on at the load balancer, or write private: include into the rule, with which iapguard takes the " +
				"whole recipe",
		}
	}
	return othersPass(p, want)
}

// NewlyLetIn are those who get into a private service through IAP although the policy does not
// name them, once the whole recipe is taken: a member in each grant. unread is why it is not
// known who they are, "" = it is.
func NewlyLetIn(p posture.Posture, want policy.Wanted) (members []policy.Grant, unread string) {
	if !door.Private(p) {
		return nil, ""
	}
	policies, settings := iapBefore(p, want)
	for _, at := range policies {
		for _, one := range notNamed(p, want, at) {
			if !slices.Contains(members, one) { // several ways have the policies above them in common
				members = append(members, one)
			}
		}
	}
	if slices.ContainsFunc(settings, func(s posture.IAPSettings) bool { return s.External() || s.AllowOptions }) {
		return members, "IAP's settings let visitors in whom IAM does not name"
	}
	return members, cmp.Or(waysUnread(p), accessUnread(policies, settings))
}

// letInNewly is a remark on those who get into a private service through IAP although the policy
// does not name them, because a person asked for the whole recipe there.
func letInNewly(p posture.Posture, want policy.Wanted) []Finding {
	if !want.Insisted || !door.Private(p) {
		return nil
	}
	f := othersPass(p, want)
	if f == nil {
		return nil
	}
	f.Disposition = Remarks
	return []Finding{*f}
}

// othersPass finds who passes IAP before a private service, or may, that the policy does not
// name; nil = nobody.
func othersPass(p posture.Posture, want policy.Wanted) *Finding {
	severity, disposition := Medium, Remarks
	if p.AgentInvokes() {
		severity = High
	}
	cures := ", or name them under access.members of the rule"
	if want.Private == policy.PrivateInclude {
		disposition = Blocks
		cures += ", or let them in: iapguard apply " + p.Target.String()
	}
	others := func(at, why string) *Finding {
		return &Finding{
			Code: accessorNotNamed, Severity: severity, Disposition: disposition, Resource: at, Why: why,
			Remedy: "take them out of the policy of " + at + cures,
		}
	}
	policies, settings := iapBefore(p, want)
	for _, at := range policies {
		if members := notNamed(p, want, at); len(members) > 0 {
			return others(at.Resource, "the service is private, and IAP lets in members that the policy does not name: "+
				shownNames(namesOf(members)))
		}
	}
	if unread := cmp.Or(waysUnread(p), accessUnread(policies, settings)); unread != "" {
		f := others(p.Target.Name(), "the service is private, and whom IAP lets in is not known: "+unread)
		f.Remedy = "let iapguard's service account read it (the custom role of deploy/roles)"
		return f
	}
	for _, one := range settings {
		if one.External() || one.AllowOptions {
			return others(p.Target.Name(), "the service is private, and IAP's settings let visitors in whom IAM does not name")
		}
	}
	return nil
}

// iapBefore is what decides who passes IAP before the service: where it is on, and where
// the recipe turns it on. Where the agent may invoke the service, those pass already that
// an IAP lets in which is on, and a rule that includes the service lets in nobody newly there.
func iapBefore(p posture.Posture, want policy.Wanted) ([]posture.AccessPolicy, []posture.IAPSettings) {
	policies, settings := p.IAPPolicies(), p.IAPSettings()
	if want.Private != policy.PrivateInclude {
		return policies, settings
	}
	if p.AgentInvokes() && !want.OwnGrant {
		policies, settings = nil, nil
	}
	for _, part := range append(p.Parts(), p) {
		for _, gate := range iapResources(part, want) {
			if !gate.on {
				policies, settings = append(policies, gate.policies...), append(settings, gate.settings)
			}
		}
	}
	return policies, settings
}

// asksAnyIAP reports whether IAP is on at a way to the service.
func asksAnyIAP(p posture.Posture) bool {
	return slices.ContainsFunc(p.Parts(), func(part posture.Posture) bool { return part.Service.IAPOn }) ||
		slices.ContainsFunc(p.Backends, func(b posture.Backend) bool { return len(b.Frontends) > 0 && asksIAP(b) })
}

// shownNames are the first of some names, and how many more there are.
func shownNames(names []string) string {
	shown := strings.Join(names[:min(len(names), maxForeign)], ", ")
	if more := len(names) - maxForeign; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return shown
}

// asksIAP reports whether IAP is asked at a backend service, or at a forwarding rule before it.
func asksIAP(b posture.Backend) bool { return b.IAPOn || len(b.RulesWithIAP()) > 0 }

// notNamed are the members that a policy lets through IAP, or may, and that the rule does
// not name, or only under a condition. A service account does not count in a custom role
// above the project that is not read: hardly anybody's account may read roles there, and
// who grants them may let anybody into the project. Nor do public members count where the
// recipe takes them out first.
func notNamed(p posture.Posture, want policy.Wanted, at posture.AccessPolicy) []policy.Grant {
	var members []policy.Grant
	goes := want.Private == policy.PrivateInclude && !want.KeepAccessors && ownPolicy(p, at.Resource)
	for _, binding := range at.Policy.Effective(p.ObservedAt).Bindings {
		role, known := p.Roles[binding.Role]
		doubtful := posture.AboveProject(at.Resource) && posture.IsCustomRole(binding.Role) && (!known || role.Unread != "")
		within := want.AccessCondition.Always() || binding.Condition == want.AccessCondition.Expression
		for _, one := range door.Accessors(p, posture.Policy{Bindings: []posture.Binding{binding}}) {
			if doubtful && strings.HasPrefix(one.Member, "serviceAccount:") || goes && door.IsPublic(one.Member) {
				continue
			}
			in := policy.Grant{Members: one.Member, Condition: binding.Condition, Resource: at.Resource}
			if (!within || !posture.Includes(want.Access, one.Member)) && !slices.Contains(members, in) {
				members = append(members, in)
			}
		}
	}
	return members
}

// namesOf are members as they are shown, each once.
func namesOf(members []policy.Grant) []string {
	var names []string
	for _, one := range members {
		if name := posture.Shown(one.Members); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// waysUnread is why it is not known where IAP is asked, "" = it is known.
func waysUnread(p posture.Posture) string {
	unread := cmp.Or(p.BackendsUnread, p.AboveUnread())
	for _, part := range p.Parts() {
		unread = cmp.Or(unread, part.BackendsUnread)
	}
	for _, backend := range p.Backends {
		for _, frontend := range backend.Frontends {
			unread = cmp.Or(unread, frontend.Unread)
			if frontend.IAP != nil {
				unread = cmp.Or(unread, frontend.IAP.Unread)
			}
		}
	}
	return unread
}

// accessUnread is why it is not known who passes IAP, "" = it is known.
func accessUnread(policies []posture.AccessPolicy, settings []posture.IAPSettings) string {
	var unread string
	for _, at := range policies {
		unread = cmp.Or(unread, at.Policy.Unread)
	}
	for _, one := range settings {
		unread = cmp.Or(unread, one.Unread, one.UnreadAbove)
	}
	return unread
}
