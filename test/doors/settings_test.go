package doors

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
)

const (
	eve       = "external:eve@example.net" // signed up with Identity Platform
	pool      = "//iam.googleapis.com/locations/global/workforcePools/staff"
	engineer  = "principalSet:" + pool + "/group/eng"
	carol     = "principal:" + pool + "/subject/carol"
	elsewhere = "principal://iam.googleapis.com/locations/global/workforcePools/other/subject/dave"
)

// access is IAP's access settings, which tests write one key of.
type access = map[string]any

// settings writes access settings at a resource of IAP; "" is the backend service.
func settings(resource string, access access) func(*fixture) {
	return func(o *fixture) {
		if resource == "" {
			resource = strings.TrimPrefix(o.iapResource(), "/v1/")
		}
		o.call("PATCH", "/v1/"+resource+":iapSettings?updateMask=iapSettings.accessSettings",
			map[string]any{"accessSettings": access})
	}
}

// caller is one visitor with the answer expected: the status, and where a 302 leads.
type caller struct {
	visit visit
	want  string
}

func as(who string) visit { return visit{who: who} }

func with(name, value string) visit { return visit{header: map[string]string{name: value}} }

func (o *fixture) outcome(k visit) string {
	o.t.Helper()
	got := o.visit(o.at(k))
	to, _, _ := strings.Cut(got.header.Get("Location"), "?")
	return strings.TrimSpace(verdict(got) + " " + to)
}

var (
	cors   = access{"corsSettings": map[string]any{"allowHttpOptions": true}}
	noCORS = access{"corsSettings": map[string]any{"allowHttpOptions": false}}
	tenant = access{"gcipSettings": map[string]any{"tenantIds": []any{"_123456789012"},
		"loginPageUri": "https://auth.example.com/?apiKey=x"}}
	staff = access{"identitySources": []any{"WORKFORCE_IDENTITY_FEDERATION"},
		"workforceIdentitySettings": map[string]any{"workforcePools": []any{"locations/global/workforcePools/staff"}}}
	poolAlone = access{"workforceIdentitySettings": staff["workforceIdentitySettings"]}
	domains   = access{"allowedDomainsSettings": map[string]any{"enable": true, "domains": []any{"Example.org"}}}
	domainOff = access{"allowedDomainsSettings": map[string]any{"domains": []any{"example.org"}}}
)

const (
	signIn     = "302 sign in https://accounts.google.com/o/oauth2/v2/auth"
	denied     = "403 by IAP"
	web        = "projects/" + number + "/iap_web"
	wholePool  = "principalSet:" + pool + "/*"
	iapRefused = "401 ?"
)

