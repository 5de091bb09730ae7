package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandsAreQuotedForAShell(t *testing.T) {
	for word, want := range map[string]string{
		"hello": "hello", "": "''", "a b": "'a b'", "$(reboot)": "'$(reboot)'", "it's": `'it'\''s'`, "`x`": "'`x`'",
		"user:a@example.com": "user:a@example.com", "https://h/p?q": "'https://h/p?q'", "a\nb": "'a\nb'",
	} {
		t.Run(word, func(t *testing.T) {
			if diff := cmp.Diff("gcloud x "+want+" --flag="+want, gcloud("x", word).Flag("flag", word).String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACommandIsNotChangedByWhatIsBuiltOnIt(t *testing.T) {
	base := gcloud("a").word("b")
	one, two := base.word("one"), base.word("two")
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
