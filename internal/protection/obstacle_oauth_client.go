package protection

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// noOAuthClient: IAP would have no OAuth client to sign people in with. Google
// manages one for members of the project's organisation; a project without an
// organisation needs its own, or every request ends in 502.
// Source: iap/docs/custom-oauth-configuration; the 502 is reported.
const noOAuthClient Code = "NO_OAUTH_CLIENT"

var _ = register(positionObstacle, oauthClient, noOAuthClient)

// oauthClient blocks before IAP is turned on. A client may also be set in IAP's
// settings, which are not read: a team that has set it there turns IAP on by hand.
func oauthClient(p posture.Posture, want policy.Wanted) []Finding {
	if !p.NoOrganization {
		return nil
	}
	const why = "the project is in no organization and no OAuth client is set, so IAP could sign nobody in"
	if policy.Direct(p, want) {
		if p.Service.IAPOn {
			return nil
		}
		return []Finding{{
			Code: noOAuthClient, Severity: High, Disposition: Blocks, Resource: p.Target.Name(), Why: why,
			Stops: directIAPAt(p),
			Remedy: "set an OAuth client in IAP's settings of the service (iap/docs/custom-oauth-configuration), then turn " +
				"IAP on: " +
				command.EnableDirectIAP(p.Target).String(),
		}}
	}
	var findings []Finding
	for _, backend := range p.Reached() {
		if backend.IAPOn || backend.OAuthClient != "" || want.OAuthClient.ID != "" {
			continue
		}
		findings = append(findings, Finding{
			Code: noOAuthClient, Severity: High, Disposition: Blocks, Resource: backend.Resource(), Why: why,
			Stops: iapAt(p, backend),
			Remedy: "name an OAuth client in the policy (oauthClient), move the project into an organization, or: " +
				command.EnableIAPWith(backend, command.Client).String(),
		})
	}
	return findings
}
