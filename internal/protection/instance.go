package protection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// ofInstance are the findings about a Cloud Run instance: who gets in that should not, as
// far as an instance's own settings and policies say. They are remarks, because nothing of
// an instance is changed, and no load balancer leads to one.
func ofInstance(p posture.Posture, want policy.Wanted) []Finding {
	want.Recipe, want.WithoutLoadBalancer = policy.RecipeAuto, policy.WithoutWait
	want.KeepAccessors = true // IAP's policy of an instance is the region's
	var findings []Finding
	for _, find := range []func(posture.Posture, policy.Wanted) []Finding{
		publicAccessors, externalIdentities, iapSettings, foreignAccessors, foreignInvokers, inheritedInvokers,
		invokerCheck, publicInvokers,
	} {
		findings = append(findings, find(p, want)...)
	}
	for i, f := range findings {
		switch change := f.Change.(type) {
		case plan.RevokePublic:
			findings[i].Remedy = "take " + strings.Join(change.Members, " and ") + " out of " + change.Role +
				" in the instance's IAM policy"
		case plan.RequireInvoker:
			findings[i].Remedy = "turn the invoker check of the instance on"
		}
		findings[i].Disposition, findings[i].Change, findings[i].Version = Remarks, nil, ""
	}
	return findings
}
