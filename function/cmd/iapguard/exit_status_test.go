package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// outcomes are all that a report may have.
func allOutcomes(t *testing.T) []report.Outcome {
	t.Helper()
	var schema struct {
		Properties struct {
			Outcome struct {
				Enum []report.Outcome `json:"enum"`
			} `json:"outcome"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(report.Schema, &schema); err != nil || len(schema.Properties.Outcome.Enum) < 10 {
		t.Fatalf("the schema lists the outcomes %v: %v", schema.Properties.Outcome.Enum, err)
	}
	return schema.Properties.Outcome.Enum
}

func TestEveryOutcomeHasItsExitStatus(t *testing.T) {
	asAsked := map[report.Outcome]bool{report.Compliant: true, report.Protected: true, report.Redeployed: true}
	for _, outcome := range allOutcomes(t) {
		for _, tc := range []struct {
			exposed      door.Knowledge
			accepted     bool
			apply, looks int
		}{
			{exposed: door.No}, {exposed: door.Yes, apply: exitFailed}, {exposed: door.Unknown, apply: exitFailed},
			{exposed: door.Unknown, accepted: true},
		} {
			final := report.Report{Outcome: outcome, Exposed: tc.exposed, Accepted: tc.accepted,
				Target: &report.Target{UID: "1"}}
			if !asAsked[outcome] {
				tc.apply = exitFailed
			}
			if outcome == report.Failed || outcome == report.Rejected {
				tc.looks = exitFailed
			}
			if got := appliedStatus(final); got != tc.apply {
				t.Errorf("apply, %s, exposed %s, accepted %t: exit status %d, want %d", outcome, tc.exposed, tc.accepted,
					got, tc.apply)
			}
			if got := lookedStatus(final); got != tc.looks {
				t.Errorf("plan, %s, exposed %s: exit status %d, want %d", outcome, tc.exposed, got, tc.looks)
			}
			said := plain([]line{whyLine(final, why(final))})
			if strings.Count(said, "\n") != 1 || !strings.Contains(strings.ToLower(said), string(outcome)) ||
				strings.HasSuffix(said, ": \n") {
				t.Errorf("%s is said as %q, want one line with a reason", outcome, said)
			}
		}
	}
	if unread := (report.Report{Outcome: report.Blocked, Target: &report.Target{}}); lookedStatus(unread) != exitFailed {
		t.Error("a service of which nothing could be read counts as looked at")
	}
	strange := report.Report{Outcome: "surprise"}
	if appliedStatus(strange) != exitFailed || lookedStatus(strange) != exitFailed {
		t.Error("an unknown outcome counts as done")
	}
}

func TestThePageHasTheTableOfExitStatuses(t *testing.T) {
	text := pages(t)["deploy/docs/reference/commands.md"]
	var want strings.Builder
	want.WriteString("| exit status | meaning |\n|---|---|\n")
	for _, each := range exitMeanings {
		fmt.Fprintf(&want, "| %d | %s |\n", each.status, each.meaning)
	}
	if !strings.Contains(text, want.String()+"\n") {
		t.Errorf("deploy/docs/reference/commands.md lacks the table of exit statuses:\n%s", &want)
	}
}

func TestApplySaysInOneLineWhyItDidNotProtect(t *testing.T) {
	hello := playground.Scenario[0]
	shared := "/compute/v1/projects/demo-project/global/backendServices/hello-backend"
	until := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	for _, tc := range []struct {
		name, policy, holds string
		given               func(o *cloudtest.Env)
		outcome, why        string
		asks                int  // steps that are written even so
		steps               bool // there are more to take
	}{
		{name: "held", holds: "version: 1\nholds:\n  - {target: projects/demo-project, until: " +
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + ", reason: an incident, by: carol}\n",
			outcome: "HELD", why: "projects/demo-project is held until ", steps: true},
		{name: "exempt", policy: cloudtest.Policy() + "exemptions:\n  - {services: [" + hello.Name() +
			"], reason: a public site, owner: team-site, ticket: T-1, expires: " + until + "}\n",
			outcome: "EXEMPT", why: "a public site (T-1, team-site) until "},
		{name: "waiting", given: func(o *cloudtest.Env) { o.Deploy(hello) }, outcome: "WAITING",
			why: "no load balancer's backend service leads to the service", asks: 2},
		{name: "blocked", given: func(o *cloudtest.Env) {
			o.Build(hello)
			o.Call(http.MethodPatch, shared, map[string]any{"enableCDN": true})
		}, outcome: "BLOCKED", why: "CDN_ENABLED: ", asks: 3},
		{name: "uncovered", policy: "version: 1\nrules:\n  - {name: else, mode: enforce, match: {services: [else]}, " +
			"access: {members: [\"user:a@example.com\"]}}\n", outcome: "UNCOVERED", why: "no rule of the policy covers it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := cloudtest.Start(t, playground.Options{})
			if tc.given == nil {
				tc.given = func(o *cloudtest.Env) { o.Build(hello) }
			}
			if tc.policy == "" {
				tc.policy = cloudtest.Policy()
			}
			tc.given(o)
			args := []string{"apply", hello.Name(), "--policy", written(t, "policy.yaml", tc.policy), "--endpoint", o.URL()}
			if tc.holds != "" {
				args = append(args, "--holds", written(t, "holds.yaml", tc.holds))
			}
			before := len(o.Calls().Writes())
			out, err := say(t, args...)
			if !errors.Is(err, statusError(exitFailed)) {
				t.Errorf("error %v, want exit status %d", err, exitFailed)
			}
			found := 0
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, tc.outcome+" ") && strings.Contains(line, hello.Name()+": ") &&
					strings.Contains(line, tc.why) {
					found++
				}
			}
			if found != 1 {
				t.Errorf("%d lines that say %s and %q, want one:\n%s", found, tc.outcome, tc.why, out)
			}
			if wrote := len(o.Calls().Writes()) - before; wrote != tc.asks {
				t.Errorf("%d writes, want %d", wrote, tc.asks)
			}
			args[0] = "plan"
			if out, err := say(t, args...); err != nil {
				t.Errorf("plan: %v, want exit status 0: it looked\n%s", err, out)
			}
			var pending error
			if tc.steps {
				pending = statusError(exitPending)
			}
			if err := execute(t, append(args, "--exit-code")...); err != pending {
				t.Errorf("plan --exit-code: %v, want %v", err, pending)
			}
		})
	}
}

func TestWhatIsGoneIsOneClearLine(t *testing.T) {
	t.Setenv("IAPGUARD_HOLDS", written(t, "none.yaml", "version: 1\nholds: []\n"))
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	policy := written(t, "policy.yaml", cloudtest.Policy())
	gone := playground.LoadBalanced{Service: "gone", Region: "us-central1"}
	for _, tc := range []struct {
		name, variable, value, want string
		args                        []string
	}{
		{"the cloud", "", "", "connection refused", []string{hello.Name(), "--endpoint", "http://127.0.0.1:1"}},
		{"the service", "", "", gone.Name() + ": the service does not exist", []string{gone.Name(), "--endpoint", o.URL()}},
		{"the deployment's memory", "IAPGUARD_MEMORY", "gs://nowhere", "bucket does not exist",
			[]string{hello.Name(), "--endpoint", o.URL()}},
		{"a folder", "", "", "folders/1: apply changes the services of projects", []string{"folders/1", "--endpoint", o.URL()}},
		{"/dev/null", "", "", "reading plan /dev/null: it is empty", []string{"/dev/null", "--endpoint", o.URL()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.variable != "" {
				t.Setenv(tc.variable, tc.value)
			}
			var out, said strings.Builder
			before := len(o.Calls().Writes())
			status := run(t.Context(), append([]string{"apply", "--yes", "--policy", policy}, tc.args...), &out, &said)
			lines := strings.Split(strings.TrimSpace(out.String()+said.String()), "\n")
			if last := lines[len(lines)-1]; status == exitDone || !strings.Contains(last, tc.want) ||
				strings.Count(said.String(), "\n") > 1 {
				t.Errorf("exit status %d, %q, and last %q, want one line with %q", status, &said, last, tc.want)
			}
			if after := len(o.Calls().Writes()); after != before {
				t.Errorf("%d writes", after-before)
			}
		})
	}
}

func TestAServiceThatCannotBeReadFailsThePlan(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	o.SetFaults(`[{"action":"status","status":403,"method":"run.projects.locations.services.get"}]`)
	kept := filepath.Join(t.TempDir(), "plan.json")
	policy := written(t, "policy.yaml", cloudtest.Policy())
	out, err := say(t, "plan", hello.Name(), "--policy", policy, "--endpoint", o.URL(), "-o", kept)
	if !errors.Is(err, statusError(exitFailed)) || !strings.Contains(out, "BLOCKED") {
		t.Errorf("%v, want exit status %d and what is wrong:\n%s", err, exitFailed, out)
	}
}

func TestEveryCommandEndsWithTwoOnWrongUsage(t *testing.T) {
	var check func(command *cobra.Command)
	found := 0
	check = func(command *cobra.Command) {
		for _, each := range command.Commands() {
			check(each)
		}
		if command.HasSubCommands() && !command.Runnable() || command.DisableFlagParsing {
			return
		}
		found++
		var out, said strings.Builder
		args := append(strings.Fields(command.CommandPath())[1:], "--frobnicate")
		if status := run(t.Context(), args, &out, &said); status != exitUsage || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("%s --frobnicate: exit status %d, %q, want %d and one line", command.CommandPath(), status, &said, exitUsage)
		}
	}
	check(newRootCommand())
	if found < 20 {
		t.Errorf("only %d commands are found", found)
	}
}

func TestACommandThatIsInterruptedEndsWith130(t *testing.T) {
	t.Setenv("IAPGUARD_HOLDS", written(t, "none.yaml", "version: 1\nholds: []\n"))
	o, reports := applied(t)
	hello, policy := playground.Scenario[0].Name(), written(t, "policy.yaml", cloudtest.Policy())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{
		{"plan", hello, "--policy", policy}, {"apply", hello, "--policy", policy}, {"audit", "projects/demo-project"},
		{"doctor", hello}, {"undo", reports, "--account", typist}, {"policy", "diff", policy, policy, hello},
	} {
		var out, said strings.Builder
		status := run(ended, append(args, "--endpoint", o.URL()), &out, &said)
		if status != exitInterrupted || strings.Count(said.String(), "\n") > 1 || strings.Contains(said.String(), "canceled") {
			t.Errorf("%s: exit status %d, %q, want %d and one line at most", args[0], status, &said, exitInterrupted)
		}
	}
}

func TestAnUnreadableProjectHidesNoOtherOne(t *testing.T) {
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	var out, said strings.Builder
	status := run(t.Context(), []string{"plan", "projects/nowhere-123", "projects/demo-project", "--policy",
		written(t, "policy.yaml", cloudtest.Policy()), "--endpoint", o.URL()}, &out, &said)
	if status != exitFailed || !strings.Contains(out.String(), hello.Name()+"\n  PLANNED") ||
		!strings.Contains(said.String(), "nowhere-123") || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("exit status %d, want %d, the plan of the one and a line about the other:\n%s%s", status, exitFailed, &out, &said)
	}
}
