package protection

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

var companys = policy.OAuthClient{ID: "1-a.apps.googleusercontent.com",
	Secret: "projects/p-12345/secrets/s/versions/latest"}

func TestAnotherOAuthClientIsReportedAndKept(t *testing.T) {
	named := func(id string, on bool) func(*posture.Posture, *policy.Wanted) {
		return func(p *posture.Posture, want *policy.Wanted) {
			want.OAuthClient, p.Backends[0].OAuthClient, p.Backends[0].IAPOn = companys, id, on
		}
	}
	check(t, oauthClientKept, []row{
		{"the policy's", named(companys.ID, true), nil},
		{"the policy's, IAP is off", named(companys.ID, false), nil},
		{"another", named("2-b.apps", true), []Code{OAuthClientDiffers}},
		{"another, IAP is off", named("2-b.apps", false), []Code{OAuthClientDiffers}},
		{"Google's", named("", true), []Code{OAuthClientDiffers}},
		{"none yet", named("", false), nil},
		{"another, and the policy names none", func(p *posture.Posture, want *policy.Wanted) {
			named("2-b.apps", true)(p, want)
			want.OAuthClient = policy.OAuthClient{}
		}, nil},
		{"direct IAP", func(p *posture.Posture, want *policy.Wanted) {
			named("2-b.apps", true)(p, want)
			posturetest.DirectIAP(p, want)
		}, nil},
		{"nothing leads to the backend", func(p *posture.Posture, want *policy.Wanted) {
			named("2-b.apps", true)(p, want)
			p.Backends[0].Frontends = nil
		}, nil},
	})
	for present, words := range map[string]string{"": "without an OAuth client of its own",
		"2-b.apps": "with the OAuth client 2-b.apps, and the policy names " + companys.ID} {
		p, want := posturetest.Protected(), posturetest.Wanted()
		named(present, true)(&p, &want)
		if found := oauthClientKept(p, want); len(found) != 1 || !strings.Contains(found[0].Why, words) {
			t.Errorf("client %q: %+v, want one that says %q", present, found, words)
		}
	}
	p, want := posturetest.Protected(), posturetest.Wanted()
	named("2-b.apps", true)(&p, &want)
	if worst := Worst(Assess(p, want)); worst != "" {
		t.Errorf("a client that is kept has the disposition %q", worst)
	}
}

func TestIAPGoesOnWithThePolicysClientOnlyWhereThereIsNone(t *testing.T) {
	for present, want := range map[string]string{
		"":         "true 1-a.apps.googleusercontent.com projects/p-12345/secrets/s/versions/latest",
		"2-b.apps": "true",
	} {
		p, w := posturetest.Protected(), posturetest.Wanted()
		p.NoOrganization, p.Backends[0].IAPOn, p.Backends[0].OAuthClient, w.OAuthClient = true, false, present, companys
		var got []string
		for _, finding := range Assess(p, w) {
			if finding.Code == IAPOff || finding.Code == noOAuthClient {
				got = append(got, plan.Step{Change: finding.Change}.Words().To)
			}
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("with client %q (-want +got):\n%s", present, diff)
		}
	}
}
