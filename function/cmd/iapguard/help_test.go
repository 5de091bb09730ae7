package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"mvdan.cc/sh/v3/syntax"
)

// allCommands are the commands of the program, by what is typed.
func allCommands() map[string]*cobra.Command {
	found := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		found[command.CommandPath()] = command
		for _, each := range command.Commands() {
			walk(each)
		}
	}
	walk(newRootCommand())
	return found
}

func TestEveryHelpShowsAnExampleThatWouldRun(t *testing.T) {
	commands := allCommands()
	if len(commands) < 20 {
		t.Fatalf("only %d commands are found", len(commands))
	}
	for path, command := range commands {
		shown := 0
		for _, args := range typedIn(t, command.Example) {
			named, rest, err := newRootCommand().Find(args)
			if err != nil {
				t.Errorf("%s: iapguard %q: %v", path, args, err)
				continue
			}
			if named.CommandPath() == path || strings.HasPrefix(named.CommandPath(), path+" ") {
				shown++
			}
			if err := errors.Join(named.ParseFlags(rest), named.ValidateArgs(named.Flags().Args())); err != nil {
				t.Errorf("%s: its example iapguard %q: %v", path, args, err)
			}
		}
		if shown == 0 {
			t.Errorf("%s has no example", path)
		}
	}
	for path := range examples {
		if commands[path] == nil {
			t.Errorf("there is an example of %s, which is not a command", path)
		}
	}
}

// typedIn returns the arguments of iapguard in lines of a shell.
func typedIn(t *testing.T, script string) [][]string {
	t.Helper()
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		t.Fatalf("%v in %q", err, script)
	}
	var found [][]string
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 || call.Args[0].Lit() != "iapguard" {
			return true
		}
		var args []string
		for _, word := range call.Args[1:] {
			text := word.Lit()
			for _, part := range word.Parts {
				if quoted, ok := part.(*syntax.DblQuoted); ok && len(quoted.Parts) == 1 {
					text = quoted.Parts[0].(*syntax.Lit).Value
				}
			}
			args = append(args, text)
		}
		found = append(found, args)
		return true
	})
	return found
}

func TestAWordThatIsNoneSuggestsTheNearest(t *testing.T) {
	for want, args := range map[string][]string{
		`"polcy": did you mean policy? (see iapguard --help)`:                {"polcy"},
		`"chek": did you mean check? (see iapguard policy --help)`:           {"policy", "chek", "x"},
		`"envv": did you mean env? (see iapguard local --help)`:              {"local", "envv"},
		`unknown flag: --polcy: did you mean --policy? (see iapguard plan`:   {"plan", "--polcy", "x"},
		`unknown flag: --zzzzzzzzzzzzzz (see iapguard plan --help)`:          {"plan", "--zzzzzzzzzzzzzz"},
		`unknown command or argument "zzzzzzzzzzzzzz" (see iapguard --help)`: {"zzzzzzzzzzzzzz"},
		`the shell is "zshh": write bash, zsh or fish: did you mean zsh?`:    {"completion", "zshh"},
		`0 arguments: write iapguard completion bash, zsh or fish`:           {"completion"},
		`--output is "xml": write text or json`:                              {"version", "-o", "xml"},
		`unknown command or argument "mann" (see iapguard --help)`:           {"mann"}, // man is hidden
	} {
		err := execute(t, args...)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want wrong usage with %q", args, err, want)
		}
	}
}

