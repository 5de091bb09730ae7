package posture

// DirectIAPOff: the Cloud Run service does not ask by itself who is calling,
// and the policy wants that it does.
const DirectIAPOff Code = "DIRECT_IAP_OFF"

func directIAPOn(p Posture, want Wanted) []Finding {
	if !p.direct(want) || p.Service.IAPOn {
		return nil
	}
	return []Finding{{
		Code: DirectIAPOff, Severity: High, Effect: Gap, Resource: p.Target.Name(),
		Why: "requests to the service, by whatever way, are not asked to sign in",
	}}
}
