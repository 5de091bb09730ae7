package parser

import (
	"strings"
	"testing"
)

func TestGcloudsOwnParserJudges(t *testing.T) {
	t.Parallel()
	const service = "run services describe hello --project=p --region=us-central1"
	cases := []struct{ command, want string }{ // "" = taken
		{service, ""},
		{service + " --regionn=r", "unrecognized arguments: --regionn"},
		{"run services describe", "SERVICE"},
		{"run services descibe hello", "Invalid choice: 'descibe'"},
		{"run services", "Command name argument expected"},
		{"run services update hello --ingress=none", "Invalid choice: 'none'"},
		{"beta run services update hello --no-iap", ""},
		{"iap web add-iam-policy-binding --member=user:a@b.c --role=r", ""},
		{"iap web add-iam-policy-binding --member=user:a@b.c", "--role"},
		{"scheduler jobs update http j --uri=nowhere", "Must be a valid HTTP or HTTPS URL"},
		{service + " --help", "SYNOPSIS"}, // shown instead of run,
		{"projects list --project=it's", "valid project ID"},
		{service, ""}, // what was refused before leaves nothing behind
	}
	var commands [][]string
	for _, tc := range cases {
		commands = append(commands, strings.Fields(tc.command))
	}
	for i, got := range Refusals(t, commands) {
		if want := cases[i].want; !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("gcloud %s: refused with %q, want %q", cases[i].command, got, want)
		}
	}
}
