package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// checkStep refuses a step that we would never have taken on this service. A
// report is a file that anyone can write, and what it says is about to be
// written.
func checkStep(p posture.Posture, step plan.Step) error {
	known, ok := ours[step.Op]
	switch {
	case !ok:
		return errors.New("the operation is not known")
	case !known.resource(p, step.Resource):
		return fmt.Errorf("the resource is not one of %s", p.Target)
	case step.Conditional:
		return errors.New("a member that was taken away stood under a condition, which the report does not hold: without it everybody would get in more widely than before; restore the binding by hand")
	case step.Op == plan.RevokePublic && !door.OnlyInvokes(step.Field):
		return fmt.Errorf("the public had %.80q, which may allow more than invoking: give it back by hand, or grant %s in its place", step.Field, posture.RoleInvoker)
	case !known.values(p, step):
		return fmt.Errorf("%.80q and %.80q are not what the operation writes", step.From, step.To)
	}
	return nil
}

// shape is what an operation's steps look like.
type shape struct {
	resource func(p posture.Posture, name string) bool
	values   func(p posture.Posture, step plan.Step) bool
}

var ours = map[plan.Op]shape{
	plan.ProvisionAgent: {
		func(p posture.Posture, name string) bool {
			return name == "projects/"+p.Target.Project+"/services/iap.googleapis.com"
		},
		func(p posture.Posture, s plan.Step) bool { return s.To == p.Agent() },
	},
	plan.GrantInvoker: {isMember, func(p posture.Posture, s plan.Step) bool {
		return s.Field == posture.RoleInvoker && s.From == "" && s.To == p.Agent()
	}},
	plan.GrantAccess: {
		func(p posture.Posture, name string) bool {
			return name == p.Target.AccessResource(p.ProjectNumber) ||
				slices.ContainsFunc(p.Backends, func(b posture.Backend) bool { return b.AccessResource(p.ProjectNumber) == name })
		},
		func(_ posture.Posture, s plan.Step) bool {
			return s.Field == posture.RoleAccessor && s.From == "" && strings.TrimSpace(s.To) != ""
		},
	},
	plan.EnableIAP: {
		func(p posture.Posture, name string) bool {
			return slices.ContainsFunc(p.Backends, func(b posture.Backend) bool { return b.Resource() == name })
		},
		func(_ posture.Posture, s plan.Step) bool {
			return s.From == "false" && policy.OAuthClientOf(s.To).Enabling() == s.To
		},
	},
	plan.EnableDirectIAP: {isTarget, func(_ posture.Posture, s plan.Step) bool { return s.From == "false" && s.To == "true" }},
	plan.Redeploy: {isTarget, func(_ posture.Posture, s plan.Step) bool {
		return s.Field == "revision" && policy.RedeployImageOf(s.To) != ""
	}},
	plan.RestrictIngress: {isTarget, func(_ posture.Posture, s plan.Step) bool {
		// We restrict nothing but all.
		return s.From == string(posture.IngressAll) && s.To == string(posture.IngressInternalLoadBalancing)
	}},
	plan.RequireInvoker: {isTarget, func(_ posture.Posture, s plan.Step) bool { return s.From == "true" && s.To == "false" }},
	plan.RevokePublic: {isTarget, func(_ posture.Posture, s plan.Step) bool {
		odd := slices.ContainsFunc(strings.Fields(s.From), func(m string) bool { return !slices.Contains(door.PublicMembers, m) })
		return s.Field != "" && s.From != "" && s.To == "" && !odd
	}},
}

func isTarget(p posture.Posture, name string) bool { return name == p.Target.Name() }

// isMember is true of the service and of those that share a backend with it.
func isMember(p posture.Posture, name string) bool {
	return isTarget(p, name) || slices.ContainsFunc(p.Backends, func(b posture.Backend) bool {
		return slices.ContainsFunc(b.Members, func(m posture.Member) bool { return m.Target.Name() == name })
	})
}

// takenBack is the posture as it would be without a step, as far as doors go.
func takenBack(p posture.Posture, step plan.Step) posture.Posture {
	switch step.Op {
	case plan.RevokePublic:
		p.Invokers.Bindings = append(slices.Clone(p.Invokers.Bindings), posture.Binding{Role: step.Field, Members: strings.Fields(step.From)})
	case plan.RestrictIngress:
		p.Service.Ingress = posture.Ingress(step.From)
	case plan.RequireInvoker:
		p.Service.InvokerCheckOff = true
	case plan.EnableDirectIAP:
		p.Service.IAPOn = false
	case plan.EnableIAP:
		p.Backends = slices.Clone(p.Backends)
		for i := range p.Backends {
			if p.Backends[i].Resource() == step.Resource {
				p.Backends[i].IAPOn = false
			}
		}
	}
	return p
}
