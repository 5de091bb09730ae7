package protection

import (
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// OAuthClientDiffers: IAP signs users in with another OAuth client than the
// policy names, or with Google's own. It stays: who is signed in would have to
// sign in anew, and others may rely on it.
const OAuthClientDiffers Code = "OAUTH_CLIENT_DIFFERS"

// signsInWith is the client to set when IAP is turned on: the policy's where
// there is none. One that is there is kept.
func signsInWith(b posture.Backend, want policy.Wanted) policy.OAuthClient {
	if b.OAuthClient != "" {
		return policy.OAuthClient{}
	}
	return want.OAuthClient
}

var _ = register(positionClient, oauthClientKept, OAuthClientDiffers)

func oauthClientKept(p posture.Posture, want policy.Wanted) []Finding {
	if want.OAuthClient.ID == "" || policy.Direct(p, want) {
		return nil
	}
	var findings []Finding
	for _, backend := range p.Reached() {
		why := "IAP signs in with the OAuth client " + backend.OAuthClient + ", and the policy names " + want.OAuthClient.ID
		switch {
		case backend.OAuthClient == want.OAuthClient.ID, backend.OAuthClient == "" && !backend.IAPOn:
			continue
		case backend.OAuthClient == "":
			why = "IAP is on without an OAuth client of its own, and the policy names " + want.OAuthClient.ID
		}
		findings = append(findings, Finding{
			Code: OAuthClientDiffers, Severity: Low, Disposition: Remarks, Resource: backend.Resource(), Why: why,
			Remedy: "name the client in the policy that is there, or set the policy's, which signs everybody in anew: " +
				command.EnableIAPWith(backend, want.OAuthClient.ID).String(),
		})
	}
	return findings
}
