package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy/change"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// policyFile writes a policy with these rules.
func policyFile(t *testing.T, rules string) string {
	t.Helper()
	return written(t, "policy.yaml", "version: 1\nrules:\n"+rules)
}

const shopRule = `  - name: shops
    match: {services: ["shop-*"]}
    mode: enforce
    since: 2026-12-01
    access: {members: ["group:ops@example.com"]}
`

func TestPolicyCheckShowsWhatAServiceGetsByWhichRule(t *testing.T) {
	name := policyFile(t,
		shopRule+
			"exemptions:\n  - {services: [projects/demo-project/locations/us-central1/services/shop-b], reason: r, owner: o, "+
			"ticket: t, expires: "+
			time.Now().AddDate(0, 1, 0).Format(time.DateOnly)+"}\n")
	const in = "projects/demo-project/locations/us-central1/services/"
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"the file alone", "is valid: digest ", nil},
		{"covered", "rule shops: mode enforce, recipe auto, access group:ops@example.com", []string{in + "shop-a"}},
		{"in every key",
			"  access.none wait, ingress restrict, publicInvokers remove, withoutLoadBalancer wait, callers stop, private leave, whenStuck report, " +
				"redeploy advise, redeployImage pin, enableApi false, " +
				"probe off, settle 30 seconds, quiet 10 seconds, propagation 2 minutes, limits 10 in a project and 50 overall\n",
			[]string{in + "shop-a"}},
		{"nothing is said about what is stuck", "warning: rule shops enforces and has no whenStuck: a service that cannot " +
			"be guarded stays open until a person acts.", nil},
		{"its age counts", "if it was created before 2026-12-01T00:00:00Z: only planned", []string{in + "shop-a"}},
		{"exempt", ": r (t, o)", []string{in + "shop-b"}},
		{"not covered", "is left alone: no rule covers it", []string{in + "cart"}},
		{"as JSON", `"rule":"shops","mode":"enforce"`, []string{in + "shop-a", "--format", "json"}},
	} {
		out, err := say(t, append([]string{"policy", "check", name}, tc.args...)...)
		if err != nil || !strings.Contains(out, tc.want) {
			t.Errorf("%s: %q, %v, want %q", tc.name, out, err, tc.want)
		}
	}
}

