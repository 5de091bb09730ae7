package posture

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var companys = OAuthClient{ID: "1-a.apps.googleusercontent.com", Secret: "projects/p-12345/secrets/s/versions/latest"}

func TestAnotherOAuthClientIsToldAndKept(t *testing.T) {
	named := func(id string, on bool) func(*Posture, *Wanted) {
		return func(p *Posture, want *Wanted) {
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
		{"another, and the policy names none", func(p *Posture, want *Wanted) { named("2-b.apps", true)(p, want); want.OAuthClient = OAuthClient{} }, nil},
		{"direct IAP", func(p *Posture, want *Wanted) { named("2-b.apps", true)(p, want); directIAP(p, want) }, nil},
		{"nothing leads to the backend", func(p *Posture, want *Wanted) { named("2-b.apps", true)(p, want); p.Backends[0].Frontends = nil }, nil},
	})
	for present, words := range map[string]string{"": "without an OAuth client of its own", "2-b.apps": "with the OAuth client 2-b.apps, and the policy names " + companys.ID} {
		p, want := protected(), wanted()
		named(present, true)(&p, &want)
		if found := oauthClientKept(p, want); len(found) != 1 || !strings.Contains(found[0].Why, words) {
			t.Errorf("client %q: %+v, want one that says %q", present, found, words)
		}
	}
	p, want := protected(), wanted()
	named("2-b.apps", true)(&p, &want)
	if effect := Worst(Assess(p, want)); effect != "" {
		t.Errorf("a client that is kept has the effect %q", effect)
	}
}

func TestIAPGoesOnWithThePolicysClientOnlyWhereThereIsNone(t *testing.T) {
	for present, want := range map[string]string{
		"":         "true 1-a.apps.googleusercontent.com projects/p-12345/secrets/s/versions/latest",
		"2-b.apps": "true",
	} {
		p, w := protected(), wanted()
		p.NoOrganization, p.Backends[0].IAPOn, p.Backends[0].OAuthClient, w.OAuthClient = true, false, present, companys
		var got []string
		for _, finding := range Assess(p, w) {
			if finding.Code == IAPOff || finding.Code == NoOAuthClient {
				got = append(got, finding.Subject)
			}
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("with client %q (-want +got):\n%s", present, diff)
		}
	}
}

func TestAClientIsReadFromWhatAStepSays(t *testing.T) {
	for words, want := range map[string]OAuthClient{
		companys.Enabling(): companys, OAuthClient{}.Enabling(): {}, "true x": {}, "false x y": {}, "true x y z": {}, "": {},
	} {
		if got := OAuthClientOf(words); got != want {
			t.Errorf("%q: %+v, want %+v", words, got, want)
		}
	}
}
