package main

import (
	"bytes"
	"errors"
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
	t.Setenv("IAPGUARD_HOLDS", written(t, "none.yaml", "version: 1\nholds: []\n"))
	if _, err := os.Stat(fullDisk); err != nil {
		t.Skip("there is no " + fullDisk)
	}
	o, reports := applied(t)
	hello, holds := playground.Scenario[0].Name(), filepath.Join(t.TempDir(), "holds.yaml")
	o.Build(playground.Scenario[1])
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
		{"apply to a file", true, append([]string{"apply", playground.Scenario[1].Name(), "--yes", "-o", fullDisk}, cloud...)},
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

func TestAnOutputFileIsWholeOrTheEarlierOneStays(t *testing.T) {
	folder := t.TempDir()
	name, link := filepath.Join(folder, "plan.json"), filepath.Join(folder, "link.json")
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if err := os.WriteFile(name, []byte("earlier"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	kept, err := createOutput(link)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Write([]byte("later")); err != nil || read(name) != "earlier" {
		t.Errorf("%v, and before the end the file holds %q, want the earlier one", err, read(name))
	}
	if err := kept.Close(); err != nil || read(name) != "later" {
		t.Errorf("%v, and at the end the file holds %q", err, read(name))
	}
	if at, err := os.Lstat(link); err != nil || at.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no longer one: %v", err)
	}
	for _, evidence := range []bool{false, true} {
		kept, err := createOutput(name)
		if err != nil {
			t.Fatal(err)
		}
		kept.kept = evidence
		_, _ = kept.Write([]byte("half")) // the test closes the file below
		kept.err = errors.New("no space left on device")
		err = kept.Close()
		if err == nil || read(name) != "later" {
			t.Errorf("where a write fails: %v, and the file holds %q", err, read(name))
		}
		left, _ := filepath.Glob(name + ".partial-*") // the pattern is valid
		if (len(left) == 1) != evidence || evidence && !strings.Contains(err.Error(), "what could be written is in "+left[0]) {
			t.Errorf("evidence %t: %v is left, and the error is %v", evidence, left, err)
		}
	}
	kept, err = createOutput(name)
	if err != nil {
		t.Fatal(err)
	}
	kept.abandon()
	if left, _ := filepath.Glob(name + ".partial-*"); len(left) != 1 || read(name) != "later" {
		t.Errorf("%v is left of a file that was abandoned, want the earlier one and its evidence alone", left)
	}
	for _, bad := range []string{folder, filepath.Join(folder, "none", "plan.json")} {
		var usage usageError
		if _, err := createOutput(bad); !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line and exit status 2", bad, err)
		}
	}
	if device, err := createOutput(os.DevNull); err != nil || device.Close() != nil {
		t.Errorf("a device: %v", err)
	}
}
