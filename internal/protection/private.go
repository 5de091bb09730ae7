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

// left reports whether a private service is left as it is: the policy says so, or nothing
// is before it. It waits for nothing, and closing its address would take it away from
// those that its policy names. From IAP before it only the public is taken, which lets
// nobody in. A door that only our own grant to IAP's agent opens leaves it private.
func left(p posture.Posture, want policy.Wanted) bool {
	none := len(p.Backends) == 0 && p.BackendsUnread == "" && !policy.Direct(p, want) && !p.Service.IAPOn
	leaves := want.Private != policy.PrivateInclude && !want.GuardedOnce
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
	if want.GuardedOnce || want.Private == policy.PrivateInclude {
		return findings
	}
	if without != nil && want.Private == policy.PrivateBehindIAP {
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
	if want.Private == policy.PrivateBehindIAP {
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

// OthersPass is why IAP's agent may not invoke a private service that is to be behind IAP,
// nil = it may: IAP is on at a way there, and it is known that nobody passes any IAP before
// the service that the policy does not name.
func OthersPass(p posture.Posture, want policy.Wanted) *Finding {
	if !slices.ContainsFunc(p.Parts(), func(part posture.Posture) bool { return part.Service.IAPOn }) &&
		!slices.ContainsFunc(p.Backends, func(b posture.Backend) bool { return len(b.Frontends) > 0 && asksIAP(b) }) {
		return &Finding{
			Code: privateWithoutIAP, Severity: Low, Disposition: Remarks, Resource: p.Target.Name(),
			Why: "the service is private, and no load balancer with IAP on leads to it, so IAP's agent does not invoke it",
			Remedy: "turn IAP on at the load balancer, or write private: include into the rule, with which iapguard takes the " +
				"whole recipe",
		}
	}
	severity := Medium
	if p.AgentInvokes() {
		severity = High
	}
	others := func(at, why string) *Finding {
		return &Finding{
			Code: accessorNotNamed, Severity: severity, Disposition: Remarks, Resource: at, Why: why,
			Remedy: "take them out of the policy of " + at + ", or name them under access.members of the rule",
		}
	}
	for _, at := range p.IAPPolicies() {
		if names := notNamed(p, want, at); len(names) > 0 {
			why := strings.Join(names[:min(len(names), maxForeign)], ", ")
			if more := len(names) - maxForeign; more > 0 {
				why += fmt.Sprintf(" and %d more", more)
			}
			return others(at.Resource, "the service is private, and IAP lets in members that the policy does not name: "+why)
		}
	}
	if unread := accessUnread(p); unread != "" {
		f := others(p.Target.Name(), "the service is private, and whom IAP lets in is not known: "+unread)
		f.Remedy = "let iapguard's service account read it (the custom role of deploy/roles)"
		return f
	}
	for _, settings := range p.IAPSettings() {
		if settings.External() || settings.AllowOptions {
			return others(p.Target.Name(), "the service is private, and IAP's settings let visitors in whom IAM does not name")
		}
	}
	return nil
}

// asksIAP reports whether IAP is asked at a backend service, or at a forwarding rule before it.
func asksIAP(b posture.Backend) bool { return b.IAPOn || len(b.RulesWithIAP()) > 0 }

// notNamed are the members that a policy lets through IAP, or may, and that the rule does
// not name, or only under a condition. A service account does not count in a custom role
// above the project that is not read: hardly anybody's account may read roles there, and
// who grants them may let anybody into the project.
func notNamed(p posture.Posture, want policy.Wanted, at posture.AccessPolicy) []string {
	var names []string
	for _, binding := range at.Policy.Effective(p.ObservedAt).Bindings {
		role, known := p.Roles[binding.Role]
		doubtful := posture.AboveProject(at.Resource) && posture.IsCustomRole(binding.Role) && (!known || role.Unread != "")
		within := want.AccessCondition.Always() || binding.Condition == want.AccessCondition.Expression
		for _, one := range door.Accessors(p, posture.Policy{Bindings: []posture.Binding{binding}}) {
			name := posture.Shown(one.Member)
			if doubtful && strings.HasPrefix(one.Member, "serviceAccount:") {
				continue
			}
			if (!within || !posture.Includes(want.Access, one.Member)) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// accessUnread is why it is not known who passes IAP, or where it is asked, "" = it is known.
func accessUnread(p posture.Posture) string {
	unread := cmp.Or(p.BackendsUnread, p.AboveUnread())
	for _, part := range p.Parts() {
		unread = cmp.Or(unread, part.BackendsUnread)
	}
	for _, at := range p.IAPPolicies() {
		unread = cmp.Or(unread, at.Policy.Unread)
	}
	for _, settings := range p.IAPSettings() {
		unread = cmp.Or(unread, settings.Unread, settings.UnreadAbove)
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
