package policy

import (
	"github.com/iapguard/iapguard/internal/posture"
)

// Direct reports whether IAP at the service itself guards it, or shall guard it.
// Source: run/docs/securing/identity-aware-proxy-cloud-run.
func Direct(p posture.Posture, want Wanted) bool { return p.Service.IAPOn || WantsDirect(p, want) }

// ChosenBy is why recipe auto chose the load balancer or the service itself, as the end of a
// sentence; "" where the rule names the recipe. Google recommends IAP at the service unless
// several regions stand behind one load balancer (iap/docs/enabling-cloud-run), so auto
// leaves IAP where it is and else takes the place that visitors use already.
func ChosenBy(p posture.Posture, want Wanted) string {
	switch {
	case want.Recipe != RecipeAuto:
		return ""
	case p.Service.IAPOn:
		return "; recipe auto keeps IAP at the service itself, where it is on"
	case WantsDirect(p, want):
		return "; recipe auto takes the service itself, because no load balancer leads to it and the rule says " +
			"withoutLoadBalancer: direct"
	case len(p.Backends) > 0:
		return "; recipe auto takes the load balancer, because one leads to the service"
	}
	return ""
}

// WantsDirect reports whether the policy wants IAP at the service itself. IAP that
// is on there although the policy does not want it stays on, with its accessors.
func WantsDirect(p posture.Posture, want Wanted) bool {
	return want.Recipe == RecipeDirect || want.WithoutLoadBalancer == WithoutDirect && len(p.Backends) == 0
}