func TestShellsReadTheirCompletion(t *testing.T) {
	for shell, marks := range map[string]string{
		"bash": "complete -o default -F __start_iapguard iapguard",
		"zsh":  "#compdef iapguard",
		"fish": "complete -c iapguard",
	} {
		script, err := say(t, "completion", shell)
		if err != nil || !strings.Contains(script, marks) {
			t.Errorf("%s: %.80q, %v, want %q", shell, script, err, marks)
		}
		if program, err := exec.LookPath(shell); err == nil {
			check := exec.CommandContext(t.Context(), program, "-n", written(t, "script", script))
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s does not read it: %v: %s", shell, err, out)
			}
		}
	}
	for want, args := range map[string][]string{
		"check\tIs the policy valid": {"policy", ""},
		"--label\ta `label` of the":  {"policy", "check", "--la"},
		"zsh\n":                      {"completion", ""},
		"text\njson\nmd\n:4\n":       {"policy", "diff", "--format", ""},
		"yaml\nyml\n:8\n":            {"policy", "diff", "a.yaml", ""},
		"projects/\n:6\n":            {"policy", "diff", "a.yaml", "b.yaml", ""},
		"\nyml\n:8\n":                {"plan", "--policy", ""},
		":0\n":                       {"apply", ""}, // a target, or the file of a plan
		":4\n":                       {"status", ""},
	} {
		out, err := say(t, append([]string{cobra.ShellCompRequestCmd}, args...)...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("completing %q: %q, %v, want %q", args, out, err, want)
		}
	}
}

func TestVersionSaysWhatTheBuildRecorded(t *testing.T) {
	out, err := say(t, "version", "-o", "json")
	var got build
	if json.Unmarshal([]byte(out), &got) != nil || err != nil || got.Version == "" || got.Go == "" ||
		got.Platform == "" {
		t.Errorf("%q, %v", out, err)
	}
	line, err := say(t, "version")
	if err != nil || line != got.String()+"\n" {
		t.Errorf("%q, %v, want %q", line, err, got)
	}
	const commit = "703bbf5f00c28dc9b1c0d4a5e6f7081929394a5b"
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.time", Value: "2026-11-29T20:00:00Z"}}
	for _, tc := range []struct {
		name string
		info *debug.BuildInfo
		want build
		text string
	}{
		{"a commit", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs},
			build{Commit: commit, Committed: "2026-11-29T20:00:00Z"}, " (commit 703bbf5f00c2 of 2026-11-29T20:00:00Z), "},
		{"with changes", &debug.BuildInfo{Settings: append(slices.Clone(vcs), debug.BuildSetting{Key: "vcs.modified",
			Value: "true"})},
			build{Commit: commit, Committed: "2026-11-29T20:00:00Z", Modified: true}, ", with changes), "},
		{"installed by a version", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}},
			build{Module: "v1.2.3"}, " (module v1.2.3), "},
		{"installed by a commit", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.4-0.20261129200000-703bbf5f00c2"}},
			build{Module: "v1.2.4-0.20261129200000-703bbf5f00c2", Commit: "703bbf5f00c2", Committed: "2026-11-29T20:00:00Z"},
			" (commit 703bbf5f00c2 of 2026-11-29T20:00:00Z), "},
		{"a commit in a checkout", &debug.BuildInfo{
			Main: debug.Module{Version: "v1.2.4-0.20261129200000-703bbf5f00c2"}, Settings: vcs},
			build{Module: "v1.2.4-0.20261129200000-703bbf5f00c2", Commit: commit, Committed: "2026-11-29T20:00:00Z"},
			" (commit 703bbf5f00c2 of 2026-11-29T20:00:00Z), "},
		{"nothing", nil, build{}, "0, go"},
	} {
		want := tc.want
		want.Version, want.Go, want.Platform = got.Version, got.Go, got.Platform
		made := buildOf(tc.info)
		if diff := cmp.Diff(want, made); diff != "" || !strings.Contains(made.String(), tc.text) {
			t.Errorf("%s: %q, want %q in it (-want +got):\n%s", tc.name, made, tc.text, diff)
		}
	}
}

func TestEveryCommandHasAManualPage(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "man1")
	if out, err := say(t, "man", folder); err != nil || out != "" {
		t.Fatalf("%q, %v", out, err)
	}
	var want, got []string
	for path, command := range allCommands() {
		if !command.Hidden {
			want = append(want, strings.ReplaceAll(path, " ", "-")+".1")
		}
	}
	slices.Sort(want)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	page, err := os.ReadFile(filepath.Join(folder, "iapguard-policy-check.1"))
	if err != nil || !regexp.MustCompile(`(?s)^\.nh\n\.TH "IAPGUARD-POLICY-CHECK" "1".*\.SH EXAMPLE`).Match(page) {
		t.Errorf("%v: %.200s", err, page)
	}
}
