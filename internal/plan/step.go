package plan

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// builders gives the one step that closes each gap. Resource and reason are
// the finding's own.
var builders = map[protection.Code]func(posture.Posture, protection.Finding) Step{
	protection.AgentNotProvisioned: func(_ posture.Posture, f protection.Finding) Step {
		return Step{Op: ProvisionAgent, To: f.Subject}
	},
	protection.AgentNotInvoker: func(p posture.Posture, f protection.Finding) Step {
		return Step{Op: GrantInvoker, Field: posture.RoleInvoker, To: f.Subject, Version: policyVersion(p, f.Resource)}
	},
	protection.AccessorMissing: func(p posture.Posture, f protection.Finding) Step {
		return Step{Op: GrantAccess, Field: posture.RoleAccessor, To: f.Subject, Condition: f.Condition, Version: accessVersion(p, f.Resource)}
	},
	protection.IAPOff: func(p posture.Posture, f protection.Finding) Step {
		return Step{Op: EnableIAP, Field: "iap.enabled", From: "false", To: f.Subject, Version: backendVersion(p, f.Resource)}
	},
	protection.DirectIAPOff: func(p posture.Posture, _ protection.Finding) Step {
		return Step{Op: EnableDirectIAP, Field: "iapEnabled", From: "false", To: "true", Version: p.Service.Version}
	},
	protection.IngressOpen: func(p posture.Posture, f protection.Finding) Step {
		return Step{Op: RestrictIngress, Field: "ingress", From: string(p.Service.Ingress), To: f.Subject, Version: p.Service.Version}
	},
	protection.InvokerCheckOff: func(p posture.Posture, _ protection.Finding) Step {
		return Step{Op: RequireInvoker, Field: "invokerIamDisabled", From: "true", To: "false", Version: p.Service.Version}
	},
	protection.PublicInvoker: func(p posture.Posture, f protection.Finding) Step {
		role, members, _ := strings.Cut(f.Subject, " ")
		return Step{Op: RevokePublic, Field: role, From: members, Version: p.Invokers.Version, Conditional: conditional(p.Invokers, role, members)}
	},
}

// conditional reports whether any of the members has the role under a condition.
func conditional(policy posture.Policy, role, members string) bool {
	return slices.ContainsFunc(policy.Bindings, func(b posture.Binding) bool {
		named := func(member string) bool { return slices.Contains(b.Members, member) }
		return b.Role == role && b.Condition != "" && slices.ContainsFunc(strings.Fields(members), named)
	})
}

func policyVersion(p posture.Posture, service string) string {
	if service == p.Target.Name() {
		return p.Invokers.Version
	}
	for _, backend := range p.Backends {
		for _, member := range backend.Members {
			if member.Target.Name() == service {
				return member.Invokers.Version
			}
		}
	}
	return ""
}

func accessVersion(p posture.Posture, resource string) string {
	if resource == p.Target.AccessResource(p.ProjectNumber) {
		return p.DirectAccess.Version
	}
	for _, backend := range p.Backends {
		if backend.AccessResource(p.ProjectNumber) == resource {
			return backend.Access.Version
		}
	}
	return ""
}

func backendVersion(p posture.Posture, resource string) string {
	for _, backend := range p.Backends {
		if backend.Resource() == resource {
			return backend.Version
		}
	}
	return ""
}
