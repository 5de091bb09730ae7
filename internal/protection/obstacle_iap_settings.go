package protection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// ExternalIdentities: Identity Platform signs visitors in, so who gets in is decided
// there. Source: iap/docs/external-identities.
const ExternalIdentities Code = "EXTERNAL_IDENTITIES"

// IAPSettingsOpen: IAP's settings let some requests pass without a sign-in.
const IAPSettingsOpen Code = "IAP_SETTINGS_OPEN"

var _ = register(positionObstacle, externalIdentities, ExternalIdentities)

func externalIdentities(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, iap := range iapsBefore(p, want) {
		if iap.settings.External() {
			findings = append(findings, Finding{
				Code: ExternalIdentities, Severity: Low, Disposition: Remarks, Resource: iap.resource,
				Why: "Identity Platform decides who gets in, by tenants " +
					posture.Shown(strings.Join(iap.settings.Tenants, ", ")) + "; whether anybody can sign up there is not known",
			})
		}
	}
	return findings
}

var _ = register(positionObstacle, iapSettings, IAPSettingsOpen)

// iapSettings names what passes IAP by its settings. A preflight request carries no
// credentials, so a front end of another origin needs the setting.
func iapSettings(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, iap := range iapsBefore(p, want) {
		if iap.settings.AllowOptions {
			findings = append(findings, Finding{
				Code: IAPSettingsOpen, Severity: Low, Disposition: Remarks, Resource: iap.resource,
				Why: "OPTIONS requests reach the service without a sign-in (corsSettings.allowHttpOptions)",
				Remedy: "where no front end of another origin calls the service, set accessSettings.corsSettings.allowHttpOptions " +
					"to false in IAP's settings of " + iap.resource,
			})
		}
	}
	return findings
}
