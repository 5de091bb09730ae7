package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// APIDisabled: IAP's API is switched off in the project, so IAP can neither be
// turned on nor say who has access.
const APIDisabled Code = "API_DISABLED"

var _ = register(positionObstacle, api, APIDisabled)

func iapAPIOff(p posture.Posture) bool { return slices.Contains(p.APIsOff, plan.IAPAPI) }

// api stops whatever concerns IAP where it is on or to be turned on: without its API the
// agent cannot be provisioned, and nobody's access can be read. Where the rule allows it,
// the API is turned on first, and what else is missing shows when it answers; see Plan.
func api(p posture.Posture, want policy.Wanted) []Finding {
	if !iapAPIOff(p) || len(p.Reached()) == 0 && !policy.Direct(p, want) {
		return nil
	}
	off := Finding{
		Code: APIDisabled, Severity: High, Disposition: Blocks,
		Resource: "projects/" + p.Target.Project + "/services/" + plan.IAPAPI,
		Why:      "Identity-Aware Proxy's API is switched off in the project",
		Remedy:   command.EnableAPI(plan.IAPAPI, p.Target.Project).String(),
		Stops:    anywhere(opProvision, opGrant, opAccess, opRevoke, opIAP, opDirect),
	}
	if want.EnableAPI {
		off.Disposition, off.Remedy, off.Change, off.Stops = Gap, "", plan.EnableAPI{Service: plan.IAPAPI}, nil
	}
	return []Finding{off}
}

// enablesAPI reports whether a finding's step turns an API on.
func enablesAPI(f Finding) bool { return f.Change == plan.EnableAPI{Service: plan.IAPAPI} }
