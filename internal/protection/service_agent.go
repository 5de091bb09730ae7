package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// AgentNotProvisioned: IAP's service agent is not known to exist in the
// project, so nothing can be granted to it.
const AgentNotProvisioned Code = "AGENT_NOT_PROVISIONED"

var _ = register(positionAgent, serviceAgent, AgentNotProvisioned)

// serviceAgent holds the agent for provisioned when an undeleted member of a
// policy names it: IAM refuses members that do not exist. Otherwise the step,
// which is idempotent, is planned. While IAP's API is off, there is no agent to be had.
// Source: iam/docs/create-service-agents.
func serviceAgent(p posture.Posture, _ policy.Wanted) []Finding {
	named := func(m posture.Member) bool { return m.Invokers.Names(p.Agent()) }
	if iapAPIOff(p) || p.Project.Names(p.Agent()) || slices.ContainsFunc(p.AllMembers(), named) {
		return nil
	}
	return []Finding{{
		Code: AgentNotProvisioned, Severity: Medium, Disposition: Gap,
		Resource: "projects/" + p.Target.Project + "/services/iap.googleapis.com",
		Change:   plan.ProvisionAgent{Agent: p.Agent()},
		Why:      "IAP's service agent must exist before it can be granted anything",
	}}
}
