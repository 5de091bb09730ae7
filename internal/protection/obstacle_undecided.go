package protection

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// ruleUndecided: it is not known which rule of the policy decides, because a
// rule asks for the folders above the project and they cannot be read. Passing
// that rule over might choose a looser one.
const ruleUndecided Code = "RULE_UNDECIDED"

func ruleDecided(p posture.Posture, want policy.Wanted) []Finding {
	if want.Undecided == "" {
		return nil
	}
	return []Finding{{
		Code: ruleUndecided, Severity: High, Disposition: Blocks, Resource: "projects/" + p.Target.Project, Why: want.Undecided,
		Remedy: "let iapguard's service account read the project and what is above it (permission " +
			"resourcemanager.projects.get), or write rules that name projects before those that name folders",
	}}
}
