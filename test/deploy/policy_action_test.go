package deploy_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// workflow is a GitHub Actions workflow, with the keys that ours uses and no others.
type workflow struct {
	Name string `yaml:"name"`
	On   struct {
		PullRequest struct {
			Paths []string `yaml:"paths"`
		} `yaml:"pull_request"`
	} `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Env         map[string]string `yaml:"env"`
	Jobs        map[string]struct {
		RunsOn  string         `yaml:"runs-on"`
		Timeout int            `yaml:"timeout-minutes"`
		Steps   []workflowStep `yaml:"steps"`
	} `yaml:"jobs"`
}

type workflowStep struct {
	Name string            `yaml:"name"`
	ID   string            `yaml:"id"`
	If   string            `yaml:"if"`
	Uses string            `yaml:"uses"`
	With map[string]any    `yaml:"with"`
	Env  map[string]string `yaml:"env"`
	Run  string            `yaml:"run"`
}

const policyWorkflow = "../../deploy/github/iapguard-policy.yaml"

// pinnedAction is an action that is named by its commit, with the version beside it.
var pinnedAction = regexp.MustCompile(`uses: [a-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+\n`)

// readWorkflow reads the workflow strictly.
func readWorkflow(t *testing.T) (read workflow, text string) {
	t.Helper()
	content, err := os.ReadFile(policyWorkflow)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	if len(read.Jobs) != 1 || len(read.Jobs["policy"].Steps) < 5 {
		t.Fatalf("it has other jobs than policy: %+v", read.Jobs)
	}
	return read, string(content)
}

func TestTheWorkflowNamesActionsByCommit(t *testing.T) {
	read, text := readWorkflow(t)
	if used, named := strings.Count(text, "uses:"), len(pinnedAction.FindAllString(text, -1)); used != named || used == 0 {
		t.Errorf("%d of %d actions are named by their commit, with the version beside it", named, used)
	}
	want := map[string]string{"contents": "read", "id-token": "write", "pull-requests": "write"}
	if !maps.Equal(read.Permissions, want) {
		t.Errorf("permissions %v, want %v", read.Permissions, want)
	}
	if read.Env["RELEASE"] != "v"+function.Version {
		t.Errorf("it installs %s, and this is %s", read.Env["RELEASE"], function.Version)
	}
	for _, name := range []string{read.Env["POLICY"], read.Env["FIXTURES"]} {
		if !slices.Contains(read.On.PullRequest.Paths, name) {
			t.Errorf("a change of %s does not start it: %q", name, read.On.PullRequest.Paths)
		}
	}
}

// pullRequest is a repository with a policy at its base and another one on top, and what GitHub
// gives a job.
type pullRequest struct {
	t            *testing.T
	folder, temp string
	environment  []string
	base         string // the commit
}

func newPullRequest(t *testing.T, endpoint string, before, after map[string]string) *pullRequest {
	t.Helper()
	p := &pullRequest{t: t, folder: t.TempDir(), temp: t.TempDir()}
	programs := t.TempDir()
	if err := os.Symlink(binary.Command(t), filepath.Join(programs, "iapguard")); err != nil {
		t.Fatal(err)
	}
	// The GitHub CLI, which here writes down what it is asked and keeps the comment.
	gh := "#!/bin/sh\nprintf '%s\\n' \"$GH_TOKEN $*\" >> \"$RUNNER_TEMP/gh\"\nfor last; do :; done\ncp \"$last\" \"$RUNNER_TEMP/comment\"\n"
	if err := os.WriteFile(filepath.Join(programs, "gh"), []byte(gh), 0o755); err != nil {
		t.Fatal(err)
	}
	p.environment = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + p.temp, "IAPGUARD_ENDPOINT=" + endpoint,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com"}
	p.must("git init -q -b main && git commit -q --allow-empty -m empty")
	p.commit(before)
	p.base = strings.TrimSpace(p.must("git rev-parse HEAD"))
	p.must("git checkout -q -b change")
	p.commit(after)
	// What is checked out is the merge of both.
	p.must("git checkout -q --detach main && git merge -q --no-ff -m merge change")
	p.environment = append(p.environment, p.given()...)
	return p
}

// given is what a runner gives each step of a pull request, and what the step that logs in adds.
// Source: actions/reference/workflows-and-actions/variables; README of google-github-actions/auth,
// export_environment_variables.
func (p *pullRequest) given() []string {
	credentials := filepath.Join(p.folder, "gha-creds-0123456789abcdef.json")
	given := []string{"CI=true", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_WORKSPACE=" + p.folder,
		"GITHUB_REPOSITORY=example/policy", "GITHUB_REF=refs/pull/17/merge", "GITHUB_BASE_REF=main", "GITHUB_HEAD_REF=change",
		"GITHUB_JOB=policy", "GITHUB_SHA=" + strings.TrimSpace(p.must("git rev-parse HEAD")), "RUNNER_OS=Linux",
		"RUNNER_TEMP=" + p.temp, "CLOUDSDK_CORE_PROJECT=my-project", "CLOUDSDK_PROJECT=my-project", "GCLOUD_PROJECT=my-project",
		"GCP_PROJECT=my-project", "GOOGLE_CLOUD_PROJECT=my-project", "GOOGLE_APPLICATION_CREDENTIALS=" + credentials,
		"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=" + credentials, "GOOGLE_GHA_CREDS_PATH=" + credentials}
	for _, name := range []string{"ENV", "OUTPUT", "PATH", "STEP_SUMMARY", "STATE"} {
		file := filepath.Join(p.temp, strings.ToLower(name))
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			p.t.Fatal(err)
		}
		given = append(given, "GITHUB_"+name+"="+file)
	}
	const external = `{"type": "external_account", "audience": "//iam.googleapis.com/projects/123456789012/locations/global/` +
		`workloadIdentityPools/github/providers/github", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": "/none"}}`
	if err := os.WriteFile(credentials, []byte(external), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return given
}

// commit commits files.
func (p *pullRequest) commit(files map[string]string) {
	p.t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	p.must("git add -A && git commit -q --allow-empty -m change")
}

func (p *pullRequest) must(script string) string {
	p.t.Helper()
	out, status := p.run(script, nil)
	if status != 0 {
		p.t.Fatalf("%s: status %d: %s", script, status, out)
	}
	return out
}

// run runs a script as a step that names no shell: from a file, by bash -e, or by sh where there is
// no bash. Source: actions/reference/workflows-and-actions/workflow-syntax, steps[*].shell.
func (p *pullRequest) run(script string, environment map[string]string) (out string, status int) {
	p.t.Helper()
	file := filepath.Join(p.temp, "step.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		p.t.Fatal(err)
	}
	command := exec.CommandContext(p.t.Context(), "bash", "-e", file)
	command.Dir, command.Env = p.folder, slices.Clone(p.environment)
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	text, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return string(text), command.ProcessState.ExitCode()
}

// play runs the steps of the workflow one after another, as written; how says how each ended.
func (p *pullRequest) play(read workflow, targets string) (how map[string]int, said string) {
	p.t.Helper()
	how = map[string]int{}
	failed, compared := false, false
	for _, step := range read.Jobs["policy"].Steps {
		switch {
		case step.Uses != "":
			continue
		case step.Name == "Install":
			const want = `go install "github.com/iapguard/iapguard/function/cmd/iapguard@$RELEASE"`
			if step.Run != want {
				p.t.Errorf("it installs by %s, want %s", step.Run, want)
			}
			continue
		case failed && step.If == "":
			continue
		case step.If != "" && step.If != "${{ !cancelled() && steps.compare.outcome != 'skipped' }}":
			p.t.Errorf("step %s has another condition: %s", step.Name, step.If)
			continue
		case step.If != "" && !compared:
			continue
		}
		environment := map[string]string{}
		for _, set := range []map[string]string{read.Env, step.Env} {
			for name, value := range set {
				environment[name] = p.evaluated(value)
			}
		}
		environment["TARGETS"] = targets
		out, status := p.run(step.Run, environment)
		how[step.Name], said = status, said+out
		failed, compared = failed || status != 0, compared || step.ID == "compare"
	}
	return how, said
}

// evaluated puts in what GitHub knows.
func (p *pullRequest) evaluated(value string) string {
	for expression, known := range map[string]string{"github.event.pull_request.base.sha": p.base,
		"github.token":                     "a-token",
		"github.event.pull_request.number": "17"} {
		value = strings.ReplaceAll(value, "${{ "+expression+" }}", known)
	}
	if strings.Contains(value, "${{") {
		p.t.Errorf("it uses %s", value)
	}
	return value
}

// file is what a step left.
func (p *pullRequest) file(name string) string {
	text, err := os.ReadFile(filepath.Join(p.temp, name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestTheWorkflowCommentsWhatAPolicyWouldChange(t *testing.T) {
	read, _ := readWorkflow(t)
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	rules := func(mode string) string {
		return "version: 1\nrules:\n  - {name: all, mode: " + mode +
			", settle: 0s, whenStuck: {after: 72h, do: report}}\n" +
			"approvers: [\"user:ann@example.com\"]\n"
	}
	fixtures := func(mode string) string {
		return fmt.Sprintf("version: 1\nfixtures:\n  - {name: hello, service: %s, want: {mode: %s}}\n",
			playground.Scenario[0].Name(), mode)
	}
	for _, tc := range []struct {
		name          string
		before, after map[string]string
		how           map[string]int
		said, comment string
		targets       string // "" = the local cloud's project
	}{
		{"protection is lost", map[string]string{"policy.yaml": rules("enforce"),
			"policy.fixtures.yaml": fixtures("enforce")},
			map[string]string{"policy.yaml": rules("approve"), "policy.fixtures.yaml": fixtures("approve")},
			map[string]int{"Check": 0, "Test": 0, "Compare": 0, "Comment": 0}, "0 of 1 fixtures are wrong",
			"### iapguard policy: 2 of 2 services change: 2 lose protection, ", ""},
		{"the first policy", nil, map[string]string{"policy.yaml": rules("enforce"),
			"policy.fixtures.yaml": fixtures("enforce")},
			map[string]int{"Check": 0, "Test": 0, "Compare": 0, "Comment": 0}, "",
			"### iapguard policy: 2 of 2 services change: 0 lose protection, 0 loosened, 2 tightened", ""},
		{"not valid", map[string]string{"policy.yaml": rules("enforce")},
			map[string]string{"policy.yaml": rules("block"), "policy.fixtures.yaml": fixtures("enforce")},
			map[string]int{"Check": 2}, `policy.yaml:3:23: mode is "block": write report-only, approve, enforce`,
			"no such file", ""},
		{"another one than fixtures say", map[string]string{"policy.yaml": rules("enforce")},
			map[string]string{"policy.yaml": rules("approve"), "policy.fixtures.yaml": fixtures("enforce")},
			map[string]int{"Check": 0, "Test": 1}, "policy.fixtures.yaml:3:5: hello: rule all decides (-want +got)\n  - mode: enforce\n",
			"no such file", ""},
		{"a project that cannot be read", map[string]string{"policy.yaml": rules("enforce")},
			map[string]string{"policy.yaml": rules("approve"), "policy.fixtures.yaml": fixtures("approve")},
			map[string]int{"Check": 0, "Test": 0, "Compare": 1, "Comment": 0}, "other-project", "no such file",
			"projects/other-project"},
	} {
		p := newPullRequest(t, o.URL(), tc.before, tc.after)
		how, said := p.play(read, cmp.Or(tc.targets, "projects/"+playground.Project))
		if !maps.Equal(how, tc.how) || !strings.Contains(said, tc.said) {
			t.Errorf("%s: the steps end with %v, want %v, and say, want %q:\n%s", tc.name, how, tc.how, tc.said, said)
		}
		if comment := p.file("comment"); !strings.Contains(comment, tc.comment) {
			t.Errorf("%s: the comment is %q, want %q in it", tc.name, comment, tc.comment)
		}
		if tc.comment != "no such file" {
			want := "a-token pr comment 17 --edit-last --create-if-none --body-file " + p.temp + "/diff.md\n"
			if asked := p.file("gh"); asked != want || p.file("step_summary") != p.file("comment") {
				t.Errorf("%s: gh is asked %q, want %q", tc.name, asked, want)
			}
		}
	}
}
