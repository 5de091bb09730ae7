package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// typist is the account of a person at the terminal, to the local cloud.
const typist = "owner@example.com"

// say runs a command line in this process and gives what it printed.
func say(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// written writes a file of the test's own and gives its path.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// applied protects hello in a local cloud and gives the local cloud, and the file with the
// reports. Keys are those of the policy's rule.
func applied(t *testing.T, keys ...string) (o *cloudtest.Env, reports string) {
	t.Helper()
	o, hello := cloudtest.Start(t, playground.Options{}), playground.Scenario[0]
	o.Build(hello)
	reports = filepath.Join(t.TempDir(), "reports.json")
	policy := written(t, "policy.yaml", cloudtest.Policy(keys...))
	if out, err := say(t, "apply", "--yes", "--policy", policy, "--endpoint", o.URL(), "-o", reports,
		hello.Name()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return o, reports
}

// outside is what a stranger is answered at hello's default URL.
func outside(o *cloudtest.Env) int { return o.Ask(o.DefaultURL(playground.Scenario[0]), "") }

func TestUndoSaysWhatItOpensAndThenRestoresWhatWas(t *testing.T) {
	o, reports := applied(t)
	out, err := say(t, "undo", "--account", typist, "--endpoint", o.URL(), reports)
	if err == nil || !strings.Contains(err.Error(), "--yes") || !strings.Contains(out, "! opens    https://hello-") {
		t.Errorf("without --yes: error %v and\n%s", err, out)
	}
	if got := outside(o); got != http.StatusNotFound {
		t.Errorf("without --yes the default URL answers %d, want 404 as before", got)
	}
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	nowhere := filepath.Join(holds, "nowhere")
	if _, err := say(t, "undo", "--account", typist, "--yes", "--holds", nowhere, "--endpoint", o.URL(),
		reports); err == nil || outside(o) != http.StatusNotFound {
		t.Errorf("where the hold cannot be placed: error %v, want one and nothing written", err)
	}
	if out, err = say(t, "undo", "--account", typist, "--yes", "--holds", holds,
		"--endpoint", o.URL(), reports); err != nil || !strings.Contains(out, "5 of 5 steps undone") {
		t.Fatalf("error %v and\n%s", err, out)
	}
	if out, err := say(t, "status", "--holds", holds); err != nil ||
		!strings.Contains(out, playground.Scenario[0].Name()) || !strings.Contains(out, "undo of ") {
		t.Errorf("the service is not held afterwards: %v\n%s", err, out)
	}
	if got := outside(o); got != http.StatusOK {
		t.Errorf("after undo the default URL answers %d, want 200 as before protection", got)
	}
	out, err = say(t, "plan", "--endpoint", o.URL(), playground.Scenario[0].Name())
	for _, line := range []string{"grant-invoker", "restrict-ingress", "NO_ACCESSOR", "IAP_OFF", "PUBLIC_INVOKER"} {
		if err != nil || !strings.Contains(out, line) {
			t.Errorf("after undo a plan does not say %s: %v\n%s", line, err, out)
		}
	}
}

func TestUndoTurnsOffTheIAPOfTheServiceItself(t *testing.T) {
	o, reports := applied(t, "recipe: direct")
	if got := outside(o); got == http.StatusOK {
		t.Fatalf("protected, the default URL answers %d", got)
	}
	out, err := say(t, "undo", "--account", typist, "--yes", "--endpoint", o.URL(), reports)
	if err != nil || !strings.Contains(out, "undo enable-direct-iap") ||
		!strings.Contains(out, "! opens    https://hello-") || !strings.Contains(out, "4 of 4 steps undone") {
		t.Fatalf("error %v and\n%s", err, out)
	}
	if got := outside(o); got != http.StatusOK {
		t.Errorf("after undo the default URL answers %d, want 200 as before protection", got)
	}
}

func TestUndoLeavesWhatMoved(t *testing.T) {
	o, reports := applied(t)
	o.CallAs(o.Owner(), http.MethodPatch, "/v2/"+playground.Scenario[0].Name()+"?updateMask=labels",
		map[string]any{"labels": map[string]any{"a": "b"}})
	out, err := say(t, "undo", "--account", typist, "--yes", "--endpoint", o.URL(), reports)
	if err != nil || !strings.Contains(out, "4 of 4 steps undone") || !strings.Contains(out,
		"is left: it was changed since") || !strings.Contains(out, "--ingress=all") {
		t.Errorf("error %v and\n%s", err, out)
	}
	if got := outside(o); got != http.StatusNotFound {
		t.Errorf("the default URL answers %d, want 404 as before: the ingress was left", got)
	}
}

func TestUndoWithoutAWitnessWritesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		faults, account, want string
	}{
		"the audit log cannot be read": {`[{"method":"logging.entries.list","action":"status","status":403}]`, typist,
			"the audit log does not witness it"},
		"another account":     {`[]`, "mallory@example.com", "it shows no such write by mallory@example.com"},
		"no account is known": {`[]`, "", "write --account EMAIL"},
	} {
		o, reports := applied(t)
		o.SetFaults(tc.faults)
		before := o.Shown("state")
		args := []string{"undo", "--yes", "--endpoint", o.URL(), reports}
		if tc.account != "" {
			args = append(args, "--account", tc.account)
		}
		out, err := say(t, args...)
		if !strings.Contains(fmt.Sprint(out, err), tc.want) {
			t.Errorf("%s: error %v and\n%s\nwant %q", name, err, out, tc.want)
		}
		if diff := cmp.Diff(before, o.Shown("state")); diff != "" {
			t.Errorf("%s: something was written (-before +after):\n%s", name, diff)
		}
	}
}

