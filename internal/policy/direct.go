package policy

import (
	"github.com/iapguard/iapguard/internal/posture"
)

// Direct reports whether the service is guarded by IAP of its own, or is to be.
// Source: run/docs/securing/identity-aware-proxy-cloud-run.
func Direct(p posture.Posture, want Wanted) bool { return p.Service.IAPOn || WantsDirect(p, want) }

// WantsDirect reports whether the policy wants IAP at the service itself. Where
// it is found there without that, it is left as it is, access included.
func WantsDirect(p posture.Posture, want Wanted) bool {
	return want.Recipe == RecipeDirect || want.WithoutLoadBalancer == WithoutDirect && len(p.Backends) == 0
}
