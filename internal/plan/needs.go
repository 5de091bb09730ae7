package plan

import (
	"slices"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
)

// Feasible are the steps that do not need one that is not among them: without it they
// would lock out those who are entitled to get in. Steps stand in the safe order.
func Feasible(seen posture.Posture, steps []Step) []Step {
	var kept []Step
	for _, step := range steps {
		if step.missing(seen, kept) == "" {
			kept = append(kept, step)
		}
	}
	return kept
}

// missing names what must be in place before the step, is not, and is not made by the
// earlier steps; "" = nothing. What is behind a load balancer must let IAP's agent in, or
// everybody, before IAP or the load balancer is the only way in. Before the public goes,
// IAP must be on everywhere and its agent let in.
func (s Step) missing(seen posture.Posture, earlier []Step) string {
	if s.Closes {
		return "" // it may lock them out
	}
	affects := s.operation().Affects
	throughIAP := affects == caller.ChangeIAP || affects == caller.ChangeDirectIAP ||
		affects == caller.ChangeIngress && slices.ContainsFunc(seen.Backends, posture.Backend.Guarded)
	if throughIAP && !agentExists(seen, earlier) {
		return "IAP's service agent is not known to exist, without which nobody passes"
	}
	for _, part := range s.parts(seen) {
		before := partBefore{part, seen.Target, earlier}
		missing := ""
		switch affects {
		case caller.ChangeInvokers:
			missing = before.notThroughIAP()
		case caller.ChangeIAP:
			backend, _ := backendAt(part, s.Resource)
			missing = before.notPassing(backend.Members...)
		case caller.ChangeDirectIAP:
			missing = before.notPassing()
		case caller.ChangeIngress:
			if before.led() {
				missing = before.notPassing()
			}
		}
		if missing != "" {
			return missing
		}
	}
	return ""
}

// agentExists reports whether IAP's agent is known to exist: IAM refuses members that do
// not. Source: iam/docs/create-service-agents.
func agentExists(seen posture.Posture, earlier []Step) bool {
	named := func(m posture.Member) bool { return m.Invokers.Names(seen.Agent()) }
	return seen.Project.Names(seen.Agent()) || slices.ContainsFunc(seen.AllMembers(), named) ||
		slices.ContainsFunc(earlier, func(s Step) bool { return s.Op() == provisionAgent.Op })
}

// parts are the parts of a posture that a step concerns: one region, or all of them.
func (s Step) parts(seen posture.Posture) []posture.Posture {
	all := seen.Parts()
	i := slices.IndexFunc(all, func(p posture.Posture) bool { return p.Target.Name() == s.Resource })
	if i >= 0 {
		return all[i : i+1]
	}
	if s.operation().Affects == caller.ChangeIAP {
		return slices.DeleteFunc(all, func(p posture.Posture) bool { _, leads := backendAt(p, s.Resource); return !leads })
	}
	return all
}

// partBefore is a part of a posture, with the steps that come before another one.
type partBefore struct {
	posture.Posture
	whole   posture.Target
	earlier []Step
}

func (p partBefore) has(op Op, resources ...string) bool {
	return slices.ContainsFunc(p.earlier,
		func(s Step) bool { return s.Op() == op && slices.Contains(resources, s.Resource) })
}

// direct reports whether IAP is on at the service itself.
func (p partBefore) direct() bool {
	return p.Service.IAPOn || p.has(enableDirectIAP.Op, p.Target.Name(), p.whole.Name())
}

// led reports whether anything leads to the service from outside that IAP is asked at.
func (p partBefore) led() bool {
	return p.direct() || len(p.Reached()) > 0 || slices.ContainsFunc(p.Backends, posture.Backend.Delegated)
}

// notThroughIAP is why nobody gets in through IAP, "" where somebody does or nothing leads
// to the service.
func (p partBefore) notThroughIAP() string {
	if !p.led() {
		return ""
	}
	guarded, unused := len(p.Reached()) == 0 || p.direct(), ""
	for _, backend := range p.Reached() {
		switch {
		case p.direct() || backend.IAPOn || p.has(enableIAP.Op, backend.Resource()):
			guarded = true
		case !backend.Unused:
			return "IAP is not on at " + backend.Resource()
		default:
			unused = backend.Resource()
		}
	}
	if !guarded {
		return "IAP is not on at " + unused
	}
	if !p.letsAgentIn(posture.Member{Target: p.Target, Invokers: p.Invokers}) {
		return "IAP's service agent may not invoke the service"
	}
	return ""
}

// notPassing is why what passes IAP does not pass the invoker check, of the service and of
// those that share its backend service.
func (p partBefore) notPassing(neighbours ...posture.Member) string {
	if !p.Service.InvokerCheckOff && !p.passes(posture.Member{Target: p.Target, Invokers: p.Invokers}) {
		return "neither IAP's service agent nor everybody may invoke the service"
	}
	for _, member := range neighbours {
		if member.Target != p.Target && !member.Missing && !p.passes(member) {
			return "neither IAP's service agent nor everybody may invoke " + member.Target.Name()
		}
	}
	return ""
}

// passes reports whether a service lets IAP's agent in, by name or as anybody.
func (p partBefore) passes(service posture.Member) bool {
	return p.letsAgentIn(service) || letsAnybodyIn(service)
}

func letsAnybodyIn(service posture.Member) bool {
	return slices.ContainsFunc([]string{"allUsers", "allAuthenticatedUsers"},
		func(member string) bool { return service.Invokers.Holds(posture.RoleInvoker, member) })
}

// byNameOnly reports whether nobody may invoke the service but those that its policies name.
func (p partBefore) byNameOnly() bool {
	return !p.Service.InvokerCheckOff && !letsAnybodyIn(posture.Member{Invokers: p.Invokers})
}

func (p partBefore) letsAgentIn(service posture.Member) bool {
	return service.Invokers.Holds(posture.RoleInvoker, p.Agent()) || door.InheritsInvoker(p.Posture) ||
		p.has(grantInvoker.Op, service.Target.Name())
}
