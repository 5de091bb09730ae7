package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// Stop is a kind of step that an obstacle stops: at one resource, or wherever it is
// taken where Resource is empty.
type Stop struct {
	Op       plan.Op
	Resource string
}

// The operations that obstacles stop.
var (
	opAPI       = plan.EnableAPI{}.Operation().Op
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
func anywhere(ops ...plan.Op) []Stop {
	stops := make([]Stop, len(ops))
	for i, op := range ops {
		stops[i] = Stop{Op: op}
	}
	return stops
}

// closings stop what closes the ways past the load balancer: nothing else is known to be
// a way in.
func closings() []Stop { return anywhere(opsClosing...) }

// iapAt stops IAP at one backend service, and grants that only count with it.
func iapAt(p posture.Posture, b posture.Backend) []Stop {
	return []Stop{{opIAP, b.Resource()}, {opAccess, b.AccessResource(p.ProjectNumber)}}
}

// directIAPAt stops IAP at the service itself, grants that only count with it, and that
// the public goes, which IAP there is to replace.
func directIAPAt(p posture.Posture) []Stop {
	return append(anywhere(opDirect, opCheck, opPublic), Stop{opAccess, p.Target.AccessResource(p.ProjectNumber)})
}

// stopped reports whether an obstacle stops the step.
func stopped(findings []Finding, step plan.Step) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool {
		return slices.ContainsFunc(f.Stops,
			func(s Stop) bool { return s.Op == step.Op() && (s.Resource == "" || s.Resource == step.Resource) })
	})
}
