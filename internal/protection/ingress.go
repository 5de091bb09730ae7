package protection

import (
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// IngressOpen: the service can be reached from the internet past the load balancer.
const IngressOpen Code = "INGRESS_OPEN"

// IngressNotKnown: the API does not say what the ingress is.
const IngressNotKnown Code = "INGRESS_NOT_KNOWN"

var _ = register(positionIngress, ingressRestricted, IngressOpen)

// ingressRestricted leaves every stricter setting alone. A service with direct
// IAP is guarded on its default URL too, so its ingress may stay.
func ingressRestricted(p posture.Posture, want policy.Wanted) []Finding {
	if p.Service.Ingress != posture.IngressAll || policy.Direct(p, want) || want.KeepIngress {
		return nil
	}
	return []Finding{{
		Code: IngressOpen, Severity: High, Disposition: Gap, Resource: p.Target.Name(),
		Change:  plan.RestrictIngress{From: p.Service.Ingress, To: posture.IngressInternalLoadBalancing},
		Version: p.Service.Version,
		Why: "IAP on a load balancer does not guard the default run.app URL" + door.MappedToo(p) +
			", which anyone on the internet can reach",
	}}
}

var _ = register(positionObstacle, knownIngress, IngressNotKnown)

// knownIngress waits where the API answers UNSPECIFIED: the setting may be
// stricter than ours, and a write would loosen it.
// Source: run/v2's discovery document, Service.ingress.
func knownIngress(p posture.Posture, want policy.Wanted) []Finding {
	if p.Service.Ingress != posture.IngressUnknown || policy.Direct(p, want) || want.KeepIngress {
		return nil
	}
	return []Finding{{
		Code: IngressNotKnown, Severity: Low, Disposition: Waits, Resource: p.Target.Name(),
		Why:    "no revision of the service is active, so Cloud Run does not say what its ingress is",
		Remedy: "deploy a revision that becomes ready; iapguard goes on by itself",
	}}
}