// The function protects a service over several deliveries, because a grant must hold
// before the public goes. What it publishes at the end takes back all of it.
func TestUndoOfARunOverSeveralDeliveries(t *testing.T) {
	o := withfunction.Open(t, withfunction.Options{
		// What is undone is quiet for too short a time to be protected anew meanwhile.
		Policy: cloudtest.Policy("propagation: 5m", "settle: 5m", "quiet: 5m")})
	hello := playground.Scenario[0]
	o.Build(hello)     // whole before the function hears of it, so that one run does everything
	o.Later(time.Hour) // somebody may rely on it by then
	if err := o.Attach(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	apply := func() { o.Publish(playground.CommandsTopic, `{"command":"apply","target":"`+hello.Name()+`"}`) }
	apply()
	safe := o.Safe(hello.Service)
	for range 10 {
		o.Meanwhile("a grant or IAP must hold everywhere first",
			func() bool { return o.LastOf(hello.Service).Outcome == report.Deferred || safe() })
		if safe() {
			break
		}
		looks := len(o.Of(hello.Service))
		o.Later(6 * time.Minute)
		apply()
		o.Meanwhile("hello is looked at again", func() bool { return len(o.Of(hello.Service)) > looks })
	}
	o.Until("hello is protected", safe)
	reports := slices.DeleteFunc(o.Of(hello.Service),
		func(one report.Report) bool { return one.Outcome != report.Protected })
	final, err := json.Marshal(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	out, err := say(t, "undo", "--account", playground.FunctionAccount, "--yes", "--holds", holds,
		"--endpoint", o.URL(), written(t, "protected.json", string(final)))
	if err != nil || !strings.Contains(out, "5 of 5 steps undone") {
		t.Fatalf("error %v and\n%s", err, out)
	}
}

func TestUndoOfARunByItsID(t *testing.T) {
	o := cloudtest.Start(t, playground.Options{})
	if err := o.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IAPGUARD_MEMORY", playground.MemoryBucket)
	hello, reports := playground.Scenario[0], filepath.Join(t.TempDir(), "reports.json")
	o.Build(hello)
	if out, err := say(t, "apply", "--yes", "--policy", written(t, "policy.yaml", cloudtest.Policy()),
		"--endpoint", o.URL(), "-o", reports, hello.Name()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := readReports(reports)
	if err != nil {
		t.Fatal(err)
	}
	run := found[0].Reports[0].RunID
	if out, err := say(t, "undo", "--account", typist, "--yes", "--endpoint", o.URL(), "another-run"); err == nil ||
		!strings.Contains(err.Error(), "does not know such a run") {
		t.Errorf("another run: error %v and\n%s", err, out)
	}
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	out, err := say(t, "undo", "--account", typist, "--yes", "--holds", holds, "--endpoint", o.URL(), run)
	if err != nil || !strings.Contains(out, "5 of 5 steps undone") || outside(o) != http.StatusOK {
		t.Errorf("error %v and\n%s", err, out)
	}
	if out, err := say(t, "status", "--holds", holds); err != nil || !strings.Contains(out, "undo of "+run) {
		t.Errorf("no hold names the run: %v\n%s", err, out)
	}
	out, err = say(t, "undo", "--account", typist, "--yes", "--endpoint", o.URL(), run)
	if err != nil || !strings.Contains(out, "nothing is left to undo") {
		t.Errorf("a second time: error %v and\n%s", err, out)
	}
}
