package plan

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// ForRedeploy is the plan that forces one new revision of a service, equal to
// the serving one, at the version that was observed. image says what becomes of
// an image that is named by a tag.
func ForRedeploy(p posture.Posture, serving string, image policy.RedeployImage, why string) Plan {
	return Plan{Target: p.Target, Steps: []Step{{
		Op: Redeploy, Resource: p.Target.Name(), Field: "revision", From: serving, To: image.NewRevision(),
		Why: why, Version: p.Service.Version,
	}}}
}
