package deploy_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4"
)

// lint returns what actionlint says of a workflow: unknown keys and values, and expressions that are
// wrong. Of an action that is named by its commit it does not know the inputs.
func lint(t *testing.T, text string) []string {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: shellcheck()})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.Lint("iapguard-policy.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, each := range found {
		said = append(said, each.Error())
	}
	return said
}

// shellcheck is the program that looks at the scripts of the steps, "" where it is not installed.
func shellcheck() string {
	program, _ := exec.LookPath("shellcheck")
	return program
}

func TestTheWorkflowIsWhatGitHubTakes(t *testing.T) {
	_, text := readWorkflow(t)
	for _, each := range lint(t, text) {
		t.Error(each)
	}
	for right, wrong := range map[string]string{
		"pull-requests: write": "pull-request: write", "runs-on: ubuntu-24.04": "runs-on: ubuntu-1.04",
		"steps.compare.outcome": "steps.compared.outcome", "${{ github.token }}": "${{ github.tokn }}", "timeout-minutes: 20": "timeout: 20",
	} {
		if changed := strings.Replace(text, right, wrong, 1); changed == text || len(lint(t, changed)) == 0 {
			t.Errorf("%s in the place of %s is not noticed", wrong, right)
		}
	}
}

// The step that installs names this module's command, at a version. Go refuses that of a module
// that replaces or excludes others.
func TestTheModuleCanBeInstalledByItsName(t *testing.T) {
	const path = "github.com/iapguard/iapguard"
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join("..", "..", "go.mod")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct {
		Module           struct{ Path string }
		Replace, Exclude []any
	}
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	if module.Module.Path != path || len(module.Replace) > 0 || len(module.Exclude) > 0 {
		t.Errorf("go install refuses it: %+v, want %s and neither replace nor exclude", module, path)
	}
	if _, err := os.Stat(filepath.Join("..", "..", "function", "cmd", "iapguard", "main.go")); err != nil {
		t.Error(err)
	}
}

// The workflow that publishes iapguard itself. What it runs is tried in test/release.
func TestTheReleaseWorkflowIsWhatGitHubTakes(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", ".github", "workflows", "release.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range lint(t, string(content)) {
		t.Error(each)
	}
	var read struct {
		Permissions map[string]string `yaml:"permissions"`
		Env         map[string]string `yaml:"env"`
		Jobs        map[string]struct {
			Needs       string            `yaml:"needs"`
			If          string            `yaml:"if"`
			Permissions map[string]string `yaml:"permissions"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{"prove": {"contents": "read"}, "programs": {"contents": "write"},
		"image": {"contents": "read", "packages": "write"}}
	got := map[string]map[string]string{}
	for name, job := range read.Jobs {
		got[name] = job.Permissions
		if publishes := name != "prove"; publishes && (job.Needs != "prove" || job.If != "github.ref_type == 'tag'") {
			t.Errorf("job %s runs after %q if %q: want it after the proofs, of a tag", name, job.Needs, job.If)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(read.Permissions) > 0 {
		t.Errorf("permissions of the jobs (-want +got), beside %v of all:\n%s", read.Permissions, diff)
	}
	if used, named := strings.Count(string(content), "uses:"), len(pinnedAction.FindAll(content, -1)); used != named || used == 0 {
		t.Errorf("%d of %d actions are named by their commit, with the version beside it", named, used)
	}
	build, err := os.ReadFile(filepath.Join("..", "..", "cloudbuild.yaml"))
	if err != nil || !strings.Contains(string(build), "- "+read.Env["KO"]+"\n") {
		t.Errorf("cloudbuild.yaml builds the image with another version than %s, error %v", read.Env["KO"], err)
	}
}
