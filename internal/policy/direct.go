package policy

import (
	"github.com/iapguard/iapguard/internal/posture"
)

// Direct reports whether IAP at the service itself guards it, or shall guard it.
// Source: run/docs/securing/identity-aware-proxy-cloud-run.
func Direct(p posture.Posture, want Wanted) bool { return p.Service.IAPOn || WantsDirect(p, want) }

// WantsDirect reports whether the policy wants IAP at the service itself. IAP that
// is on there although the policy does not want it stays on, with its accessors.
func WantsDirect(p posture.Posture, want Wanted) bool {
	return want.Recipe == RecipeDirect || want.WithoutLoadBalancer == WithoutDirect && len(p.Backends) == 0
}
