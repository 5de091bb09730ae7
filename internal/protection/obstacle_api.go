package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// APIDisabled: IAP's API is switched off in the project, so IAP can neither be
// turned on nor say who has access.
const APIDisabled Code = "API_DISABLED"

var _ = register(positionObstacle, api, APIDisabled)

const iapAPI = "iap.googleapis.com"

func iapAPIOff(p posture.Posture) bool { return slices.Contains(p.APIsOff, iapAPI) }

// api stops every step where IAP is to be turned on: without its API the agent
// cannot be provisioned, and the steps after that rest on the agent.
func api(p posture.Posture, want policy.Wanted) []Finding {
	if !iapAPIOff(p) || len(p.Reached()) == 0 && !policy.Direct(p, want) {
		return nil
	}
	return []Finding{{
		Code: APIDisabled, Severity: High, Disposition: Blocks,
		Resource: "projects/" + p.Target.Project + "/services/" + iapAPI,
		Why:      "Identity-Aware Proxy's API is switched off in the project",
		Remedy:   command.EnableAPI(iapAPI, p.Target.Project).String(),
	}}
}
