package door

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// judged is a guard, and who opens the door where the guard alone does not say.
type judged struct {
	guard Guard
	why   string
}

// door completes a door with the guard.
func (j judged) door(d Door) Door {
	d.Guard, d.Why = j.guard, j.why
	return d
}

// ownGuard is the guard of a run.app address that is switched on, and of a mapped
// domain.
func ownGuard(p posture.Posture) judged {
	switch {
	case p.ServiceUnread != "":
		return judged{GuardUnknown, p.ServiceUnread}
	case p.Service.Ingress.ClosedToInternet():
		return judged{guard: GuardIngress}
	case p.Service.IAPOn:
		return iapGuard(p, p.DirectAccessPolicies(), p.DirectSettings)
	}
	return invokerGuard(p)
}

// twoIAPs is why nobody passes a door at all.
const twoIAPs = "IAP is on at two places one behind the other, and every request fails with 500"

// frontendGuard is the guard at a load balancer's frontend. Where authorization policies
// delegate some requests to IAP, the others meet what is behind the forwarding rule, and
// the door is as loose as the looser of the two. Policies with another action only refuse
// requests, and are not counted on.
func frontendGuard(p posture.Posture, backend posture.Backend, frontend posture.Frontend) judged {
	behind, at := backendGuard(p, backend), frontend.IAP
	switch {
	case behind.guard == GuardIngress:
		return behind
	case frontend.Unread != "":
		return undelegated(p, behind, frontend.Unread)
	case at == nil:
		return behind
	case at.Unread != "":
		return undelegated(p, behind, at.Unread)
	case !at.On():
		return behind
	}
	asked := judged{GuardIAP, twoIAPs}
	switch {
	case !backend.IAPOn && !p.Service.IAPOn:
		asked = iapGuard(p, p.RuleAccessPolicies(frontend), at.Settings)
	case frontend.Mirror && backend.IAPOn != p.Service.IAPOn:
		// That IAP at both refuses copies of requests too is unverified: who passes both may get in.
		asked = tighter(behind, iapGuard(p, p.RuleAccessPolicies(frontend), at.Settings))
	}
	if at.Partial {
		return looser(behind, asked)
	}
	return asked
}

// undelegated is the guard where it is not known whether IAP is asked at the forwarding
// rule. If it is, its agent invokes the service.
func undelegated(p posture.Posture, behind judged, why string) judged {
	if behind.guard == GuardIAP || behind.guard == GuardIAM && !agentMayInvoke(p) {
		return behind
	}
	return judged{GuardUnknown, why}
}

// looseness orders guards by who gets in. What is unknown may let in anyone, which
// somebody who is known to get in outweighs.
var looseness = []Guard{GuardClosed, GuardIngress, GuardIAM, GuardIAP, GuardUnknown, GuardSignedIn, GuardOpen}

// looser is the looser of two guards that stand side by side. Where any account passes
// one and the other is unknown, everybody may pass.
func looser(a, b judged) judged {
	if slices.Index(looseness, b.guard) > slices.Index(looseness, a.guard) {
		a, b = b, a
	}
	if b.guard == GuardUnknown {
		return a.orWider(b.why)
	}
	return a
}

// tighter is the tighter of two guards that a request meets one after the other.
func tighter(a, b judged) judged {
	if slices.Index(looseness, b.guard) < slices.Index(looseness, a.guard) {
		return b
	}
	return a
}

// backendGuard is the guard behind a forwarding rule: at a backend service, and at the
// service. With IAP on at both every request is answered with 500, so the door is not
// looser than either
// (run/docs/securing/identity-aware-proxy-cloud-run, multiple_iap_policies).
func backendGuard(p posture.Posture, backend posture.Backend) judged {
	switch {
	case p.ServiceUnread != "" && !backend.IAPOn:
		return judged{GuardUnknown, p.ServiceUnread}
	case p.Service.Ingress == posture.IngressNone || p.Service.Ingress == posture.IngressInternal && !backend.Internal():
		return judged{guard: GuardIngress}
	case backend.IAPOn && p.Service.IAPOn:
		return judged{GuardIAP, twoIAPs}
	case backend.IAPOn:
		return iapGuard(p, p.AccessPolicies(backend), backend.Settings)
	case p.Service.IAPOn:
		return iapGuard(p, p.DirectAccessPolicies(), p.DirectSettings)
	}
	return invokerGuard(p)
}

