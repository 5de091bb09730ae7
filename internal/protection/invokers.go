package protection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// PublicInvoker: everybody may invoke the service.
const PublicInvoker Code = "PUBLIC_INVOKER"

// InvokerCheckOff: Cloud Run does not ask IAM who may invoke the service.
const InvokerCheckOff Code = "INVOKER_CHECK_OFF"

// PublicInvokers wants the public out of every role of the service's own policy
// that may let it invoke: one finding for each role.
func PublicInvokers(p posture.Posture, want policy.Wanted) []Finding {
	if want.KeepInvokers {
		return nil
	}
	var roles []string
	members := map[string][]string{}
	for _, public := range door.PublicInvokers(p.Invokers) {
		if members[public.Role] == nil {
			roles = append(roles, public.Role)
		}
		members[public.Role] = append(members[public.Role], public.Member)
	}
	var findings []Finding
	for _, role := range roles {
		findings = append(findings, Finding{
			Code: PublicInvoker, Severity: High, Effect: Gap, Resource: p.Target.Name(),
			Subject: role + " " + strings.Join(members[role], " "), Why: publicInvokerWhy(role),
		})
	}
	return findings
}

func publicInvokerWhy(role string) string {
	switch door.RoleInvokes(role) {
	case door.Yes:
		return "whoever reaches the service past IAP may invoke it"
	default:
		return "whoever reaches the service past IAP may invoke it, unless " + role + " lacks run.routes.invoke, which is not known"
	}
}

func invokerCheck(p posture.Posture, want policy.Wanted) []Finding {
	if !p.Service.InvokerCheckOff || want.KeepInvokers {
		return nil
	}
	return []Finding{{
		Code: InvokerCheckOff, Severity: High, Effect: Gap, Resource: p.Target.Name(),
		Why: "the invoker check is switched off, so whoever reaches the service past IAP may invoke it, whatever its policy says",
	}}
}
