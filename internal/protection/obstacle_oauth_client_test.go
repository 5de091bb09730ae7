package protection

import (
	"testing"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestIAPNeedsAnOAuthClientWhereThereIsNoOrganization(t *testing.T) {
	alone := func(p *posture.Posture, _ *policy.Wanted) { p.NoOrganization, p.Backends[0].IAPOn = true, false }
	check(t, oauthClient, []row{
		{"no organization, no client", alone, []Code{noOAuthClient}},
		{"a client of its own",
			func(p *posture.Posture, want *policy.Wanted) { alone(p, want); p.Backends[0].OAuthClient = "123.apps" }, nil},
		{"the policy names one",
			func(p *posture.Posture, want *policy.Wanted) { alone(p, want); want.OAuthClient = companys }, nil},
		{"the policy names one, for a load balancer", func(p *posture.Posture, want *policy.Wanted) {
			alone(p, want)
			want.OAuthClient, want.Recipe = companys, policy.RecipeDirect
		}, []Code{noOAuthClient}},
		{"IAP is on already", func(p *posture.Posture, _ *policy.Wanted) { p.NoOrganization = true }, nil},
		{"in an organization", func(p *posture.Posture, _ *policy.Wanted) { p.Backends[0].IAPOn = false }, nil},
		{"nothing leads to the backend",
			func(p *posture.Posture, want *policy.Wanted) { alone(p, want); p.Backends[0].Frontends = nil }, nil},
		{"direct IAP is wanted",
			func(p *posture.Posture, want *policy.Wanted) { alone(p, want); want.Recipe = policy.RecipeDirect },
			[]Code{noOAuthClient}},
		{"direct IAP is on",
			func(p *posture.Posture, want *policy.Wanted) { posturetest.DirectIAP(p, want); p.NoOrganization = true }, nil},
	})
}