// iapGuard is what a visitor meets at an IAP whose access these policies give. A
// public accessor makes the resource public (iap/docs/managing-access). Whether
// IAP's agent may invoke the service is not asked: it may get the right at any time.
func iapGuard(p posture.Posture, policies []posture.AccessPolicy, settings posture.IAPSettings) judged {
	var wide []Grant
	for _, at := range policies {
		wide = append(wide, widest(p, at.Policy, passesIAP)...)
	}
	wide, doubtful := doubted(p, wide)
	if len(wide) > 0 {
		unread := doubtful
		for _, at := range policies {
			if strings.Contains(at.Resource, "/iap_web") {
				unread = cmp.Or(unread, at.Policy.Unread)
			}
		}
		return opened(wide, "IAP lets %s in (%s)").orWider(unread)
	}
	if settings.External() {
		return judged{GuardIAP, "Identity Platform signs visitors in, and IAM does not decide who has access"}
	}
	unread := doubtful
	for _, at := range policies {
		unread = cmp.Or(unread, at.Policy.Unread)
	}
	if unread = cmp.Or(unread, settings.Unread, p.AboveUnread(), settingsAbove(p, settings)); unread != "" {
		return judged{GuardUnknown, unread}
	}
	return judged{guard: GuardIAP}
}

// invokerGuard is what a visitor meets at Cloud Run's own check.
func invokerGuard(p posture.Posture) judged {
	if p.Service.InvokerCheckOff {
		return judged{guard: GuardOpen}
	}
	own := cmp.Or(p.Invokers.Unread, p.AtGlobal.Unread)
	wide, doubtful := doubted(p, wideInvokers(p))
	switch unread := cmp.Or(doubtful, own, p.Project.Unread, p.AboveUnread()); {
	case slices.ContainsFunc(wide, func(b Grant) bool { return b.Member == allUsers }):
		return judged{guard: GuardOpen}
	case len(wide) > 0:
		return opened(wide, "%s may invoke it (%s)").orWider(cmp.Or(doubtful, own))
	case unread != "":
		return judged{GuardUnknown, unread}
	}
	return judged{guard: GuardIAM}
}

// wideInvokers lists who may invoke without being named, by the service's policy and by
// all that it inherits from.
func wideInvokers(p posture.Posture) []Grant {
	var wide []Grant
	for _, policy := range p.InvokerPolicies() {
		wide = append(wide, widest(p, policy, mayInvoke)...)
	}
	return wide
}

// settingsAbove is why it is not known whether outsiders get in by IAP's settings above
// the project, "" where it is known or nobody is an outsider. The settings there let
// Identity Platform, workforce pools and OPTIONS requests pass at a door that is still
// IAP's.
func settingsAbove(p posture.Posture, settings posture.IAPSettings) string {
	if !p.Trust.Known() {
		return ""
	}
	return settings.UnreadAbove
}

// doubted splits grants of wide members: those that let in, as far as roles are known,
// and why the first of the others may.
func doubted(p posture.Posture, wide []Grant) (sure []Grant, doubtful string) {
	for _, one := range wide {
		if why := unreadRole(p, one.Role); why != "" {
			doubtful = cmp.Or(doubtful, why)
		} else {
			sure = append(sure, one)
		}
	}
	return sure, doubtful
}

// orWider is a guard that lets any account in, where a policy that may let in everybody
// is unread. Projects' policies take no allUsers (cloudresourcemanager's discovery
// document, projects.setIamPolicy).
func (j judged) orWider(unread string) judged {
	const doubt = "; whether everybody gets in is not known: "
	if j.guard == GuardSignedIn && unread != "" && !strings.Contains(j.why, doubt) {
		j.why += doubt + unread
	}
	return j
}

// widest lists the members of a policy, in roles that count, who stand for people that
// nobody named: the public, and groups and pools that outsiders can join.
func widest(p posture.Posture, policy posture.Policy, role counts) []Grant {
	wide := func(member string) bool { return IsPublic(member) || p.Trust.Joinable(member) }
	return membersIn(p, policy.Only(wide).Effective(p.ObservedAt), role, wide) // few of the many members are wide
}

// opened is the guard that wide members leave, with the first of the widest in words.
func opened(wide []Grant, how string) judged {
	for _, one := range wide {
		if one.Member == allUsers {
			return judged{GuardOpen, fmt.Sprintf(how, "everybody", one.Member)}
		}
	}
	for _, one := range wide {
		if IsPublic(one.Member) {
			return judged{GuardSignedIn, fmt.Sprintf(how, "any Google account", one.Member)}
		}
	}
	return judged{GuardSignedIn, fmt.Sprintf(how, "everybody who joins it", posture.Shown(wide[0].Member)) +
		"; where outsiders cannot join, name it under access.trusted"}
}