func TestIAPSettingsDecideWhoGetsIn(t *testing.T) {
	options := visit{method: "OPTIONS"}
	for _, tc := range []struct {
		name    string
		setup   []func(*fixture)
		callers []caller
	}{
		{"preflights need a sign-in by default", nil, []caller{{options, iapRefused}}},
		{"preflights pass where the settings say so", all(settings("", cors)),
			[]caller{{options, inside}, {visit{}, signIn}, {as(bob), denied}}},
		{"settings are inherited from iap_web", all(settings(web, cors)), []caller{{options, inside}}},
		{"settings are inherited from the type", all(settings(web+"/compute", cors)), []caller{{options, inside}}},
		{"settings are inherited from the project", all(settings("projects/"+playground.Project, cors)),
			[]caller{{options, inside}}},
		{"settings are inherited from the organization", all(settings("organizations/987654321098", cors)),
			[]caller{{options, inside}}},
		{"settings of another type are not inherited", all(settings(web+"/compute-us-central1", cors)),
			[]caller{{options, iapRefused}}},
		{"the nearest value counts", all(settings(web, cors), settings("", noCORS)), []caller{{options, iapRefused}}},
		{"each field is inherited by itself", all(settings(web, cors), settings("", domains)),
			[]caller{{options, inside}, {as(alice), denied}}},
		{"a preflight needs IAP's agent", all(settings("", cors), invokers(bob)),
			[]caller{{options, "403 by Cloud Run"}}},

		{"external identities sign in at their own page", all(settings("", tenant)), []caller{
			{visit{}, "302 sign in https://auth.example.com/"}, {as(eve), inside},
			{as(alice), "302 sign in https://auth.example.com/"}, {with("Authorization", "Bearer "+eve), inside},
			{with("Authorization", "Bearer "+alice), iapRefused}}},
		{"IAM has no say about external identities", all(settings("", tenant), accessors("allUsers")),
			[]caller{{visit{}, "302 sign in https://auth.example.com/"}, {as(eve), inside}}},
		{"without the settings external identities are strangers", all(accessors("allAuthenticatedUsers")),
			[]caller{{as(eve), signIn}, {as(bob), inside}, {with("Authorization", "Bearer "+eve), iapRefused}}},

		{"a workforce needs its settings", all(accessors(wholePool)), []caller{{as(carol), signIn}}},
		{"a workforce needs its identity source", all(accessors(wholePool), settings("", poolAlone)),
			[]caller{{as(carol), signIn}}},
		{"a workforce gets in with its settings", all(accessors(wholePool, engineer), settings("", staff)), []caller{
			{as(carol), inside}, {as(engineer), inside}, {as(elsewhere), "302 sign in https://auth.cloud.google/authorize"},
			{visit{}, "302 sign in https://auth.cloud.google/authorize"}}},
		{"one of a workforce is an accessor", all(accessors(carol), settings("", staff)),
			[]caller{{as(carol), inside}, {as(engineer), denied}}},
		{"a workforce has no Google accounts", all(accessors("allAuthenticatedUsers"), settings("", staff)),
			[]caller{{as(carol), denied}}},

		{"an accessor outside the allowed domains is refused", all(settings("", domains)),
			[]caller{{as(alice), denied}, {visit{}, signIn}}},
		{"an accessor of an allowed domain gets in", all(accessors("user:dan@example.org"), settings("", domains)),
			[]caller{{as("user:dan@example.org"), inside}}},
		{"allowed domains can be off", all(settings("", domainOff)), []caller{{as(alice), inside}}},

		{"curl is sent to sign in", nil, []caller{{with("Accept", "*/*"), signIn},
			{visit{method: "HEAD", header: map[string]string{"Accept": "*/*"}}, signIn}}},
		{"a script is told to sign in", nil, []caller{{with("X-Requested-With", "XMLHttpRequest"), iapRefused},
			{with("Accept", "application/json"), iapRefused}, {visit{method: "POST"}, iapRefused}}},
		{"a program may use Proxy-Authorization", nil, []caller{{with("Proxy-Authorization", "Bearer "+alice), inside},
			{with("Proxy-Authorization", "Bearer "+bob), denied}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			for _, do := range append(all(protected), tc.setup...) {
				do(o)
			}
			for _, c := range tc.callers {
				if diff := cmp.Diff(c.want, o.outcome(c.visit)); diff != "" {
					t.Errorf("%+v (-want +got):\n%s", c.visit, diff)
				}
			}
		})
	}
}

func TestIAPNamesWhoVouchesForAVisitor(t *testing.T) {
	single := access{"gcipSettings": map[string]any{"tenantIds": []any{"mobile-a1b2c"}, "loginPageUri": "https://auth.example.com"}}
	for _, tc := range []struct {
		name, who, want string
		access          access
	}{
		{"Google", alice, "accounts.google.com:alice@example.com", access{}},
		{"Identity Platform", eve, "securetoken.google.com/" + playground.Project + ":eve@example.net", tenant},
		{"a tenant of Identity Platform", eve,
			"securetoken.google.com/" + playground.Project + "/mobile-a1b2c:eve@example.net", single},
		{"a workforce pool", carol, "sts.google.com:carol", staff},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := build(t, global, playground.Options{})
			protected(o)
			accessors(alice, carol)(o)
			settings("", tc.access)(o)
			if got := o.visit(visit{host: o.Host, who: tc.who}); !strings.Contains(got.body,
				`"X-Goog-Authenticated-User-Email": "`+tc.want+`"`) {
				t.Errorf("the container was called with %s, want %s", got.body, tc.want)
			}
		})
	}
}