func TestPolicyCheckGivesItsErrorsAsJSON(t *testing.T) {
	bad := policyFile(t, "  - {name: a, mod: enforce}\n  - {name: b, settle: 11m}\n")
	for _, tc := range []struct {
		name, file string
		want       checked
	}{
		{"each with its place and key", bad, checked{File: bad, Errors: []problem{
			{bad, 3, 15, "rules[0].mod", "a", "INVALID", `unknown key "mod"`, "did you mean mode?"},
			{bad, 4, 5, "rules[1]", "b", "INVALID", `rule "b" never decides, since rule "a" before it matches everything ` +
				"that it matches", "move it up, or take one of them out"},
			{bad, 4, 23, "rules[1].settle", "b", "INVALID", `settle is "11m"`, "write a time from 0s to 10m0s"},
		}}},
		{"no file", "/none/p.yaml", checked{File: "/none/p.yaml", Errors: []problem{
			{File: "/none/p.yaml", Code: "UNREADABLE", Message: "reading policy: open /none/p.yaml: no such file or directory"}}}},
	} {
		out, err := say(t, "policy", "check", tc.file, "--format", "json")
		var got checked
		if json.Unmarshal([]byte(out), &got) != nil || err != statusError(exitUsage) {
			t.Errorf("%s: %q, %v, want exit status 2", tc.name, out, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	out, err := say(t, "policy", "check", policyFile(t, shopRule), "--format", "json")
	if err != nil || !strings.Contains(out, `"valid":true`) {
		t.Errorf("a valid one: %q, %v", out, err)
	}
	var usage usageError
	if _, err := say(t, "policy", "check", bad, "shop", "--format", "json"); !errors.As(err, &usage) {
		t.Errorf("no service: error %v, want wrong usage", err)
	}
}

func TestPolicyCheckGivesItsWarningsAsJSON(t *testing.T) {
	file := policyFile(t, `  - {name: site, match: {services: [www]}, recipe: off}
  - {name: all, mode: enforce}
`)
	out, err := say(t, "policy", "check", file, "--format", "json")
	var got checked
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || !got.Valid {
		t.Fatalf("%q, %v", out, err)
	}
	for i, each := range got.Warnings {
		if each.Message == "" || each.Remedy == "" {
			t.Errorf("warning %d says too little: %+v", i, each)
		}
		got.Warnings[i].Message, got.Warnings[i].Remedy = "", ""
	}
	want := []problem{
		{File: file, Line: 4, Column: 5, Rule: "all", Code: "NO_WHEN_STUCK"},
		{File: file, Line: 1, Column: 1, Code: "LOOSENING_WAITS"},
		{File: file, Line: 3, Column: 5, Rule: "site", Code: "NAME_FREE_TO_USE"},
	}
	if diff := cmp.Diff(want, got.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out, err = say(t, "policy", "check", file); err != nil ||
		!strings.Contains(out, "\n"+file+":4:5: warning: rule all enforces and has no whenStuck: ") {
		t.Errorf("as text: %q, %v", out, err)
	}
}

func TestPolicyDiffGivesWhatIsWrongAsJSON(t *testing.T) {
	bad, good := policyFile(t, "  - {name: a, mode: block}\n"), policyFile(t, shopRule)
	for _, files := range [][]string{{bad, good}, {good, bad}} {
		out, err := say(t, append(append([]string{"policy", "diff"}, files...), "projects/p", "--format", "json")...)
		var got struct{ Errors []problem }
		want := []problem{{bad, 3, 21, "rules[0].mode", "a", "INVALID", `mode is "block"`, "write report-only, approve, enforce"}}
		if json.Unmarshal([]byte(out), &got) != nil || err != statusError(exitUsage) || !cmp.Equal(want, got.Errors) {
			t.Errorf("%q, %v (-want +got):\n%s", out, err, cmp.Diff(want, got.Errors))
		}
	}
}

func TestPolicyCheckWarnsOfNoRuleThatSaysWhenStuck(t *testing.T) {
	out, err := say(t, "policy", "check", policyFile(t, `  - {name: a, mode: enforce, whenStuck: {after: 72h, do: report}}
`+approvers))
	if err != nil || strings.Contains(out, "warning") {
		t.Errorf("%q, %v, want no warning", out, err)
	}
	out, err = say(t, "policy", "check", policyFile(t, `  - {name: a, mode: approve, match: {services: [a]}}
  - {name: b, mode: enforce, match: {services: [b]}, recipe: off}
`+approvers))
	if err != nil || strings.Contains(out, "warning") {
		t.Errorf("%q, %v, want no warning for rules that write nothing by themselves", out, err)
	}
}

const approvers = "approvers: [\"user:ann@example.com\"]\n"

func TestPolicyCheckWarnsWhereNobodyCanApprove(t *testing.T) {
	const approve, enforce = "rule a is in mode approve and names no approvers: nobody can approve",
		"nobody can approve a later version of the policy that uncovers or loosens what rule a guards"
	for _, tc := range []struct {
		rule, more, want, others string
	}{
		{"mode: approve", "", approve, enforce},
		{"mode: approve", approvers, "", approve},
		{"mode: approve, approvers: [\"user:ann@example.com\"]", "", "", approve},
		{"mode: enforce", "", enforce, approve},
		{"mode: enforce", approvers, "", enforce},
		{"mode: report-only", "", "", approve},
		{"mode: approve, recipe: off", "", "", approve},
		{"mode: enforce, recipe: off", "", "", enforce},
	} {
		out, err := say(t, "policy", "check", policyFile(t, "  - {name: a, "+tc.rule+"}\n"+tc.more))
		if err != nil || !strings.Contains(out, tc.want) || strings.Contains(out, tc.others) {
			t.Errorf("%s %s: %q, %v, want %q", tc.rule, tc.more, out, err, tc.want)
		}
	}
}

func TestPolicyCheckWarnsOfANameToTake(t *testing.T) {
	out, err := say(t, "policy", "check", policyFile(t, `  - {name: site, match: {services: [www]}, recipe: off}
  - {name: all, mode: approve}
`))
	want := "warning: rule site names www in full and not projects and locations, and is not as strict as rule all in " +
		"mode, " +
		"recipe: anyone who deploys a service of that name in another place gets rule site. " +
		"Write projects: [...] and locations: [...] into its match\n"
	if err != nil || !strings.HasSuffix(out, want) {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}

func TestPolicyCheckShowsTheOtherKeysOfARule(t *testing.T) {
	name := policyFile(t, `  - name: other
    whenStuck: {after: 72h, do: close, window: {days: [sat], from: "02:00", to: "06:00"}}
    access: {members: ["group:ops@example.com"], none: enable, condition: {title: spring, expression: request.path.startsWith("/a")}}
    ingress: keep
    publicInvokers: keep
    callers: proceed
    oauthClient: {id: 123-abc.apps.googleusercontent.com, secret: projects/demo-project/secrets/s/versions/1}
`)
	out, err := say(t, "policy", "check", name, "projects/demo-project/locations/us-central1/services/a")
	for _, want := range []string{
		"whenStuck close after 72 hours, on sat from 02:00 to 06:00 UTC, ",
		"access.none enable, ingress keep, publicInvokers keep, ", "callers proceed, ",
		", oauthClient 123-abc.apps.googleusercontent.com\n", `access if request.path.startsWith("/a") (spring)`,
	} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%q, %v, want %q", out, err, want)
		}
	}
}

func TestCheckingAPolicyTakesLabelsAndFolders(t *testing.T) {
	name := policyFile(t,
		`  - {name: loose, match: {projects: ["demo-*"], folders: [folders/18], labels: {env: dev}}, ingress: keep}
  - {name: few, match: {labels: {env: prod}}, mode: approve}
  - {name: shops, match: {folders: [folders/17]}, mode: approve}
  - {name: rest, ingress: keep}
`)
	const in = "projects/demo-project/locations/us-central1/services/hello"
	for _, tc := range []struct {
		name string
		want []string
		args []string
	}{
		{"by a label", []string{"rule few: mode approve"}, []string{"--label", "env=prod,a=b", "--folder", "none"}},
		{"by a folder", []string{"rule shops: mode approve"}, []string{"--folder", "folders/1,folders/17"}},
		{"passed over",
			[]string{"rule shops: mode approve",
				"passed over: rule loose, which the labels select, is not as strict as rule shops in mode, ingress"},
			[]string{"--label", "env=dev", "--folder", "folders/18", "--folder", "folders/17"}},
		{"no folder is said",
			[]string{"which rule decides is not known: rule shops asks for folders",
				"write --folder for each, or --folder none"}, nil},
		{"in none", []string{"rule rest: mode report-only"}, []string{"--folder", "none"}},
	} {
		out, err := say(t, append([]string{"policy", "check", name, in}, tc.args...)...)
		for _, want := range tc.want {
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: %q, %v, want %q", tc.name, out, err, want)
			}
		}
	}
}

func TestPolicyCheckSaysWhichPatternOfNamesIsPassedOver(t *testing.T) {
	name := policyFile(t, `  - name: websites
    match: {projects: ["123456789012"], services: [hello, "public-*"]}
    ingress: keep
  - {name: all, match: {folders: [folders/17]}, mode: approve}
`)
	loose := written(t, "loose.yaml", "version: 1\nrules:\n  - {name: websites, match: {services: [\"public-*\"]}, "+
		"recipe: \"off\"}\n  - {name: all}\n")
	const refused = `rule "websites" selects by a pattern of service names, and is not as strict as rule "all" in recipe`
	if said := refusal(t, "policy", "check", loose); !strings.Contains(said, refused) {
		t.Errorf("%q, want a line about the pattern", said)
	}
	for service, want := range map[string]string{
		"hello": "rule websites: ",
		"public-a": "passed over: rule websites, which a pattern of service names selects, is not as strict as rule all in " +
			"mode, ingress",
	} {
		out, err := say(t, "policy", "check", name, "projects/123456789012/locations/us-central1/services/"+service,
			"--folder", "folders/17")
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %q, %v, want %q", service, out, err, want)
		}
	}
}

func TestPolicyDiffNamesTheServicesThatChange(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	const access = "    settle: 0s\n    access: {members: [\"user:alice@example.com\"]}\n"
	old := policyFile(t, "  - name: everything\n"+access)
	renewed := policyFile(t,
		"  - name: hello\n    match: {services: [hello]}\n    mode: enforce\n"+access+"  - name: everything\n"+access)
	diff := func(args ...string) (string, error) {
		return say(t, append([]string{"policy", "diff", "--endpoint", o.URL()}, args...)...)
	}
	out, err := diff(old, renewed, "projects/demo-project", "--exit-code")
	if err != statusError(exitPending) {
		t.Errorf("error %v, want exit status %d", err, exitPending)
	}
	want := "1 of 2 services changes: 0 lose protection, 0 loosened, 1 tightened, 0 otherwise\n\n" +
		"tightened: stricter in mode; different in private\n  " + playground.Scenario[0].Name() + "\n" +
		"  old: planned (rule everything, mode report-only, 6 steps)\n  new: written (rule hello, mode enforce, 6 steps)\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out, err := diff(old, old, "projects/demo-project", "--exit-code"); err != nil ||
		out != "0 of 2 services change: 0 lose protection, 0 loosened, 0 tightened, 0 otherwise\n" {
		t.Errorf("no difference: %q, %v", out, err)
	}
	out, err = diff(old, policyFile(t, shopRule), playground.Scenario[0].Name(), "--format", "json")
	var got changes
	if json.Unmarshal([]byte(out), &got) != nil || err != nil || !got.Changes || got.New.Outcome != "left-alone" ||
		len(got.Old.Steps) == 0 || got.Risk != "loosened" || got.Service != playground.Scenario[0].Name() {
		t.Errorf("as JSON: %q, %v", out, err)
	}
	if _, err := diff(old, old, "projects/demo-project", "--format", "xml"); !strings.Contains(fmt.Sprint(err),
		"write text, json or md") {
		t.Errorf("another format: %v", err)
	}
}

func TestPolicyDiffShowsTheRiskiestServicesFirst(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	rule := func(service, keys string) string {
		return fmt.Sprintf("  - {name: %s, match: {services: [%[1]s]}, settle: 0s, %s}\n", service, keys)
	}
	const alice, both = `access: {members: ["user:alice@example.com"]}`,
		`access: {members: ["user:alice@example.com", "user:bob@example.com"]}`
	for _, tc := range []struct{ name, old, new, text string }{
		{"one loses, one is looser",
			rule("hello", "mode: enforce, "+alice) + rule("billing", "mode: enforce, "+alice),
			rule("hello", "mode: approve, "+alice) + rule("billing", "mode: enforce, "+both),
			"2 of 2 services change: 1 loses protection, 1 loosened, 0 tightened, 0 otherwise\n\n" +
				"loses protection: rule hello says mode: approve; looser in mode\n  " + playground.Scenario[0].Name() +
				"\n"}, // the later name
		{"equal services are one entry",
			"  - {name: all, mode: enforce, settle: 0s}\n", "  - {name: all, settle: 0s}\n",
			"2 of 2 services change: 2 lose protection, 0 loosened, 0 tightened, 0 otherwise\n\n" +
				"loses protection: rule all says mode: report-only; looser in mode\n  " + playground.Scenario[1].Name() + "\n  " +
				playground.Scenario[0].Name() + "\n  old: "},
	} {
		args := []string{"policy", "diff", policyFile(t, tc.old), policyFile(t, tc.new), "projects/demo-project",
			"--endpoint", o.URL()}
		out, err := say(t, args...)
		if err != nil || !strings.HasPrefix(out, tc.text) {
			t.Errorf("%s: %v\n%s\nwant\n%s", tc.name, err, out, tc.text)
		}
		lines, err := say(t, append(args, "--format", "json")...)
		var first changes
		if json.Unmarshal([]byte(lines[:strings.Index(lines, "\n")]), &first) != nil || err != nil ||
			first.Risk != "loses-protection" {
			t.Errorf("%s: as JSON: %s, %v, want what loses its protection first", tc.name, lines, err)
		}
	}
}

func TestPolicyDiffIsACommentOfAPullRequest(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	out, err := say(t, "policy", "diff", "--endpoint", o.URL(), "--format", "md",
		policyFile(t, "  - {name: all, mode: enforce, settle: 0s}\n"),
		policyFile(t, "  - {name: \"a|b @all <b> *x* [l](u)\", settle: 0s}\n"), "projects/demo-project")
	if err != nil {
		t.Fatal(err)
	}
	const head = "### iapguard policy: 2 of 2 services change: 2 lose protection, 0 loosened, 0 tightened, 0 otherwise\n\nFrom <code>"
	rows := strings.Split(strings.TrimSpace(out[strings.Index(out, "| risk |"):]), "\n")
	if !strings.HasPrefix(out, head) || len(rows) != 3 {
		t.Fatalf("%s, want a headline and one row for both services", out)
	}
	for _, want := range []string{"| **loses protection** | <code>" + playground.Scenario[1].Name() +
		"</code><br><code>",
		"rule a&#124;b &#64;all &lt;b&gt; &#42;x&#42; &#91;l](u) says mode: report-only"} {
		if !strings.Contains(rows[2], want) || strings.Count(rows[2], "|") != 6 {
			t.Errorf("%s, want %s in it, and five cells", rows[2], want)
		}
	}
}

func TestPolicyDiffGoesOnWithoutAProjectItCannotRead(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	old, renewed := policyFile(t, "  - {name: all, mode: enforce, settle: 0s}\n"), policyFile(t,
		"  - {name: all, settle: 0s}\n")
	args := []string{"policy", "diff", "--endpoint", o.URL(), old, renewed, "projects/other-project"}
	out, err := say(t, append(args, "projects/demo-project")...)
	want := "3 of 3 services change: 2 lose protection, 1 not known, 0 loosened, 0 tightened, 0 otherwise\n"
	if err != statusError(exitFailed) || !strings.HasPrefix(out, want) || !strings.Contains(out,
		"\n  projects/other-project\n") {
		t.Errorf("%v, want exit status 1 and %q:\n%s", err, want, out)
	}
	if out, err := say(t, args...); err == nil || out != "" {
		t.Errorf("alone: %q, %v, want an error alone", out, err)
	}
}

func TestPolicyDiffSaysWhatCouldNotBeCompared(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	o.SetFaults(`[{"action": "status", "method": "cloudresourcemanager.projects.getAncestry", "status": 403}]`)
	rest := "  - {name: all, mode: enforce, settle: 0s}\n"
	out, err := say(t, "policy", "diff", "--endpoint", o.URL(), policyFile(t, rest),
		policyFile(t, "  - {name: few, match: {folders: [folders/1]}}\n"+rest), playground.Scenario[0].Name())
	const want = "1 of 1 service changes: 0 lose protection, 1 not known, 0 loosened, 0 tightened, 0 otherwise\n\n" +
		"not known: under the new policy: rule few asks for folders, and those above projects/demo-project cannot be read: "
	if err != nil || !strings.HasPrefix(out, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

func TestPolicyTestShowsADiffOfWhatIsWrong(t *testing.T) {
	rules := policyFile(t, shopRule)
	const in = "projects/demo-project/locations/us-central1/services/"
	right := "version: 1\nfixtures:\n  - {name: a shop, service: " + in + "shop-a, want: {rule: shops, acts: true}}\n"
	fixtures := written(t, "f.yaml", right+"  - {name: an old shop, service: "+in+"shop-a, created: 2026-11-30, want: {acts: true}}\n"+
		"  - {name: a cart, service: "+in+"cart, want: {covered: true}}\n")
	out, err := say(t, "policy", "test", rules, fixtures)
	want := fixtures + ":4:5: an old shop: rule shops decides (-want +got)\n  - acts: true\n  + acts: false\n" +
		fixtures + ":5:5: a cart: no rule covers it (-want +got)\n  - covered: true\n  + covered: false\n" +
		"2 of 3 fixtures are wrong\n"
	if diff := cmp.Diff(want, out); diff != "" || err != statusError(exitFailed) {
		t.Errorf("%v, want exit status 1 (-want +got):\n%s", err, diff)
	}
	out, err = say(t, "policy", "test", rules, fixtures, "--format", "json")
	var got tested
	if json.Unmarshal([]byte(out), &got) != nil || err != statusError(exitFailed) || got.Fixtures != 3 ||
		len(got.Wrong) != 2 ||
		got.Wrong[0].Rule != "shops" || !cmp.Equal(got.Wrong[0].Differences, []difference{{4, 129, "acts", "true",
		"false"}}) {
		t.Errorf("as JSON: %v\n%s", err, out)
	}
	bad := policyFile(t, "  - {name: a, mod: b}\n")
	out, err = say(t, "policy", "test", bad, "/none", fixtures, "--format", "json")
	var unread tested
	wantErrors := []problem{{bad, 3, 15, "rules[0].mod", "a", "INVALID", `unknown key "mod"`, "did you mean mode?"},
		{Code: "UNREADABLE", Message: "reading fixtures: open /none: no such file or directory"}}
	if json.Unmarshal([]byte(out), &unread) != nil || err != statusError(exitUsage) || !cmp.Equal(unread.Errors,
		wantErrors) {
		t.Errorf("files that cannot be read, as JSON: %v\n%s", err, out)
	}
	good := written(t, "good.yaml", right)
	if out, err := say(t, "policy", "test", rules, good, "--format", "json"); err != nil || !strings.Contains(out,
		`"fixtures":1,"wrong":[]`) {
		t.Errorf("right: %q, %v", out, err)
	}
	var usage usageError
	for want, args := range map[string][]string{
		"reading fixtures: open /none":               {rules, "/none"},
		"write iapguard policy test FILE FIXTURES":   {rules},
		"--format is \"xml\": write text or json":    {rules, good, "--format", "xml"},
		`arguments ["polcy"]: write iapguard policy`: nil,
	} {
		args = append([]string{"policy", "test"}, args...)
		if len(args) == 2 {
			args = []string{"policy", "schema", "polcy"}
		}
		if _, err := say(t, args...); !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want wrong usage with %q", args, err, want)
		}
	}
}

func TestPolicySchemaPrintsWhatEditorsRead(t *testing.T) {
	for want, args := range map[string][]string{"iapguard policy": {}, "iapguard policy fixtures": {"fixtures"}} {
		out, err := say(t, append([]string{"policy", "schema"}, args...)...)
		var got struct{ Title string }
		if json.Unmarshal([]byte(out), &got) != nil || err != nil || got.Title != want {
			t.Errorf("%q: %q, %v, want %q", args, got.Title, err, want)
		}
	}
}

func TestEveryLineOfARefusalBeginsWithItsPlace(t *testing.T) {
	bad := policyFile(t, "  - {name: a, mod: enforce, match: {services: [a]}}\n  - {name: b, settle: 11m}\n")
	fixtures := written(t, "f.yaml", "version: 1\nfixtures: [{name: a, service: b, want: {mod: c}}]\n")
	want := bad + ":3:15: unknown key \"mod\": did you mean mode?\n" + bad + ":4:23: settle is \"11m\": "
	if said := refusal(t, "policy", "check", bad); !strings.HasPrefix(said, want) || strings.Count(said, "\n") != 2 {
		t.Errorf("check: %q, want %q", said, want)
	}
	said := refusal(t, "policy", "test", bad, fixtures)
	for _, want := range []string{want, "\n" + fixtures + ":2:31: service is \"b\", ", "\n" + fixtures +
		":2:41: unknown key \"mod\""} {
		if !strings.Contains(said, want) {
			t.Errorf("test: %q, want %q", said, want)
		}
	}
}

// refusal is what a command says on standard error of a file that is not valid.
func refusal(t *testing.T, args ...string) string {
	t.Helper()
	var said strings.Builder
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(&said)
	if err := root.ExecuteContext(t.Context()); err != statusError(exitUsage) {
		t.Errorf("%q: %v, want exit status %d", args, err, exitUsage)
	}
	return said.String()
}

// inAMonth is a day on which an exemption may end.
func inAMonth() string { return time.Now().AddDate(0, 1, 0).Format(time.DateOnly) }

// GitHub takes comments of 65,536 characters.
func TestAPolicyDiffFitsAComment(t *testing.T) {
	var found policyDiff
	const services = 2000
	for i := range services {
		found.services = append(found.services, changes{Service: fmt.Sprintf("projects/p/locations/l/services/s-%d", i),
			Changes: true, Risk: change.Unknown, Why: fmt.Sprintf("reading s-%d: %s", i, strings.Repeat("<", i%100))})
	}
	var text strings.Builder
	if err := printDiffMarkdown(&text, &found); err != nil || text.Len() > 65_536 {
		t.Fatalf("%d bytes, %v", text.Len(), err)
	}
	rows := strings.Count(text.String(), "\n| **not known** |")
	more := fmt.Sprintf("\nAnd %d services more: ", services-rows)
	if rows < 100 || rows == services || !strings.Contains(text.String(), more) {
		t.Errorf("%d rows, want %q at the end:\n%s", rows, more, text.String()[text.Len()-500:])
	}
}
