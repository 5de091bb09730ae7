package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// execute runs a command line in this process and gives its error.
func execute(t *testing.T, args ...string) error {
	t.Helper()
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	return root.ExecuteContext(t.Context())
}

func TestBadInputIsOneClearLineAndExitStatusTwo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	badPolicy := write("policy.yaml", "version: 1\nrules: [{name: a, mod: enforce}]\n")
	noPlan := write("plan.json", `{"surprise":1}`)
	report := write("report.json",
		`{"runId":"r","observedAt":"2026-01-01T00:00:00Z","version":"1","outcome":"planned","cause":{"kind":"k","key":"k"},"calls":0,"elapsedMs":0}`)
	const here = "http://127.0.0.1:1" // nothing may be sent there
	service := "projects/demo-project/locations/us-central1/services/"
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"unknown flag", "unknown flag: --frob", []string{"plan", "--frob"}},
		{"unknown command", `"frob"`, []string{"frob"}},
		{"no target", "no target", []string{"plan"}},
		{"no target for the doctor", "no target: write iapguard doctor", []string{"doctor"}},
		{"no resource name", "is not a resource name", []string{"plan", "shop"}},
		{"leaves the path", "is not a resource name", []string{"apply", "projects/../x"}},
		{"escaped slash", "is not a valid service name", []string{"plan", service + "a%2Fb"}},
		{"space", "is not a valid service name", []string{"plan", service + "a b"}},
		{"300 characters", "longer than 256", []string{"plan", service + strings.Repeat("a", 300)}},
		{"unknown policy key", `2:19: unknown key "mod": did you mean mode?`,
			[]string{"plan", "--policy", badPolicy, "--endpoint", here, "projects/demo-project"}},
		{"no policy file", "no such file",
			[]string{"plan", "--policy", dir + "/none", "--endpoint", here, "projects/demo-project"}},
		{"unknown format", "write text, json or md",
			[]string{"plan", "--format", "xml", "--endpoint", here, "projects/demo-project"}},
		{"plain http to elsewhere", "write https",
			[]string{"plan", "--endpoint", "http://192.0.2.1", "projects/demo-project"}},
		{"no plan file", "no such file", []string{"apply", dir + "/none"}},
		{"a plan with unknown fields", "is not a plan", []string{"apply", noPlan}},
		{"a report without a plan", "is not the plan of a service", []string{"apply", report}},
		{"no report file", "no such file", []string{"undo", dir + "/none"}},
		{"a report with unknown fields", "entry 1: the report: ", []string{"undo", noPlan}},
		{"a report of no service", "missing properties 'target'", []string{"undo", report}},
		{"a run without a memory", "name it with IAPGUARD_MEMORY", []string{"undo", "0b1c"}},
		{"two report files", "write iapguard undo RUN", []string{"undo", noPlan, report}},
		{"a hold without an end", "write --for 4h",
			[]string{"hold", "--holds", dir + "/holds", "--reason", "r", "projects/demo-project"}},
		{"a hold without a reason", "--reason",
			[]string{"hold", "--holds", dir + "/holds", "--for", "4h", "projects/demo-project"}},
		{"a hold on nothing", "0 targets: write one", []string{"hold", "--for", "4h", "--reason", "r"}},
		{"a hold on no resource", "is not a resource name", []string{"hold", "--for", "4h", "--reason", "r", "shop"}},
		{"no holds file", "write --holds FILE", []string{"resume", "projects/demo-project"}},
		{"no policy to check", "0 arguments: write iapguard policy check FILE", []string{"policy", "check"}},
		{"no policy file to check", "no such file", []string{"policy", "check", dir + "/none"}},
		{"a diff without targets", "write iapguard policy diff OLD NEW", []string{"policy", "diff", badPolicy, badPolicy}},
		{"status of a bad policy", "did you mean mode?", []string{"status", "--policy", badPolicy}},
		{"an open address", "loopback only", []string{"local", "--addr", "0.0.0.0:9"}},
		{"an open address for the data plane", "--data-addr", []string{"local", "--data-addr", "0.0.0.0:9"}},
		{"an address without a port", "write HOST:PORT", []string{"local", "env", "--addr", "nowhere"}},
		{"once without a function", "there is nothing to play", []string{"local", "--once", "--cloud-only"}},
	} {
		err := execute(t, tc.args...)
		var usage usageError
		if err == nil || !errors.As(err, &usage) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want a usage error with %q", tc.name, err, tc.want)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %q", tc.name, err)
		}
	}
}

func TestWhoIsNotLoggedInIsShownTheCommand(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("IAPGUARD_ENDPOINT", "")
	var out, said bytes.Buffer
	status := run(t.Context(), []string{"audit", "projects/demo-project"}, &out, &said)
	if status == exitDone || !strings.Contains(said.String(), "gcloud auth application-default login") {
		t.Errorf("exit status %d, said %q", status, said.String())
	}
}
