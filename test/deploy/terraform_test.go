package deploy

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

const module = "../../deploy/terraform"

// This checks the format where Terraform is not installed, too.
func TestTerraformFilesAreFormatted(t *testing.T) {
	files := terraformFiles(t)
	if len(files) < 20 {
		t.Fatalf("only %d files were found in %s", len(files), module)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(hclwrite.Format(text)), string(text)); diff != "" {
			t.Errorf("%s: terraform fmt writes it (-formatted +file):\n%s", file, diff)
		}
	}
}

// terraformFiles returns the files of the module, its tests and its examples.
func terraformFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(module, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tf") || strings.HasSuffix(path, ".hcl") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The module is copied as a team copies it, with the files beside it.
func TestTheModuleDoesWhatItsOwnTestsSay(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	if out, err := terraform(t, root)("fmt", "-check", "-recursive", "-diff"); err != nil {
		t.Errorf("terraform fmt would change:\n%s", out)
	}
	folders, err := blueprint.Folders(filepath.Join(root, "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) { ownTests(t, folder) })
	}
}

func ownTests(t *testing.T, folder string) {
	t.Helper()
	run := terraform(t, folder)
	initialise(t, run)
	if out, err := run("validate"); err != nil {
		t.Fatalf("terraform validate: %v\n%s", err, out)
	}
	// Refused input is tested without the provider, in a tenth of the time.
	tests := []string{"test"}
	for _, file := range glob(t, filepath.Join(folder, "tests", "*.tftest.hcl")) {
		if name := filepath.Base(file); name != badInput {
			tests = append(tests, "-filter="+filepath.Join("tests", name))
		}
	}
	out, err := run(tests...)
	if err != nil {
		t.Fatalf("terraform test: %v\n%s", err, out)
	}
	if passed := regexp.MustCompile(`[1-9][0-9]* passed, 0 failed`).FindString(out); passed == "" {
		t.Errorf("no test was run:\n%s", out)
	} else {
		t.Log(passed)
	}
}

// knownWriters is a provider whose sinks have a writer identity before they are made: in a
// test, Terraform takes a check that a plan leaves open for a failed one.
const knownWriters = `mock_provider "google" {
  source          = "../../tests/google"
  override_during = plan
}

mock_provider "time" {}
`

func TestExamplesPlanWhatTheyPromise(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	asserts := map[string]string{"organization": `
  assert {
    condition     = keys(output.writers) == ["folders/111111111111", "folders/222222222222"]
    error_message = "a folder has no writer"
  }
`, "folder": `
  assert {
    condition     = keys(output.writers) == ["folders/111111111111"]
    error_message = "the folder has no writer"
  }
`}
	for _, example := range glob(t, filepath.Join(root, "terraform", "examples", "*")) {
		name := filepath.Base(example)
		given, err := os.ReadFile(filepath.Join(example, "terraform.tfvars.example"))
		if err != nil {
			t.Fatal(err)
		}
		// The program is not where the example says.
		checker := regexp.MustCompile(`(?m)^policy_checker.*$`)
		write(t, filepath.Join(example, "terraform.tfvars"), checker.ReplaceAllString(string(given), ""))
		example := "run \"plan\" {\n  command = plan\n" + asserts[name] + "}\n"
		dir := filepath.Join(root, "terraform", "examples", name)
		write(t, filepath.Join(dir, "tests", "example.tftest.hcl"), knownWriters+example)
		run := terraform(t, dir)
		initialise(t, run)
		if out, err := run("test"); err != nil || !strings.Contains(out, "1 passed, 0 failed") {
			t.Errorf("example %s: %v\n%s", name, err, out)
		}
	}
}

// A team copies an example and writes its own values into terraform.tfvars alone.
func TestExamplesHaveNoValueToEdit(t *testing.T) {
	for _, example := range glob(t, filepath.Join(module, "examples", "*")) {
		text, err := os.ReadFile(filepath.Join(example, "main.tf"))
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, block := range parseHCL(t, text, example).Blocks {
			if block.Type != "module" {
				continue
			}
			calls++
			for name, value := range assignments(text, block.Body) {
				if name != "source" && !strings.Contains(value, "var.") {
					t.Errorf("%s: %s is %s: make it a variable", example, name, value)
				}
			}
		}
		if calls != 1 {
			t.Errorf("%s calls %d modules, want the module", example, calls)
		}
		for _, file := range []string{"README.md", "backend.tf", "backend.hcl.example", "terraform.tfvars.example"} {
			if _, err := os.Stat(filepath.Join(example, file)); err != nil {
				t.Error(err)
			}
		}
	}
}

// terraform runs Terraform in a directory, with additions to the environment. Where it is not
// installed the test is skipped, and says so.
func terraform(t *testing.T, dir string, environment ...string) func(arguments ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("terraform")
	if err != nil {
		missing(t, "terraform is not installed, so the module was neither validated nor tested")
	}
	return func(arguments ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, program, arguments...)
		command.Dir = dir
		command.Env = append(os.Environ(), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS=-no-color")
		command.Env = append(command.Env, environment...)
		out, err := command.CombinedOutput()
		return string(out), err
	}
}

// missing skips a test for want of a program, and fails it where a recording was asked for.
func missing(t *testing.T, why string) {
	t.Helper()
	if *record {
		t.Fatalf("nothing is recorded: %s", why)
	}
	t.Skip("skipped: " + why)
}

// initialise fetches the provider, from the configured source. It leaves the backend alone,
// where the flags do not say otherwise.
func initialise(t *testing.T, run func(...string) (string, error), flags ...string) {
	t.Helper()
	out, err := run(append([]string{"init", "-input=false", "-backend=false"}, flags...)...)
	if err != nil && strings.Contains(out, "Failed to query available provider packages") {
		missing(t, "the Google provider is not available here, so nothing was validated, tested or applied; "+
			"deploy/terraform/README.md (Tests) says how to get it:\n"+out)
	}
	if err != nil {
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file is %s: %v", pattern, err)
	}
	return files
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
