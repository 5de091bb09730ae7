package door

import (
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
		return iapGuard(p.DirectAccessPolicies())
	}
	return invokerGuard(p)
}

// frontendGuard is the guard at a load balancer's frontend. With IAP on at both
// ends every request is answered with 500, so the door is not looser than either
// (run/docs/securing/identity-aware-proxy-cloud-run, multiple_iap_policies).
func frontendGuard(p posture.Posture, backend posture.Backend) judged {
	switch {
	case p.ServiceUnread != "" && !backend.IAPOn:
		return judged{GuardUnknown, p.ServiceUnread}
	case p.Service.Ingress == posture.IngressNone || p.Service.Ingress == posture.IngressInternal && !backend.Internal():
		return judged{guard: GuardIngress}
	case backend.IAPOn && p.Service.IAPOn:
		return judged{guard: GuardIAP}
	case backend.IAPOn:
		return iapGuard(p.AccessPolicies(backend))
	case p.Service.IAPOn:
		return iapGuard(p.DirectAccessPolicies())
	}
	return invokerGuard(p)
}

// iapGuard is what a visitor meets at an IAP whose access these policies give. A
// public accessor makes the resource public (iap/docs/managing-access). Whether
// IAP's agent may invoke the service is not asked: the folders above the project
// may let it, and their policies are not read.
func iapGuard(policies []posture.AccessPolicy) judged {
	var public []PublicBinding
	for _, at := range policies {
		public = append(public, PublicAccessors(at.Policy)...)
	}
	switch guard := loosest(GuardIAP, public); guard {
	case GuardOpen:
		return judged{guard, "IAP lets everybody in (allUsers)"}
	case GuardSignedIn:
		return judged{guard, "IAP lets any Google account in (allAuthenticatedUsers)"}
	}
	for _, at := range policies {
		// A project's own policy takes no public members.
		if at.Policy.Unread != "" && strings.Contains(at.Resource, "/iap_web") {
			return judged{GuardUnknown, at.Policy.Unread}
		}
	}
	return judged{guard: GuardIAP}
}

// invokerGuard is what a visitor meets at Cloud Run's own check.
func invokerGuard(p posture.Posture) judged {
	if p.Service.InvokerCheckOff {
		return judged{guard: GuardOpen}
	}
	guard := loosest(GuardIAM, slices.Concat(PublicInvokers(p.Invokers), PublicInvokers(p.Project)))
	switch {
	case guard == GuardSignedIn:
		return judged{guard, "any Google account may invoke it (allAuthenticatedUsers)"}
	case guard == GuardIAM && p.Invokers.Unread != "":
		return judged{GuardUnknown, p.Invokers.Unread}
	}
	return judged{guard: guard}
}
