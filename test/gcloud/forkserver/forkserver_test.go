package forkserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// running is the server of all tests, nil until one needs it.
var (
	running *Server
	start   = sync.OnceValue(func() (err error) { running, err = Start(); return err })
)

func TestMain(m *testing.M) {
	Main()
	status := m.Run()
	if running != nil {
		if err := running.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// served starts the server for a test, which is skipped where gcloud is not installed.
func served(t *testing.T) *Server {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("skipped: gcloud is not installed here")
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	return running
}

// environment lets gcloud ask nothing of the network.
func environment(t *testing.T) []string {
	t.Helper()
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CLOUDSDK_CONFIG=" + t.TempDir(),
		"CLOUDSDK_CORE_PROJECT=one-project", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=1"}
}

func TestACommandAnswersAsByItself(t *testing.T) {
	server := served(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "list.txt"), []byte("[1,2]"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := environment(t)
	for _, line := range []string{
		"config list --format=json", "run deploy --none", "meta list-from-json list.txt", "meta list-from-json -",
		"compute backend-services describe be --global",
	} {
		var answers [2]string
		for i, path := range []string{"gcloud", filepath.Join(server.Folder, "gcloud")} {
			command := exec.CommandContext(t.Context(), path, strings.Fields(line)...)
			var stdout, stderr bytes.Buffer
			command.Env, command.Dir, command.Stdout, command.Stderr = slices.Clone(env), folder, &stdout, &stderr
			command.Stdin = strings.NewReader(`[{"a":1},{"a":2}]`)
			err := command.Run()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			answers[i] = fmt.Sprintf("exit status %d\n%s\n%s", command.ProcessState.ExitCode(), &stdout, &stderr)
		}
		if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
			t.Errorf("%s (-by itself +forked):\n%s", line, diff)
		}
	}
}

// A command that waits for its input ends with the program that typed it.
func TestACommandEndsWithItsClient(t *testing.T) {
	server := served(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(server.Folder, "gcloud"), "meta", "list-from-json", "-")
	command.Env = environment(t)
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", server.command.Process.Pid)
	until := func(what string, holds func(string) bool) {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			pids, err := os.ReadFile(children)
			if err != nil {
				t.Skipf("skipped: the children of a process cannot be listed here: %v", err)
			}
			if holds(string(pids)) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("it never came about that %s; there are %q", what, pids)
			}
		}
	}
	until("the command runs", func(pids string) bool { return pids != "" })
	cancel()
	_ = command.Wait() // it was killed
	until("the command has ended", func(pids string) bool { return pids == "" })
}
