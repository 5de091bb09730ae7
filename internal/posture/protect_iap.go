package posture

// IAPOff: the load balancer sends requests on without asking who is calling.
const IAPOff Code = "IAP_OFF"

func iapOn(p Posture, want Wanted) []Finding {
	if p.direct(want) {
		return nil // never both: see BothIAP
	}
	var findings []Finding
	for _, backend := range p.guarded() {
		if backend.IAPOn {
			continue
		}
		findings = append(findings, Finding{
			Code: IAPOff, Severity: High, Effect: Gap, Resource: backend.Resource(),
			Why: "requests through the load balancer are not asked to sign in", Subject: backend.signsInWith(want).Enabling(),
		})
	}
	return findings
}
