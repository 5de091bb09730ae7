package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// guardedAndOpen is a local cloud with hello behind IAP, and billing open.
func guardedAndOpen(t *testing.T) *cloudtest.Env {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{})
	o.Build(playground.Scenario...)
	rules := policyFile(t, `  - name: all
    mode: enforce
    settle: 0s
    quiet: 0s
    propagation: 0s
    access: {members: ["user:alice@example.com", "group:staff@example.com"]}
`)
	if out, err := say(t, "apply", "--endpoint", o.URL(), "--policy", rules, "--yes",
		playground.Scenario[0].Name()); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return o
}

// UPDATE=1 in the environment writes the golden file.
func TestPolicyInitBeginsAPolicyFromWhatIsThere(t *testing.T) {
	o := guardedAndOpen(t)
	o.SetFaults(`[{"action": "status", "method": "cloudresourcemanager.projects.getAncestry", "status": 403}]`)
	before := len(o.Calls().Writes())
	initiate := func(target string) string {
		out, err := say(t, "policy", "init", "--endpoint", o.URL(), target)
		if err != nil {
			t.Fatalf("%s: %v: %s", target, err, out)
		}
		return out
	}
	out := initiate("projects/demo-project")
	golden := filepath.Join("testdata", "policy-init.yaml")
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out); diff != "" {
		t.Errorf("(-golden +got):\n%s", diff)
	}
	if again := initiate("projects/demo-project"); again != out {
		t.Errorf("a second time it is another one:\n%s", cmp.Diff(out, again))
	}
	number := strings.ReplaceAll(initiate("projects/"+playground.ProjectNumber), playground.ProjectNumber,
		"demo-project")
	if number != strings.ReplaceAll(out, playground.ProjectNumber, "demo-project") {
		t.Errorf("by its number it is another one:\n%s", cmp.Diff(out, number))
	}
	if after := len(o.Calls().Writes()); after != before {
		t.Errorf("%d writes", after-before)
	}
}

var blankLeft = regexp.MustCompile(`^policy\.yaml:[0-9]+:[0-9]+: (reason|owner|ticket|expires) is left to fill in: write it$`)

func TestPolicyCheckAsksOnlyForTheBlanksOfInit(t *testing.T) {
	o := guardedAndOpen(t)
	t.Chdir(t.TempDir())
	if out, err := say(t, "policy", "init", "--endpoint", o.URL(), "projects/demo-project", "-o",
		"policy.yaml"); err != nil || out != "" {
		t.Fatalf("%q, %v", out, err)
	}
	lines := strings.Split(strings.TrimSuffix(refusal(t, "policy", "check", "policy.yaml"), "\n"), "\n")
	for _, line := range lines {
		if !blankLeft.MatchString(line) {
			t.Errorf("check says %q", line)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d complaints, want one of each blank", len(lines))
	}
	text, err := os.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("expires: <fill in>", "expires: 2027-03-31", "<fill in>", "x").Replace(string(text))
	filled = strings.ReplaceAll(filled, "2027-03-31", inAMonth())
	if err := os.WriteFile("filled.yaml", []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "policy", "check", "filled.yaml", playground.Scenario[0].Name())
	if err != nil || strings.Contains(out, "warning") || !strings.Contains(out,
		"access group:staff@example.com, user:alice@example.com\n") {
		t.Errorf("once they are filled in: %q, %v", out, err)
	}
	if out, err := say(t, "policy", "check", "filled.yaml", playground.Scenario[1].Name()); err != nil ||
		!strings.Contains(out, "exempt until ") || !strings.Contains(out, "access nobody") {
		t.Errorf("what is open: %q, %v", out, err)
	}
	var usage usageError
	if _, err := say(t, "policy", "init", "--endpoint", o.URL(), "projects/demo-project", "-o",
		"policy.yaml"); !errors.As(err, &usage) ||
		!strings.Contains(err.Error(), "policy.yaml is there already") {
		t.Errorf("a file that is there: %v", err)
	}
}

func TestPolicyInitGoesOnWithoutAProjectItCannotRead(t *testing.T) {
	o := guardedAndOpen(t)
	out, err := say(t, "policy", "init", "--endpoint", o.URL(), "projects/other-project", "projects/demo-project")
	if err != statusError(exitFailed) || !strings.Contains(out, "\n#   projects/other-project: ") ||
		!strings.Contains(out, "- name: demo-project\n") {
		t.Errorf("%v, want exit status 1, and the project as a comment:\n%s", err, out)
	}
	out, err = say(t, "policy", "init", "--endpoint", o.URL(), "projects/other-project")
	if err == nil || out != "" {
		t.Errorf("alone: %q, %v, want an error and no policy", out, err)
	}
}

func TestPolicyInitTakesWhatIsAboveProjects(t *testing.T) {
	web, apart := apiserver.NewProject("web-shop"), apiserver.NewProject("apart")
	o := cloudtest.Start(t, playground.Options{Projects: []apiserver.Project{web, apart}})
	o.Build(playground.Scenario...)
	o.MoveIntoFolder()
	o.CallAs(o.Owner(), http.MethodPost, "/v3/projects/web-shop:move",
		map[string]any{"destinationParent": cloudtest.WriterFolder})
	initiate := func(want error, targets ...string) string {
		t.Helper()
		out, err := say(t, append([]string{"policy", "init", "--endpoint", o.URL()}, targets...)...)
		if err != want {
			t.Fatalf("%s: %v: %s", targets, err, out)
		}
		return out
	}
	looked := func(out string) []string {
		return regexp.MustCompile(`(?m)^# Looked at: .*$`).FindAllString(out, -1)
	}
	want := []string{"# Looked at: projects/demo-project", "# Looked at: projects/web-shop"}
	folder := initiate(nil, cloudtest.WriterFolder)
	if diff := cmp.Diff(want, looked(folder)); diff != "" || !strings.Contains(folder, "- name: demo-project\n") {
		t.Errorf("the folder (-want +got):\n%s\n%s", diff, folder)
	}
	if got := initiate(nil, "projects/demo-project", cloudtest.WriterFolder); got != folder {
		t.Errorf("a project of the folder beside it counts twice:\n%s", cmp.Diff(folder, got))
	}
	all := append([]string{"# Looked at: projects/apart"}, want...)
	if diff := cmp.Diff(all, looked(initiate(nil, "organizations/"+apiserver.OrganizationID))); diff != "" {
		t.Errorf("the organization (-want +got):\n%s", diff)
	}
	o.SetFaults(`[
		{"action": "status", "method": "run.projects.locations.services.list", "resource": "web-shop", "status": 403},
		{"action": "status", "method": "cloudresourcemanager.projects.list", "status": 403},
		{"action": "status", "method": "cloudresourcemanager.projects.getAncestry", "resource": "apart", "status": 403}]`)
	out := initiate(statusError(exitFailed), cloudtest.WriterFolder)
	for _, says := range []string{"\n#   projects/web-shop: ", "- name: demo-project\n",
		"\n#   projects/apart: whether it is in " + cloudtest.WriterFolder + " is not known: "} {
		if !strings.Contains(out, says) {
			t.Errorf("with projects that cannot be read it lacks %q:\n%s", says, out)
		}
	}
	o.SetFaults("[]")
	for target, says := range map[string]string{"folders/1": "no project in it can be read",
		"folders/shop": "write folders/NUMBER"} {
		if out, err := say(t, "policy", "init", "--endpoint", o.URL(), target); err == nil || out != "" ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: %q, %v, want %q", target, out, err, says)
		}
	}
}
