package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

// shopPlan is the plan of one service, with an open address and two steps.
func shopPlan(project, service string) report.Report {
	name := "projects/" + project + "/locations/us-central1/services/" + service
	soon := time.Date(2026, 11, 23, 12, 2, 0, 0, time.UTC)
	return report.Report{
		PlanID: "0123456789abcdef", Outcome: report.Planned, Mode: policy.Approve, Exposed: door.Yes, WouldAct: true,
		Policy: &report.Policy{Digest: "abcdef012345", Rule: "shops"},
		Target: &report.Target{Project: project, Location: "us-central1", Service: service, UID: "1"},
		Doors: []report.Door{{Kind: door.DefaultURL, Address: "https://" + service + "-1.us-central1.run.app", Via: name,
			Guard: door.GuardOpen}},
		Steps: []report.Step{
			{Op: "restrict-ingress", Resource: name, Field: "ingress", From: "all", To: "internal-and-cloud-load-balancing",
				Why: "anyone on the internet reaches " + service, Result: report.StepPlanned},
			{Op: "revoke-public", Resource: name, Field: "roles/run.invoker", From: "allUsers",
				Why: "anybody may invoke it", Result: report.StepPlanned, NotBefore: &soon},
		},
	}
}

// manyPlans are the plans of so many services: most alike, some compliant, one with a caller that
// breaks, and some that are all different.
func manyPlans(services int) []report.Report {
	var plans []report.Report
	for i := range services {
		r := shopPlan("demo-project", fmt.Sprintf("shop-%05d", i))
		switch {
		case i == services/2:
			r.Callers = []report.Caller{{Kind: caller.SchedulerJob, Name: "nightly", Address: "https://shop.example.com",
				Impact: caller.Breaks, Why: "it brings no token", Remedy: "let it bring one"}}
		case i%5 == 1:
			r.Outcome, r.Exposed, r.WouldAct, r.Steps = report.Compliant, door.No, false, nil
			r.Doors[0].Guard = door.GuardIngress
		case i%10 == 2:
			r.Steps[0].Why = fmt.Sprintf("reason number %d", i)
		}
		plans = append(plans, r)
	}
	return plans
}

func TestEqualServicesAreGroupedWorstFirst(t *testing.T) {
	var plans []report.Report
	for i := range 166 {
		plans = append(plans, shopPlan("demo-project", fmt.Sprintf("shop-%d", i)))
	}
	worst := shopPlan("demo-project", "worst")
	worst.Callers = []report.Caller{{Kind: caller.SchedulerJob, Name: "nightly", Impact: caller.Breaks}}
	held := shopPlan("demo-project", "held")
	held.Outcome, held.WouldAct, held.WaitingFor = report.Held, false, &report.WaitingFor{What: "an incident"}
	fine := shopPlan("demo-project", "fine")
	fine.Outcome, fine.Exposed, fine.WouldAct, fine.Steps, fine.Doors = report.Compliant, door.No, false, nil, nil
	other := shopPlan("demo-project", "other")
	other.Steps[1].Why = "for another reason"
	got := plain(planLines(append(plans, fine, held, other, worst)))
	last := -1
	for _, want := range []string{"services/worst\n  PLANNED", "166 services: the same 2 steps\n" +
		"  PLANNED  (rule shops, mode approve, policy abcdef012345)\n" +
		"  ! open     166 addresses  (default-url)\n" +
		"    1. ~ restrict-ingress       projects/PROJECT/locations/REGION/services/SERVICE\n" +
		"       ingress: all -> internal-and-cloud-load-balancing\n" +
		"       because anyone on the internet reaches SERVICE\n",
		"  in projects/demo-project/locations/us-central1: shop-0, shop-1, shop-2, shop-3, shop-4, shop-5, shop-6, " +
			"shop-7, and 158 more\n",
		"because for another reason\n", "services/held\n  HELD", "services/fine\n  COMPLIANT",
		"170 services: 1 compliant, 1 held, 168 planned; 336 steps; 169 with an open door\n"} {
		at := strings.Index(got, want)
		if at <= last {
			t.Errorf("%q stands at %d, want it after %d:\n%s", want, at, last, got)
		}
		last = at
	}
	if strings.Contains(got, "shop-100") {
		t.Error("every service of a group is named")
	}
}

