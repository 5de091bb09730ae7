package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// completed are command lines as they are typed, with a tab at the end or within, and as the shell
// makes them.
var completed = map[string]string{
	"policy ch\t":                   "<policy><check>",
	"comple\tfi\t":                  "<completion><fish>",
	"version -o js\t":               "<version><-o><json>",
	"plan --exi\t":                  "<plan><--exit-code>",
	"policy check rul\t":            "<policy><check><rules.yaml>",  // and not rules.txt
	"plan --policy rul\t":           "<plan><--policy><rules.yaml>", // the value of a flag
	"undo rep\t":                    "<undo><report.json>",          // any file
	"doctor pro\tdemo":              "<doctor><projects/demo>",      // no space follows
	"policy diff rul\trul\tpro\ta ": "<policy><diff><rules.yaml><rules.yaml><projects/a>",
}

// inShells makes a folder in which a shell finds the command, its script of completion and some
// files. The command says what it is called with, unless it is asked what completes a line.
func inShells(t *testing.T, shell, script string) (folder string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := say(t, "completion", shell)
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	for name, content := range map[string]string{"rules.yaml": "", "rules.txt": "", "report.json": "", script: text,
		"bin/iapguard": fmt.Sprintf("#!/bin/sh\ncase \"$1\" in __complete*) %s=1 exec '%s' \"$@\";; esac\n"+
			"printf 'called with '; printf '<%%s>' \"$@\"; echo\n", asCommand, self)} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// shellIn is a shell in such a folder, without anybody's settings.
func shellIn(t *testing.T, folder, shell string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("%s is not installed: nothing shows that it completes", shell)
	}
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = folder
	command.Env = []string{"PATH=" + filepath.Join(folder, "bin") + ":" + os.Getenv("PATH"), "HOME=" + folder,
		"TERM=xterm", "LANG=C.UTF-8", "ZDOTDIR=" + folder, "PS1=ready ", "XDG_CONFIG_HOME=" + folder, "XDG_DATA_HOME=" + folder}
	return command
}

// called finds what the command says.
var called = regexp.MustCompile(`called with (\S*)\n`)

// bashCompletion is of Debian's package bash-completion, without which cobra's script for bash
// finds no words.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

func TestBashCompletesWhatIsTyped(t *testing.T) {
	if _, err := os.Stat(bashCompletion); err != nil {
		t.Skipf("bash-completion is not installed: nothing shows that bash completes: %v", err)
	}
	folder := inShells(t, "bash", "script")
	completes(t, shellIn(t, folder, "bash", "--norc", "--noprofile", "-i"), "source "+bashCompletion+"; source ./script")
}

func TestZshCompletesWhatIsTyped(t *testing.T) {
	folder := inShells(t, "zsh", "functions/_iapguard")
	completes(t, shellIn(t, folder, "zsh", "-f", "-i"),
		"fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -d $PWD/dump")
}

// completes has a person type into a shell, press tab and then enter.
func completes(t *testing.T, shell *exec.Cmd, begin string) {
	t.Helper()
	at := newTerminal(t, 200)
	shell.Stdin, shell.Stdout, shell.Stderr = at.tty, at.tty, at.tty
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Process.Kill(); _ = shell.Wait() })
	at.types(t, "ready ", begin+"; echo be''gun\n")
	at.sees(t, "begun\n")
	for typed, want := range completed {
		answers := len(called.FindAllString(at.text(), -1))
		at.types(t, "", "iapguard "+typed+"\r")
		var all [][]string
		for range 6000 {
			if all = called.FindAllStringSubmatch(at.text(), -1); len(all) > answers {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if len(all) == answers {
			t.Fatalf("%q: the command is not called:\n%s", typed, at.text())
		}
		if got := all[answers][1]; got != want {
			t.Errorf("%q becomes %s, want %s", typed, got, want)
		}
	}
}

// fish says by itself what completes a line. Cobra's script for it knows no endings of files: all
// files are named.
func TestFishCompletesWhatIsTyped(t *testing.T) {
	folder := inShells(t, "fish", "fish/completions/iapguard.fish")
	for typed, want := range completed {
		line, rest, _ := strings.Cut(typed, "\t")
		if strings.Contains(rest, "\t") {
			continue
		}
		shell := shellIn(t, folder, "fish", "--private", "-c", `complete -C "$argv[1]"`, "iapguard "+line)
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var found []string
		for _, each := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			word, _, _ := strings.Cut(each, "\t")
			found = append(found, word+rest)
		}
		last := want[strings.LastIndex(want, "<")+1 : len(want)-1]
		if !slices.Contains(found, last) || len(found) > 1 && filepath.Ext(last) == "" {
			t.Errorf("%q becomes one of %q, want %q", line, found, last)
		}
	}
}
