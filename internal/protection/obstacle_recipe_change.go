package protection

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// otherRecipe: IAP is on at one place and the policy wants it at the other.
// Both at once fail every request, and turning one off first opens the service,
// so a person has to choose the moment. Applications that verify IAP's JWT have
// to expect another audience from then on.
const otherRecipe Code = "RECIPE_CHANGE"

var _ = register(positionObstacle, recipeKept, otherRecipe)

func recipeKept(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, backend := range p.Backends {
		switch {
		case want.Recipe == policy.RecipeDirect && !p.Service.IAPOn && backend.IAPOn:
			findings = append(findings, recipeChange(backend.Resource(),
				"IAP is on at the backend service, and the policy wants it on the Cloud Run service",
				command.DisableIAP(backend), audiences{backend.Audience(p.ProjectNumber), p.DirectAudience()}))
			findings[len(findings)-1].Stops = directIAPAt(p)
		case want.Recipe == policy.RecipeLoadBalancer && p.Service.IAPOn && !backend.IAPOn:
			findings = append(findings, recipeChange(backend.Resource(),
				"IAP is on at the Cloud Run service, and the policy wants it at the backend service",
				command.DisableDirectIAP(p.Target), audiences{p.DirectAudience(), backend.Audience(p.ProjectNumber)}))
		}
	}
	return findings
}

// audiences are those of IAP's JWT before and after IAP moves.
type audiences struct{ before, after string }

// recipeChange returns the finding on a resource. off turns IAP off where it is on.
func recipeChange(resource, why string, off command.Command, jwt audiences) Finding {
	return Finding{
		Code: otherRecipe, Severity: Medium, Disposition: Blocks, Resource: resource, Why: why,
		Remedy: fmt.Sprintf(
			"let the application accept the JWT audience %s beside %s, close the service or accept that it is open for a "+
				"moment, "+
				"run: %s; then run iapguard apply, which turns IAP on at the other place", jwt.after, jwt.before, off),
	}
}