func TestThePlanOfManyServicesFitsAFewScreens(t *testing.T) {
	for _, services := range []int{1000, 10_000} {
		text := rendering{width: 120}.render(planLines(manyPlans(services)))
		if lines := strings.Count(text, "\n"); lines > 150 {
			t.Errorf("%d services: %d lines, want at most 150", services, lines)
		}
		if !strings.Contains(text, "nightly") || strings.Index(text, "nightly") > strings.Index(text, "the same 2 steps") {
			t.Errorf("%d services: the caller that breaks is not first:\n%s", services, text)
		}
		if text := markdown(manyPlans(services), "plan.json", nil); len(text) > 65_536 {
			t.Errorf("%d services: a comment of %d bytes, and GitHub takes 65,536 characters", services, len(text))
		}
	}
	if got := plain(planLines(nil)); got != "" {
		t.Errorf("no service: %q", got)
	}
}

// hostile is text that its author wants to reach beyond its place.
const hostile = "a\x1b[2J\x9b\r\nb\u202egpj.exe\u2066 שלום \u200b漢字 ```\n# x @all <b> | "

func hostilePlan() report.Report {
	r := shopPlan(strings.Repeat("p", 30), strings.Repeat("s", 63))
	r.Policy.Rule, r.Policy.SkippedRules = hostile, []string{hostile}
	r.Doors[0].Why, r.Doors[0].Names, r.Doors[0].Exempt = hostile, hostile, hostile
	r.Steps[0].Why, r.Steps[0].To = hostile, hostile
	r.WaitingFor = &report.WaitingFor{What: hostile}
	r.Exemption = &report.Exemption{Owner: hostile, Ticket: hostile, Reason: hostile}
	r.Findings = []report.Finding{{Code: "CDN_ENABLED", Severity: "high", Resource: hostile, Why: hostile}}
	r.Accessors, r.Invokers = []report.Named{{Member: hostile}}, []report.Named{{Member: hostile}}
	r.Callers = []report.Caller{{Kind: caller.Visitor, Name: hostile, Impact: caller.Breaks, Why: hostile,
		Remedy: hostile}}
	r.Verdict, r.Why, r.RunID, r.Evidence = hostile, hostile, hostile, []report.Evidence{{What: hostile, Found: hostile}}
	r.Unread, r.Advice = []report.Unread{{Why: hostile}}, []string{hostile}
	return r
}

func TestHostileTextStaysInItsPlaceAtEveryWidth(t *testing.T) {
	r := hostilePlan()
	for name, lines := range map[string][]line{
		"one service": planLines([]report.Report{r}), "a group": planLines([]report.Report{r, r, r, r, r}),
		"the effect": effectOf([]report.Report{r}).lines(time.Now()), "why": {whyLine(r, why(r))},
		"an error": errorLines(fmt.Errorf("%s", hostile)), "a result": detailLines(r, true),
		"a diagnosis": diagnosisLines(r), "diagnoses": diagnosesLines([]report.Report{r, r}), "a report": {reportLine(r)},
		"the status": hostileStatus().lines(), "the header": {contextLine(hostile, hostile, 2, true)},
		"the deployment's status": (&inForce{to: &recipient{}, status: function.Status{Version: hostile, Revision: hostile,
			Open: []function.OpenService{{Service: hostile}}, Unread: []string{hostile}}}).lines(policyStatus{}, queuesStatus{Unread: []string{hostile}}, time.Now()),
		"an explanation": {explanation{File: hostile, Service: hostile, Project: hostile, Principal: hostile}.line()},
		"a policy": checked{File: hostile, Warnings: []problem{{File: hostile, Message: hostile, Remedy: hostile}}, Target: &wanted{Name: hostile, Rule: hostile,
			Access: []string{hostile}, How: hostile, SkippedRules: []string{hostile}}}.lines(),
		"fixtures": tested{Wrong: []wrongResult{{File: hostile, Name: hostile, Rule: hostile,
			Differences: []difference{{Key: hostile, Want: hostile, Got: hostile}}}}}.lines(),
		"doors since then": (&comparison{New: []auditedDoor{{hostile, door.DefaultURL, hostile}}}).lines(),
		"every door":       fullLines([]audited{{Service: hostile, Error: hostile, Advice: []string{hostile}}}),
		"a help":           helpLines("Long " + hostile + "\n\nFlags:\n  --flag   " + hostile),
	} {
		for _, width := range []int{0, 20, 80, 300} {
			text := rendering{width: width}.render(lines)
			control := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
			if at := strings.IndexFunc(text, control); at >= 0 || !utf8.ValidString(text) {
				t.Errorf("%s at %d columns has a control character: %q", name, width, text[max(0, at-20):])
			}
			whole := map[string]bool{}
			for _, each := range lines {
				whole[strings.TrimSpace(plain([]line{each}))] = each.whole
			}
			for each := range strings.Lines(text) {
				each = strings.TrimRight(each, "\n")
				words := strings.Fields(each)
				if width > 0 && runewidth.StringWidth(each) > width && len(words) > 1 && !whole[strings.TrimSpace(each)] &&
					runewidth.StringWidth(strings.Join(words[len(words)-1:], " ")) < width/2 {
					t.Errorf("%s at %d columns is %d wide: %q", name, width, runewidth.StringWidth(each), each)
				}
			}
		}
	}
}

