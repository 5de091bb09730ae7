package protection

import (
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// DirectIAPOff: the Cloud Run service does not ask by itself who is calling,
// and the policy wants that it does.
const DirectIAPOff Code = "DIRECT_IAP_OFF"

var _ = register(positionIAP, directIAPOn, DirectIAPOff)

func directIAPOn(p posture.Posture, want policy.Wanted) []Finding {
	if !policy.Direct(p, want) || p.Service.IAPOn {
		return nil
	}
	return []Finding{{
		Code: DirectIAPOff, Severity: High, Disposition: Gap, Resource: p.Target.Name(),
		Why:    "requests to the service, by whatever way, are not asked to sign in" + policy.ChosenBy(p, want),
		Change: plan.EnableDirectIAP{}, Version: p.Service.Version,
	}}
}
