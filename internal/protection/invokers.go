package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// PublicInvoker: everybody may invoke the service.
const PublicInvoker Code = "PUBLIC_INVOKER"

// InvokerCheckOff: Cloud Run does not ask IAM who may invoke the service.
const InvokerCheckOff Code = "INVOKER_CHECK_OFF"

var _ = register(positionPublic, publicInvokers, PublicInvoker)

// publicInvokers wants the public out of every role of the service's own policy
// that may let it invoke: one finding for each role. Through an exempt door they come in.
func publicInvokers(p posture.Posture, want policy.Wanted) []Finding {
	if _, exempt := p.ExemptDoor(); exempt || want.KeepInvokers {
		return nil
	}
	var roles []string
	members := map[string][]string{}
	for _, public := range door.PublicInvokers(p, p.Invokers.Effective(p.ObservedAt)) {
		if members[public.Role] == nil {
			roles = append(roles, public.Role)
		}
		members[public.Role] = append(members[public.Role], public.Member)
	}
	var findings []Finding
	for _, role := range roles {
		findings = append(findings, Finding{
			Code: PublicInvoker, Severity: High, Disposition: Gap, Resource: p.Target.Name(), Why: publicInvokerWhy(p, role),
			Change: plan.RevokePublic{Role: role, Members: members[role],
				Conditional: conditional(p.Invokers, role, members[role])},
			Version: p.Invokers.Version,
		})
	}
	return findings
}

func publicInvokerWhy(p posture.Posture, role string) string {
	why := "anybody who reaches the service past IAP may invoke it"
	switch custom, there := p.Roles[role]; {
	case door.RoleInvokes(p, role) == door.Yes:
	case there && custom.Administers:
		why += " after taking the right to, which " + role + " allows"
	default:
		why += ", unless " + role + " lacks run.routes.invoke, which is not known"
	}
	return why
}

// conditional reports whether any of the members has the role under a condition.
func conditional(policy posture.Policy, role string, members []string) bool {
	return slices.ContainsFunc(policy.Bindings, func(b posture.Binding) bool {
		named := func(member string) bool { return slices.Contains(b.Members, member) }
		return b.Role == role && b.Condition != "" && slices.ContainsFunc(members, named)
	})
}

var _ = register(positionPublic, invokerCheck, InvokerCheckOff)

// invokerCheck finds the check switched off where somebody gets in by that. IAP at the
// service itself asks everybody, and no ingress lets nobody ask.
func invokerCheck(p posture.Posture, want policy.Wanted) []Finding {
	_, exempt := p.ExemptDoor()
	guarded := policy.Direct(p, want) || p.Service.Ingress == posture.IngressNone || exempt
	if !p.Service.InvokerCheckOff || want.KeepInvokers || guarded {
		return nil
	}
	return []Finding{{
		Code: InvokerCheckOff, Severity: High, Disposition: Gap, Resource: p.Target.Name(),
		Why: "the invoker check is switched off, so anybody who reaches the service past IAP may invoke it, whatever " +
			"its policy says",
		Change: plan.RequireInvoker{}, Version: p.Service.Version,
	}}
}
