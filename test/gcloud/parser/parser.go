// Package parser asks the installed gcloud whether it takes a command, without
// running it. It parses hundreds of commands in one process of gcloud's own
// Python, which takes as long as a few of gcloud itself. No account, no
// configuration and no network is used.
//
// Values are checked as far as gcloud's parser does: flags, their combinations
// and their choices, but for example no key within --iap.
package parser

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

//go:embed parse.py
var program string

// Refusals returns, for each command, why gcloud refuses it, "" if it takes it.
// A command is its arguments without gcloud itself. The test is skipped where
// gcloud is not installed.
func Refusals(t *testing.T, commands [][]string) []string {
	t.Helper()
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("skipped: gcloud is not installed here")
	}
	env := Environment(t)
	root, python := installation(t, env)
	input, err := json.Marshal(commands)
	if err != nil {
		t.Fatal(err)
	}
	// -S: like gcloud, which takes nothing but what it brings along.
	command := exec.CommandContext(t.Context(), python, "-S", "-c", program, root)
	command.Env, command.Stdin = env, bytes.NewReader(input)
	var refusals []string
	if err := json.Unmarshal(output(t, command), &refusals); err != nil || len(refusals) != len(commands) {
		t.Fatalf("gcloud's parser judged %d of %d commands: %v", len(refusals), len(commands), err)
	}
	return refusals
}

// Environment is one in which gcloud has no configuration and asks nothing of the
// network by itself.
func Environment(t *testing.T) []string {
	t.Helper()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CLOUDSDK_CONFIG=" + t.TempDir(),
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=1",
	}
}

// installation is gcloud's folder and the Python that it runs with.
func installation(t *testing.T, env []string) (root, python string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "gcloud", "info",
		"--format=value[separator='\n'](installation.sdk_root,basic.python_location)")
	command.Env = env
	lines := strings.Split(strings.TrimSpace(string(output(t, command))), "\n")
	if len(lines) != 2 {
		t.Fatalf("gcloud info names its folder and its Python as %q", lines)
	}
	return lines[0], lines[1]
}

func output(t *testing.T, command *exec.Cmd) []byte {
	t.Helper()
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("running %s: %w\n%s", command.Path, err, stderr.String()))
	}
	return out
}
