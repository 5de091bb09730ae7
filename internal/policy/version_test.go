package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/posture"
)

var hello = posture.Target{Project: "p-12345", Location: "us-central1", Service: "hello"}

// notLetIn are the keys of strictnesses that Looser passes over, each with its reason.
var notLetIn = map[string]string{
	"recipe":              "another way to guard; off leaves the service uncovered",
	"withoutLoadBalancer": "a guarded service has a way in",
	"whenStuck":           "a guarded service is not stuck",
	"private":             "what was guarded is guarded again whatever it says",
	"access.members":      "compared by Looser itself: nobody at all is not looser",
	"access.none":         "about a service that nobody gets into",
	"approvers":           "compared by Looser itself: the first approvers loosen nothing",
	"accept":              "it keeps the word and the count",
	"oauthClient":         "set where IAP is turned on alone",
	"settle":              "how fast",
	"quiet":               "how fast",
	"propagation":         "how fast",
	"callers":             "no caller stops a re-protection",
	"probe":               "it changes nothing",
	"limits":              "no limit counts a re-protection",
	"redeploy":            "it lets nobody in",
	"enableApi":           "IAP was on",
	"redeployImage":       "it lets nobody in",
}

func TestEveryKeyLetsSomebodyInOrHasAReasonNotTo(t *testing.T) {
	for _, each := range strictnesses {
		if slices.Contains(letIn, each.key) == (notLetIn[each.key] != "") {
			t.Errorf("%s: write it into letIn, or the reason into notLetIn", each.key)
		}
	}
}

func TestAVersionThatLoosensAGuardedServiceSaysInWhat(t *testing.T) {
	const rule = "  - name: a\n    mode: enforce\n" +
		"    access: {members: [\"user:a@example.com\"], domains: [example.com]}\n"
	exempt := func(day string) string {
		return rule + "exemptions: [{services: [" + hello.Name() + "], reason: r, owner: o, ticket: t, expires: " +
			day + "}]\n"
	}
	changed := func(from, to string) string { return strings.Replace(rule, from, to, 1) }
	named := changed("- name: a", "- name: a\n    match: {services: [hello]}")
	for _, tc := range []struct {
		name, before, after string
		want                []string
	}{
		{"the same", rule, rule, nil},
		{"no rule any more", rule, changed("- name: a", "- name: a\n    match: {projects: [other]}"),
			[]string{"no rule covers it"}},
		{"recipe off", rule, rule + "    recipe: \"off\"\n", []string{"no rule covers it"}},
		{"a weaker mode", rule, changed("enforce", "approve"), []string{"mode"}},
		{"a stricter mode", changed("enforce", "report-only"), rule, nil},
		{"another recipe", rule, rule + "    recipe: load-balancer\n", nil},
		{"ingress kept", rule, rule + "    ingress: keep\n", []string{"ingress"}},
		{"public invokers kept", rule, rule + "    publicInvokers: keep\n", []string{"publicInvokers"}},
		{"public accessors kept", rule, changed("domains:", "publicAccessors: report, domains:"),
			[]string{"access.publicAccessors"}},
		{"later services only", rule, rule + "    since: 2026-01-01\n", []string{"since"}},
		{"another member", rule, changed("\"user:a@example.com\"", "\"user:a@example.com\", \"user:b@example.com\""),
			[]string{"access.members"}},
		{"no member", rule, changed("members: [\"user:a@example.com\"], ", ""), nil},
		{"another domain", rule, changed("[example.com]", "[example.com, example.org]"),
			[]string{"access.domains, access.trusted"}},
		{"no domains", rule, changed(", domains: [example.com]", ""), []string{"access.domains, access.trusted"}},
		{"slower", rule, rule + "    settle: 10m\n", nil},
		{"private services left", named, named + "    private: leave\n", nil},
		{"the first approvers", rule, rule + "approvers: [\"user:ann@example.com\"]\n", nil},
		{"another approver", rule + "approvers: [\"user:ann@example.com\"]\n",
			rule + "approvers: [\"user:bob@example.com\"]\n", []string{"approvers"}},
		{"no approvers any more", rule + "approvers: [\"user:ann@example.com\"]\n", rule, nil},
		{"an exemption", rule, exempt("2026-12-31"), []string{"exemptions"}},
		{"a longer exemption", exempt("2026-12-31"), exempt("2027-01-31"), []string{"exemptions"}},
		{"a shorter exemption", exempt("2027-01-31"), exempt("2026-12-31"), nil},
		{"an exemption that is over", rule, exempt("2026-11-01"), nil},
		{"an exempt door", rule, rule + "exemptions: [{services: [" + hello.Name() + "], " + full + ", " + hooks + "}]\n",
			[]string{"exemptions"}},
		{"two at once", rule, changed("enforce", "report-only") + "    ingress: keep\n", []string{"mode", "ingress"}},
		{"a rule by labels gone", "  - {name: l, match: {labels: {env: prod}}, mode: enforce}\n  - name: rest\n",
			"  - name: rest\n", []string{"mode"}},
		{"a rule for another service", rule, "  - {name: b, match: {services: [other]}, mode: report-only}\n" + rule, nil},
		{"what was left alone", changed("- name: a", "- name: a\n    match: {projects: [other]}"), rule, nil},
	} {
		subject := Subject{Target: hello, Labels: map[string]string{"env": "prod"}}
		if diff := cmp.Diff(tc.want, parsed(t, tc.after).Looser(parsed(t, tc.before), subject, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestUnknownFoldersLoosenWhereSomeWould(t *testing.T) {
	const rest = "  - {name: rest, mode: enforce}\n"
	loose := "  - {name: f, match: {folders: [folders/12]}}\n" + rest
	for _, tc := range []struct {
		name, before, after string
		above               posture.Ancestors
		want                []string
	}{
		{"not known", rest, loose, posture.Ancestors{Unread: "denied"}, []string{"mode"}},
		{"not known, and nothing changes there", loose, loose + "maxExemption: 30d\n", posture.Ancestors{}, nil},
		{"in the folder", rest, loose, posture.Ancestors{Known: true, Folders: []string{"folders/12"}}, []string{"mode"}},
		{"elsewhere", rest, loose, posture.Ancestors{Known: true, Folders: []string{"folders/13"}}, nil},
	} {
		subject := Subject{Target: hello, Ancestors: tc.above}
		if diff := cmp.Diff(tc.want, parsed(t, tc.after).Looser(parsed(t, tc.before), subject, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestWithoutAnyPolicyEverythingIsReportOnly(t *testing.T) {
	lost := Policy{}.Unreadable("the file is broken")
	settings, inScope := lost.For(Subject{Target: hello})
	if !inScope || settings.Mode != ReportOnly || settings.PolicyUnread != "the file is broken" || lost.Digest() != "none" {
		t.Errorf("in scope %t, %+v, digest %s", inScope, settings, lost.Digest())
	}
	if settings, _ := lost.Sparing(hello, "1").For(Subject{Target: hello}); !settings.Exemption.BuiltIn() {
		t.Error("our own service is not spared")
	}
}

func TestANoticeStandsInTheSettings(t *testing.T) {
	policy := parsed(t, "  - name: a\n").Announcing("another version waits")
	if settings, _ := policy.For(Subject{Target: hello}); settings.Notice != "another version waits" {
		t.Errorf("notice %q", settings.Notice)
	}
}
