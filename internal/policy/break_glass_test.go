package policy

import (
	"strings"
	"testing"
)

func TestWhoMayBreakTheGlassIsAnAccount(t *testing.T) {
	for member, want := range map[string]string{
		"user:alice@example.com":                            "",
		"serviceAccount:oncall@ops.iam.gserviceaccount.com": "",
		"group:oncall@example.com":                          "is a group, and who is in it is not read: list its members as user:ADDRESS",
		"allUsers":                                          "is not an account: write user:ADDRESS or serviceAccount:ADDRESS",
		"domain:example.com":                                "is not an account",
		"principalSet://iam.googleapis.com/x":               "is not an account",
	} {
		_, err := Parse([]byte(head+"    breakGlass: [\""+member+"\"]\n"), now)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || (got == "") != (want == "") || strings.Contains(got, "\n") {
			t.Errorf("%s: %q, want %q in one line", member, got, want)
		}
	}
}

func TestAPrincipalIsComparedAsAnAddress(t *testing.T) {
	s := Settings{BreakGlass: []string{"user:alice@gmail.com", "serviceAccount:oncall@ops.iam.gserviceaccount.com"}}
	for principal, want := range map[string]bool{
		"alice@gmail.com": true, "Alice@googlemail.com": true, "oncall@ops.iam.gserviceaccount.com": true,
		"bob@gmail.com": false, "": false, "user:alice@gmail.com": false,
	} {
		if got := s.BreaksGlass(principal); got != want {
			t.Errorf("%q: %t", principal, got)
		}
	}
}

func TestAChosenRuleNamesNobodyElseWhoBreaksTheGlass(t *testing.T) {
	alice, both := Settings{BreakGlass: []string{"user:a@b.c"}}, Settings{BreakGlass: []string{"user:a@b.c", "user:m@b.c"}}
	for name, tc := range map[string]struct {
		labelled, base Settings
		less           bool
	}{"one more": {both, alice, true}, "one fewer": {alice, both, false}, "nobody": {Settings{}, both, false}} {
		keys := strings.Join(LessStrict(tc.labelled, tc.base), " ")
		if strings.Contains(keys, "breakGlass") != tc.less {
			t.Errorf("%s: %q", name, keys)
		}
	}
}
