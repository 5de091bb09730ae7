package posture

import (
	"slices"
	"strings"
)

// PublicInvoker: everybody may invoke the service.
const PublicInvoker Code = "PUBLIC_INVOKER"

// InvokerCheckOff: Cloud Run does not ask IAM who may invoke the service.
const InvokerCheckOff Code = "INVOKER_CHECK_OFF"

// publicMembers are the two members that stand for people nobody named.
var publicMembers = []string{"allUsers", "allAuthenticatedUsers"}

// invokingRoles contain run.routes.invoke. Source: run/docs/reference/iam/roles.
var invokingRoles = []string{RoleInvoker, "roles/run.servicesInvoker", "roles/run.admin"}

// Invoking reports whether a role lets its members invoke a service.
func Invoking(role string) bool { return slices.Contains(invokingRoles, role) }

func publicInvokers(p Posture, want Wanted) []Finding {
	if want.KeepInvokers {
		return nil
	}
	var findings []Finding
	for _, role := range invokingRoles {
		var public []string
		for _, member := range p.Invokers.Members(role) {
			if slices.Contains(publicMembers, member) {
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

func invokerCheck(p Posture, want Wanted) []Finding {
	if !p.Service.InvokerCheckOff || want.KeepInvokers {
		return nil
	}
	return []Finding{{
		Code: InvokerCheckOff, Severity: High, Effect: Gap, Resource: p.Target.Name(),
		Why: "the invoker check is switched off, so whoever reaches the service past IAP may invoke it, whatever its policy says",
	}}
}

// open reports whether a caller without credentials may invoke the service.
func (p Posture) open() bool {
	return p.Service.InvokerCheckOff || len(publicInvokers(p, Wanted{})) > 0 || len(inheritedInvokers(p, Wanted{})) > 0
}
