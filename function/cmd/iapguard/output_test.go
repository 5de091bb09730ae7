package main

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// fullDisk is a file to which nothing can be written.
const fullDisk = "/dev/full"

func TestAFullDiskEndsInExitStatusOne(t *testing.T) {
	if _, err := os.Stat(fullDisk); err != nil {
		t.Skip("there is no " + fullDisk)
	}
	o, reports := applied(t)
	hello, holds := playground.Scenario[0].Name(), filepath.Join(t.TempDir(), "holds.yaml")
	policy := written(t, "policy.yaml", cloudtest.Policy())
	cloud := []string{"--policy", policy, "--endpoint", o.URL()}
	for _, tc := range []struct {
		name string
		kept bool // standard output has room, the file of -o has none
		args []string
	}{
		{"plan", false, append([]string{"plan", hello}, cloud...)},
		{"plan as JSON", false, append([]string{"plan", hello, "--format", "json"}, cloud...)},
		{"plan with an exit code", false, append([]string{"plan", hello, "--exit-code"}, cloud...)},
		{"plan to a file", true, append([]string{"plan", hello, "-o", fullDisk}, cloud...)},
		{"apply", false, append([]string{"apply", hello, "--yes"}, cloud...)},
		{"audit", false, append([]string{"audit", hello}, cloud...)},
		{"audit to a file", true, append([]string{"audit", hello, "-o", fullDisk}, cloud...)},
		{"doctor", false, append([]string{"doctor", hello}, cloud...)},
		{"doctor to a file", true, append([]string{"doctor", hello, "-o", fullDisk}, cloud...)},
		{"status", false, []string{"status", "--policy", policy, "--endpoint", o.URL()}},
		{"status as JSON", false, []string{"status", "--policy", policy, "--endpoint", o.URL(), "--format", "json"}},
		{"policy check", false, []string{"policy", "check", policy, hello}},
		{"policy diff", false, []string{"policy", "diff", policy, policy, hello, "--endpoint", o.URL()}},
		{"hold", false, []string{"hold", hello, "--for", "1h", "--reason", "r", "--holds", holds}},
		{"resume", false, []string{"resume", hello, "--holds", holds}},
		{"undo", false, []string{"undo", reports, "--account", typist, "--endpoint", o.URL(), "--holds", holds,
			"--yes"}},
		{"explain", false, []string{"explain", reports}},
		{"local env", false, []string{"local", "env", "--addr", addrOf(t, o.URL())}},
		{"help", false, []string{"plan", "--help"}},
		{"version", false, []string{"--version"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			full, err := os.OpenFile(fullDisk, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer full.Close()
			var out, said bytes.Buffer
			status := 0
			if tc.kept {
				status = run(t.Context(), tc.args, &out, &said)
			} else {
				status = run(t.Context(), tc.args, full, &said)
			}
			if status != exitFailed || strings.Count(said.String(), "\n") != 1 ||
				!strings.Contains(said.String(), "no space left on device") {
				t.Errorf("exit status %d, %q, want %d and one line that names the reason", status, said.String(), exitFailed)
			}
		})
	}
}

// addrOf is the host and port of a URL.
func addrOf(t *testing.T, from string) string {
	t.Helper()
	parsed, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Host
}