func hostileStatus() status {
	return status{
		Policy: policyStatus{Digest: hostile, Rules: []ruleStatus{{Name: hostile}}}, Unreadable: hostile, Problems: []string{hostile},
		Holds: []holdStatus{{Target: hostile, Reason: hostile, By: hostile}},
		Limits: &limitsStatus{Breaker: []memory.Failure{{Op: hostile, Resource: hostile}},
			InForce: &inForceStatus{Digest: hostile, Waiting: &memory.WaitingPolicy{Services: []string{hostile}}}},
	}
}

func TestNamesLinkToTheConsole(t *testing.T) {
	const run, backend = "https://console.cloud.google.com/run/detail/us-central1/shop?project=p-12345",
		"https://console.cloud.google.com/net-services/loadbalancing/"
	link := func(page, name string) string { return "\x1b]8;;" + page + "\x1b\\" + name + "\x1b]8;;\x1b\\" }
	const shop = "projects/p-12345/locations/us-central1/services/shop"
	long := strings.Repeat("s", 63)
	for _, tc := range []struct{ text, want string }{
		{shop + ": held", link(run, shop) + ": held"},
		{"open (" + shop + ")", "open (" + link(run, shop) + ")"},
		{"projects/example.com:p-1/locations/l/services/" + long,
			link("https://console.cloud.google.com/run/detail/l/"+long+"?project=example.com%3Ap-1",
				"projects/example.com:p-1/locations/l/services/"+long)},
		{"projects/p/global/backendServices/b", link(backend+"backends/details/backendService/b?project=p",
			"projects/p/global/backendServices/b")},
		{"projects/p/regions/r/backendServices/b", link(backend+"list/backends?project=p", "projects/p/regions/r/backendServices/b")},
		{shop + "/revisions/r", shop + "/revisions/r"}, {"//run.googleapis.com/" + shop, "//run.googleapis.com/" + shop},
		{shop + "_x", shop + "_x"}, {shop + "é", shop + "é"}, {"projects/p/locations/l/services/", "projects/p/locations/l/services/"},
		{"projects/p\x1b]8;;https://evil.example.com\x1b\\/locations/l/services/s",
			`projects/p\x1b]8;;https://evil.example.com\x1b\/locations/l/services/s`},
		{"projects/p\u202e/locations/l/services/s", `projects/p\u202e/locations/l/services/s`},
	} {
		for _, lines := range [][]line{{{text: tc.text}}, {{lead: tc.text}}} {
			for _, width := range []int{0, 300} {
				if got := (rendering{width: width, links: true}).render(lines); got != tc.want+"\n" {
					t.Errorf("%q at %d columns: %q, want %q", tc.text, width, got, tc.want)
				}
			}
		}
		if got := plain([]line{{text: tc.text}}); strings.Contains(got, "\x1b") {
			t.Errorf("without links: %q", got)
		}
	}
}

