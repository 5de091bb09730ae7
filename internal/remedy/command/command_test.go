package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

func TestCommandsAreQuotedForAShell(t *testing.T) {
	for word, want := range map[string]string{
		"hello": "hello", "a b": "'a b'", "$(reboot)": "'$(reboot)'", "it's": `'it'\''s'`, "`x`": "'`x`'",
		"user:a@example.com": "user:a@example.com", "https://h/p?q": "'https://h/p?q'", "a\nb": "'a\nb'",
	} {
		t.Run(word, func(t *testing.T) {
			if diff := cmp.Diff("gcloud x "+want+" --flag="+want, gcloud("x", word).flag("flag", word).String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACommandIsNotChangedByWhatIsBuiltOnIt(t *testing.T) {
	base := gcloud("a", "b")
	one, two := base.named("one"), base.named("two")
	if one.String() != "gcloud a b one" || two.String() != "gcloud a b two" {
		t.Errorf("%s and %s", one, two)
	}
}

func TestTheOutputOfACommandIsAnArgument(t *testing.T) {
	signed := SignPushes("projects/p/subscriptions/it's", Account)
	want := `gcloud pubsub subscriptions update 'it'\''s' --project=p --push-endpoint="$(gcloud pubsub subscriptions ` +
		`describe 'it'\''s' --project=p --format='value(pushConfig.pushEndpoint)')" --push-auth-service-account=ACCOUNT`
	if diff := cmp.Diff(want, signed.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	words := []string{"pubsub", "subscriptions", "update", "it's", "--project=p", "--push-endpoint=https://x",
		"--push-auth-service-account=ACCOUNT"}
	if diff := cmp.Diff(words, signed.Arguments("https://x")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestANameIsNeverAFlag(t *testing.T) {
	for name, want := range map[string]string{"-x": "NAME", "--flags-file=/etc/passwd": "NAME", "": "NAME", "x-": "x-"} {
		if got := DescribeService(posture.Target{Service: name}).Arguments(""); got[3] != want {
			t.Errorf("a service named %q is %q, want %q", name, got[3], want)
		}
	}
}

func TestAFlagOfSeveralPairsHasAFreeSeparator(t *testing.T) {
	for name, tc := range map[string]struct{ expression, want string }{
		"no comma":                {"a; b", "--condition=expression=a; b,title=t"},
		"a comma":                 {"f(a, b)", "--condition=^;^expression=f(a, b);title=t"},
		"a comma and a semicolon": {"f(a, b); c", "--condition=^|^expression=f(a, b); c|title=t"},
		"all separators":          {"a,b;c|d~e", "--condition=..."},
	} {
		t.Run(name, func(t *testing.T) {
			at := posture.Condition{Title: "t", Expression: tc.expression}
			got := GrantServiceAccess(posture.Target{}, Member, at).Arguments("")
			if last := got[len(got)-1]; last != tc.want {
				t.Errorf("%q, want %q", last, tc.want)
			}
		})
	}
}

func TestAnOAuthClientIsOneValue(t *testing.T) {
	for client, want := range map[string]string{"77.apps": "77.apps", "a,enabled": "ID", "": "ID"} {
		got := EnableIAPWith(posture.Backend{}, client).Arguments("")
		if want := "--iap=enabled,oauth2-client-id=" + want + ",oauth2-client-secret=SECRET"; got[len(got)-1] != want {
			t.Errorf("%q, want %q", got[len(got)-1], want)
		}
	}
}

func TestACommandNamesWhereAResourceIs(t *testing.T) {
	global := posture.Backend{Project: "p", Location: posture.Global, Name: "b"}
	regional := posture.Backend{Project: "p", Location: "r", Name: "b"}
	service := posture.Target{Project: "p", Location: "r", Service: "s"}
	const access = " --project=p --role=roles/iap.httpsResourceAccessor --member=MEMBER"
	for want, c := range map[string]Command{
		"gcloud compute backend-services update b --global --project=p --iap=disabled":   DisableIAP(global),
		"gcloud compute backend-services update b --region=r --project=p --iap=disabled": DisableIAP(regional),
		"gcloud run services describe s --region=r --project=p":                          DescribeService(service),
		"gcloud iap web add-iam-policy-binding --resource-type=backend-services --service=b" + access: GrantBackendAccess(
			global, Member, posture.Condition{}),
		"gcloud iap web add-iam-policy-binding --resource-type=backend-services --service=b --region=r" +
			access: GrantBackendAccess(
			regional, Member, posture.Condition{}),
		"gcloud beta iap web add-iam-policy-binding --resource-type=cloud-run --service=s --region=r" +
			access: GrantServiceAccess(
			service, Member, posture.Condition{}),
		"gcloud scheduler jobs update http j --location=l --project=p --oidc-service-account-email=a": SignJob(
			"projects/p/locations/l/jobs/j", "a"),
		"gcloud secrets versions add s --project=p --data-file=-": AddSecretVersion(
			"projects/p/secrets/s/versions/7"),
		"gcloud iam roles update r --add-permissions=x --project=p": AddPermission("r",
			"x", "projects/p"),
		"gcloud iam roles update r --add-permissions=x --organization=9": AddPermission("r", "x",
			"organizations/9"),
		"gcloud services enable a": EnableAPI("a", ""),
		"gcloud run services update s --region=r --project=p --revision-suffix=": UnnameRevision(service),
		"gcloud resource-manager folders add-iam-policy-binding 1 --member=m --role=r": GrantRoleAbove(
			"folders/1", "r", "m"),
		"gcloud iam service-accounts add-iam-policy-binding a --member=m --role=r": GrantAccountRole("a", "r", "m", ""),
		"gcloud projects remove-iam-policy-binding p --member=m --role=r --all": RevokeAccess("projects/p",
			"p", "r", "m"),
		"gcloud iap web remove-iam-policy-binding --project=p --member=m --role=r --all": RevokeAccess("projects/7/iap_web",
			"p", "r", "m"),
	} {
		if diff := cmp.Diff(want, c.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
