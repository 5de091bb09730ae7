package posture

import "testing"

func TestIAPNeedsAnOAuthClientWhereThereIsNoOrganization(t *testing.T) {
	alone := func(p *Posture, _ *Wanted) { p.NoOrganization, p.Backends[0].IAPOn = true, false }
	check(t, oauthClient, []row{
		{"no organization, no client", alone, []Code{NoOAuthClient}},
		{"a client of its own", func(p *Posture, want *Wanted) { alone(p, want); p.Backends[0].OAuthClient = "123.apps" }, nil},
		{"the policy names one", func(p *Posture, want *Wanted) { alone(p, want); want.OAuthClient = companys }, nil},
		{"the policy names one, for a load balancer", func(p *Posture, want *Wanted) {
			alone(p, want)
			want.OAuthClient, want.Recipe = companys, RecipeDirect
		}, []Code{NoOAuthClient}},
		{"IAP is on already", func(p *Posture, _ *Wanted) { p.NoOrganization = true }, nil},
		{"in an organization", func(p *Posture, _ *Wanted) { p.Backends[0].IAPOn = false }, nil},
		{"nothing leads to the backend", func(p *Posture, want *Wanted) { alone(p, want); p.Backends[0].Frontends = nil }, nil},
		{"direct IAP is wanted", func(p *Posture, want *Wanted) { alone(p, want); want.Recipe = RecipeDirect }, []Code{NoOAuthClient}},
		{"direct IAP is on", func(p *Posture, want *Wanted) { directIAP(p, want); p.NoOrganization = true }, nil},
	})
}