func TestLinksAreShownWhereTheTerminalKnowsThem(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false}, {map[string]string{"TERM": "xterm-256color"}, false},
		{map[string]string{"TERM": "xterm-kitty"}, true}, {map[string]string{"TERM_PROGRAM": "vscode"}, true},
		{map[string]string{"WT_SESSION": "1"}, true}, {map[string]string{"KONSOLE_VERSION": "220401"}, true},
		{map[string]string{"VTE_VERSION": "6003"}, true}, {map[string]string{"VTE_VERSION": "4205"}, false},
		{map[string]string{"VTE_VERSION": "5000"}, false},
		{map[string]string{"VTE_VERSION": "6003", "NO_COLOR": "1"}, false},
		{map[string]string{"VTE_VERSION": "6003", "TERM": "dumb"}, false},
		{map[string]string{"VTE_VERSION": "6003", "TMUX": "/tmp/tmux"}, false},
		{map[string]string{"VTE_VERSION": "6003", "TERM": "screen-256color"}, false},
		{map[string]string{"FORCE_HYPERLINK": "1"}, true},
		{map[string]string{"FORCE_HYPERLINK": "0", "TERM": "xterm-kitty"}, false},
		{map[string]string{"FORCE_HYPERLINK": "1", "NO_COLOR": "1"}, false},
	} {
		if got := showsLinks(func(name string) string { return tc.env[name] }); got != tc.want {
			t.Errorf("%v: %t, want %t", tc.env, got, tc.want)
		}
	}
}

func TestAPlanAsMarkdownCanBeApprovedAndHoldsNoMarkup(t *testing.T) {
	r := hostilePlan()
	text := markdown([]report.Report{r, shopPlan("demo-project", "shop")}, "", []string{"--policy", "a b.yaml"})
	fence := ""
	for each := range strings.Lines(text) {
		row := len(each) - len(strings.TrimLeft(each, "`"))
		switch {
		case fence == "" && row >= 3:
			fence = each
		case fence != "" && each == fence:
			fence = ""
		case fence == "" && (strings.HasPrefix(each, "# x") || strings.Contains(each, "@all") && !strings.Contains(each, "`")):
			t.Errorf("text of others is markup: %q", each)
		}
	}
	if fence != "" {
		t.Errorf("a block of code does not end:\n%s", text)
	}
	for _, want := range []string{"## iapguard: 4 steps to 2 services\n", "- **closes** `",
		"\niapguard approve 0123456789abcdef  # projects/demo-project/locations/us-central1/services/shop\n",
		"iapguard apply projects/" + strings.Repeat("p", 30), " --policy 'a b.yaml'\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the comment lacks %q:\n%s", want, text)
		}
	}
	text = markdown([]report.Report{{Outcome: report.Compliant}}, "", nil)
	if !strings.Contains(text, "nothing to write to 1 service") || strings.Contains(text, "iapguard approve") {
		t.Errorf("nothing to write:\n%s", text)
	}
}

func TestColourIsShownWhereItIsWanted(t *testing.T) {
	for _, tc := range []struct {
		env      map[string]string
		terminal bool
		want     bool
	}{
		{nil, true, true}, {nil, false, false},
		{map[string]string{"NO_COLOR": "1"}, true, false},
		{map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, true, false},
		{map[string]string{"CLICOLOR_FORCE": "1"}, false, true}, {map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		{map[string]string{"CLICOLOR": "0"}, true, false}, {map[string]string{"TERM": "dumb"}, true, false},
	} {
		if got := showsColour(func(name string) string { return tc.env[name] }, tc.terminal); got != tc.want {
			t.Errorf("%v at a terminal %t: %t, want %t", tc.env, tc.terminal, got, tc.want)
		}
	}
	lines := []line{{lead: "  ! open  ", text: "here", style: red}}
	if got, want := (rendering{colour: true}).render(lines), "  \x1b[31m! open\x1b[0m  here\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := plain(lines), "  ! open  here\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
