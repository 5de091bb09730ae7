package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// stop is a kind of step that an obstacle stops: at one resource, or wherever it is
// taken where Resource is empty.
type stop struct {
	Op       plan.Op
	Resource string
}

// The operations that obstacles stop.
var (
	opProvision = plan.ProvisionAgent{}.Operation().Op
	opGrant     = plan.GrantInvoker{}.Operation().Op
	opAccess    = plan.GrantAccess{}.Operation().Op
	opRevoke    = plan.RevokeAccess{}.Operation().Op
	opIAP       = plan.EnableIAP{}.Operation().Op
	opDirect    = plan.EnableDirectIAP{}.Operation().Op
	opIngress   = plan.RestrictIngress{}.Operation().Op
	opCheck     = plan.RequireInvoker{}.Operation().Op
	opPublic    = plan.RevokePublic{}.Operation().Op
	opsClosing  = []plan.Op{opIngress, opCheck, opPublic}
)

// anywhere stops operations wherever they are taken.
func anywhere(ops ...plan.Op) []stop {
	stops := make([]stop, len(ops))
	for i, op := range ops {
		stops[i] = stop{Op: op}
	}
	return stops
}

// closings stop what closes the ways past the load balancer: nothing else is known to be
// a way in.
func closings() []stop { return anywhere(opsClosing...) }

// iapAt stops IAP at one backend service, and grants that only count with it.
func iapAt(p posture.Posture, b posture.Backend) []stop {
	return []stop{{opIAP, b.Resource()}, {opAccess, b.AccessResource(p.ProjectNumber)}}
}

// directIAPAt stops IAP at the service itself, grants that only count with it, and that
// the public goes, which IAP there is to replace.
func directIAPAt(p posture.Posture) []stop {
	return append(anywhere(opDirect, opCheck, opPublic), stop{opAccess, p.Target.AccessResource(p.ProjectNumber)})
}

// stopped reports whether an obstacle stops the step.
func stopped(findings []Finding, step plan.Step) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool {
		return slices.ContainsFunc(f.Stops,
			func(s stop) bool { return s.Op == step.Op() && (s.Resource == "" || s.Resource == step.Resource) })
	})
}

// Without are the steps of a plan without those that cannot be taken, and without those
// that need them. Until the members that the policy names have access, IAP stays off there
// and other ways in stay open to them. Until IAP is on at the service itself, where it is to be, the
// public stays. While strangers have access, IAP's agent is not let in.
func Without(p posture.Posture, steps []plan.Step, cannot func(plan.Step) bool) []plan.Step {
	var unmet []Finding
	for _, step := range steps {
		if !cannot(step) {
			continue
		}
		switch step.Op() {
		case opAccess:
			unmet = append(unmet, Finding{Stops: append(closings(), iapBehind(p, step.Resource)...)})
		case opRevoke:
			unmet = append(unmet, Finding{Stops: letsAgentIn})
		case opProvision:
			unmet = append(unmet, Finding{Stops: anywhere(opGrant)})
		case opDirect:
			unmet = append(unmet, Finding{Stops: anywhere(opCheck, opPublic)})
		}
	}
	left := slices.DeleteFunc(slices.Clone(steps),
		func(s plan.Step) bool { return cannot(s) || !s.Closes && stopped(unmet, s) })
	return plan.Feasible(p, left)
}

// iapBehind stops IAP at the place whose access a resource's policy gives.
func iapBehind(p posture.Posture, access string) []stop {
	for _, b := range p.Backends {
		if b.AccessResource(p.ProjectNumber) == access {
			return iapAt(p, b)
		}
	}
	return directIAPAt(p)
}
