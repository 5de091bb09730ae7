package protection

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// PublicInvoker: everybody may invoke the service.
const PublicInvoker Code = "PUBLIC_INVOKER"

// InvokerCheckOff: Cloud Run does not ask IAM who may invoke the service.
const InvokerCheckOff Code = "INVOKER_CHECK_OFF"

func PublicInvokers(p posture.Posture, want policy.Wanted) []Finding {
	if want.KeepInvokers {
		return nil
	}
	var findings []Finding
	for _, role := range door.InvokingRoles {
		var public []string
		for _, member := range p.Invokers.Members(role) {
			if slices.Contains(door.PublicMembers, member) {
				public = append(public, member)
			}
		}
		if len(public) > 0 {
			findings = append(findings, Finding{
				Code: PublicInvoker, Severity: High, Effect: Gap, Resource: p.Target.Name(),
				Subject: role + " " + strings.Join(public, " "),
				Why:     "whoever reaches the service past IAP may invoke it",
			})
		}
	}
	return findings
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
