package deploy_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

const deployWorkflow = "../../deploy/github/iapguard-deploy.yaml"

// deployment is the workflow that deploys, with the keys that it uses and no others.
type deployment struct {
	Name string `yaml:"name"`
	On   struct {
		Push struct {
			Branches []string `yaml:"branches"`
		} `yaml:"push"`
		Dispatch any `yaml:"workflow_dispatch"`
	} `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Env         map[string]string `yaml:"env"`
	Jobs        map[string]struct {
		Needs       string            `yaml:"needs"`
		If          string            `yaml:"if"`
		RunsOn      string            `yaml:"runs-on"`
		Timeout     int               `yaml:"timeout-minutes"`
		Environment string            `yaml:"environment"`
		Permissions map[string]string `yaml:"permissions"`
		Steps       []workflowStep    `yaml:"steps"`
	} `yaml:"jobs"`
}

// readDeployment reads the workflow strictly.
func readDeployment(t *testing.T) (read deployment, text string) {
	t.Helper()
	content, err := os.ReadFile(deployWorkflow)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	return read, string(content)
}

// scripts are the scripts of the workflow by the ids of their steps, in their order.
func (d deployment) scripts() (ids []string, scripts map[string]string) {
	scripts = map[string]string{}
	for _, job := range []string{"prove", "deploy"} {
		for _, each := range d.Jobs[job].Steps {
			if each.ID != "" {
				ids, scripts[each.ID] = append(ids, each.ID), each.Run
			}
		}
	}
	return ids, scripts
}

func TestTheDeployWorkflowIsWhatGitHubTakes(t *testing.T) {
	_, text := readDeployment(t)
	for _, each := range lint(t, text) {
		t.Error(each)
	}
	if changed := strings.Replace(text, "steps.shift-traffic.outcome", "steps.shift.outcome", 1); len(lint(t, changed)) == 0 {
		t.Error("a step that is not there is not noticed")
	}
	if used, named := strings.Count(text, "uses:"), len(pinnedAction.FindAllString(text, -1)); used != named || used == 0 {
		t.Errorf("%d of %d actions are named by their commit, with the version beside it", named, used)
	}
}

func TestTheDeployWorkflowGivesTokensToNoTest(t *testing.T) {
	read, _ := readDeployment(t)
	got := map[string]map[string]string{}
	for name, job := range read.Jobs {
		got[name] = job.Permissions
		for _, each := range job.Steps {
			if strings.Contains(each.Run, "${{") {
				t.Errorf("%s: something is written into the script, which a person may have chosen: %s", each.Name, each.Run)
			}
			if strings.HasPrefix(each.Uses, "google-github-actions/auth") && name != "deploy" {
				t.Errorf("job %s logs in", name)
			}
		}
	}
	want := map[string]map[string]string{"prove": {"contents": "read"}, "deploy": {"contents": "read", "id-token": "write"}}
	if diff := cmp.Diff(want, got); diff != "" || len(read.Permissions) > 0 {
		t.Errorf("permissions of the jobs (-want +got), beside %v of all:\n%s", read.Permissions, diff)
	}
	last := read.Jobs["deploy"]
	if last.Needs != "prove" || last.If != "github.ref == 'refs/heads/main'" || last.Environment == "" ||
		read.Concurrency["cancel-in-progress"] != false {
		t.Errorf("it deploys what is not proven, of another branch, without an environment, or two at once: %+v", last)
	}
	release, err := os.ReadFile(filepath.Join("..", "..", ".github", "workflows", "release.yaml"))
	if err != nil || !strings.Contains(string(release), "KO: "+read.Env["KO"]+"\n") {
		t.Errorf("a release has another version than %s, error %v", read.Env["KO"], err)
	}
}

// kept is a file that scripts of the workflow keep for each other.
var kept = regexp.MustCompile(`"\$RUNNER_TEMP/([\w./-]+)"`)

// What both do, both do by the same script.
func TestTheDeployWorkflowDoesWhatTheBuildDoes(t *testing.T) {
	build, _ := shippedBuild(t)
	read, _ := readDeployment(t)
	ids, scripts := read.scripts()
	own := map[string]bool{"image": true, "sign": true, "way-back": true} // cloudbuild.yaml has a registry's push, and provenance
	var want, got []string
	for _, each := range build.Steps {
		if each.ID == "push" {
			continue
		}
		if want = append(want, each.ID); own[each.ID] {
			continue
		}
		expected := strings.TrimPrefix(each.Script, "#!/usr/bin/env bash\n")
		if each.Script == "" {
			expected = strings.Join(each.Args, " ")
		}
		script := kept.ReplaceAllString(scripts[each.ID], "/workspace/$1")
		script = strings.Replace(script, "iapguard-deploy: ", "cloudbuild: ", 1)
		script = strings.Replace(script, ", in env of this workflow", ", as --substitutions=$1=...", 1)
		script = regexp.MustCompile(`check PROJECT_ID .*\n`).ReplaceAllString(script, "")
		if diff := cmp.Diff(strings.TrimSpace(expected), strings.TrimSpace(script)); diff != "" {
			t.Errorf("step %s (-cloudbuild.yaml +workflow):\n%s", each.ID, diff)
		}
	}
	for _, id := range ids {
		if id != "sign" && id != "way-back" {
			got = append(got, id)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-cloudbuild.yaml +workflow):\n%s", diff)
	}
	for name := range build.Substitutions {
		if _, has := read.Env[name]; !has {
			t.Errorf("env has no %s", name)
		}
	}
}

// github runs the script of a step as GitHub does, with programs in the place of gcloud and go.
func github(t *testing.T, id, folder string) (said string, err error) {
	t.Helper()
	read, _ := readDeployment(t)
	_, scripts := read.scripts()
	file := filepath.Join(folder, "step.sh")
	if err := os.WriteFile(file, []byte(scripts[id]), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "-e", file)
	command.Dir = folder
	environment := maps.Clone(read.Env)
	maps.Copy(environment, map[string]string{"PROJECT_ID": "my-guard", "_REGION": "europe-west1", "_REPOSITORY": "iapguard",
		"_SERVICE": "iapguard", "RUNNER_TEMP": folder, "GITHUB_SHA": "0123", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_WORKFLOW_REF": "o/r/.github/workflows/iapguard-deploy.yaml@refs/heads/main",
		"GITHUB_STEP_SUMMARY": filepath.Join(folder, "summary"), "PATH": filepath.Join(folder, "bin") + ":" + os.Getenv("PATH")})
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

// programs writes programs that note what they are asked; go answers by a script.
func programs(t *testing.T, answers string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"gcloud": "#!/bin/sh\necho \"gcloud $*\" >> asked\n", "go": "#!/bin/sh\necho \"go $*\" >> asked\n" + answers,
	} {
		if err := os.WriteFile(filepath.Join(folder, "bin", name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	pushed = "europe-west1-docker.pkg.dev/my-guard/iapguard/iapguard"
)

// What is deployed is the digest that was pushed, signed, and verified in the workflow's name.
func TestTheDeployWorkflowSignsAndDeploysByDigest(t *testing.T) {
	folder := programs(t, "case \"$*\" in *ko@*) echo "+pushed+":0123@"+digest+" ;; esac\n")
	for _, id := range []string{"image", "sign"} {
		if said, err := github(t, id, folder); err != nil {
			t.Fatalf("%s: %v: %s", id, err, said)
		}
	}
	if image := read(t, filepath.Join(folder, "image")); image != pushed+"@"+digest+"\n" {
		t.Errorf("the image is %q", image)
	}
	asked := read(t, filepath.Join(folder, "asked"))
	for _, part := range []string{"sign --yes " + pushed + "@" + digest, "verify " +
		"--certificate-identity=https://github.com/o/r/.github/workflows/iapguard-deploy.yaml@refs/heads/main " +
		"--certificate-oidc-issuer=https://token.actions.githubusercontent.com " + pushed + "@" + digest} {
		if !strings.Contains(asked, part) {
			t.Errorf("%q is not asked:\n%s", part, asked)
		}
	}
	for name, answers := range map[string]string{"image": "echo " + pushed + ":0123\n", "sign": "exit 1\n"} {
		folder := programs(t, answers)
		put(t, filepath.Join(folder, "image"), pushed+"@"+digest)
		if said, err := github(t, name, folder); err == nil {
			t.Errorf("%s: it goes on without a digest, or without a signature: %s", name, said)
		}
	}
}

func TestTheDeployWorkflowHasAWayBack(t *testing.T) {
	folder := programs(t, "")
	if said, err := github(t, "way-back", folder); err != nil || said != "" {
		t.Errorf("where nothing was deployed: %v: %s", err, said)
	}
	put(t, filepath.Join(folder, "revision"), "iapguard-2\n")
	put(t, filepath.Join(folder, "previous"), "iapguard-1\n")
	said, err := github(t, "way-back", folder)
	if asked := read(t, filepath.Join(folder, "asked")); err != nil || !strings.Contains(asked, "--to-revisions=iapguard-1=100") {
		t.Errorf("%v: %s: %s", err, said, asked)
	}
	wrong, err := github(t, "check-substitutions", folder)
	if err != nil {
		t.Errorf("what is right is refused: %s", wrong)
	}
}
