package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const badInput = "bad_input.tftest.hcl"

// mocks matches what stands for providers: variables alone need none.
var mocks = regexp.MustCompile(`(?m)^mock_provider "[a-z]+" \{([^}]*\n)?\}\n`)

// Variables alone need no provider, so this takes seconds. Terraform's own tests
// say that an input is refused; their comments have the message.
func TestBadInputIsRefusedWithWhatToWriteInstead(t *testing.T) {
	t.Parallel()
	found := 0
	for _, folder := range append(glob(t, filepath.Join(module, "modules", "*")), module) {
		text, err := os.ReadFile(filepath.Join(folder, "tests", badInput))
		if err != nil {
			t.Fatal(err)
		}
		cases, common := refusals(t, text)
		if found += len(cases); len(cases) == 0 {
			t.Errorf("no run was found in %s of %s", badInput, folder)
		}
		t.Run(filepath.Base(folder), func(t *testing.T) {
			refuses(t, folder, text, cases, common)
		})
	}
	if found < 80 {
		t.Fatalf("only %d runs were found", found)
	}
}

// A validation that no run violates may say anything, or never fail. The comment of a run has a
// part of the message of one of its variables.
func TestEveryValidationHasAnInputThatItRefuses(t *testing.T) {
	said := map[string][]string{} // what runs say, by the variable that they expect to fail
	folders := append(glob(t, filepath.Join(module, "modules", "*")), module)
	for _, folder := range folders {
		text, err := os.ReadFile(filepath.Join(folder, "tests", badInput))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, block := range parseHCL(t, text, badInput).Blocks {
			for _, name := range failing.FindAllString(assignments(text, block.Body)["expect_failures"], -1) {
				said[name] = append(said[name], lines[block.Range().Start.Line-2])
			}
		}
	}
	checked := 0
	for _, folder := range folders {
		for _, file := range glob(t, filepath.Join(folder, "*variables*.tf")) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range parseHCL(t, text, file).Blocks {
				for _, validation := range block.Body.Blocks {
					message := assignments(text, validation.Body)["error_message"]
					if checked++; !slices.ContainsFunc(said["var."+block.Labels[0]],
						func(says string) bool { return common(says, message) >= 14 }) {
						t.Errorf("%s: no run of a %s violates the validation of %s that says %s", file, badInput, block.Labels[0], message)
					}
				}
			}
		}
	}
	if checked < 80 {
		t.Errorf("only %d validations were found", checked)
	}
}

var failing = regexp.MustCompile(`var\.[a-z_]+`)

// common is the length of the longest text that two texts have in common.
func common(one, other string) (longest int) {
	other = strings.ReplaceAll(other, `\"`, `"`)
	for begin := range one {
		for begin+longest < len(one) && strings.Contains(other, one[begin:begin+longest+1]) {
			longest++
		}
	}
	return longest
}

// refuses tries the cases of the module in a folder, without its resources.
func refuses(t *testing.T, folder string, text []byte, cases []refusal, common map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for _, file := range glob(t, filepath.Join(folder, "*variables*.tf")) {
		variables, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "module", filepath.Base(file)), string(variables))
	}
	tests := mocks.ReplaceAllString(string(text), "")
	write(t, filepath.Join(dir, "module", "tests", badInput), tests)

	run := terraform(t, filepath.Join(dir, "module"))
	initialise(t, run)
	if out, err := run("test"); err != nil || !strings.Contains(out, fmt.Sprintf("%d passed, 0 failed", len(cases))) {
		t.Errorf("terraform test of %d runs: %v\n%s", len(cases), err, out)
	}

	// Terraform reports errors about one variable before it checks conditions on
	// several, so the cases without their error are tried again without the others.
	for left := cases; len(left) > 0; {
		diagnostics := plan(t, filepath.Join(dir, "caller"), common, left)
		silent := slices.DeleteFunc(slices.Clone(left),
			func(each refusal) bool { return strings.Contains(diagnostics, each.says) })
		if len(silent) == len(left) {
			for _, each := range left {
				t.Errorf("run %s: no message says %q", each.name, each.says)
			}
			t.Fatalf("what was said:\n%s", diagnostics)
		}
		left = silent
	}
}

// plan calls the module once for each case, and returns the errors.
func plan(t *testing.T, dir string, common map[string]string, cases []refusal) string {
	t.Helper()
	var callers strings.Builder
	for _, each := range cases {
		fmt.Fprintf(&callers, "module %q {\n  source = \"../module\"\n%s}\n", each.name, with(common, each.variables))
	}
	write(t, filepath.Join(dir, "main.tf"), callers.String())
	run := terraform(t, dir)
	initialise(t, run)
	out, err := run("plan", "-json", "-input=false")
	if err == nil {
		t.Fatalf("everything was accepted:\n%s", out)
	}
	return messages(t, out)
}

// refusal is one run: its variables beside the common ones, and the expected error.
type refusal struct {
	name, says string
	variables  map[string]string
}

func refusals(t *testing.T, text []byte) (cases []refusal, common map[string]string) {
	t.Helper()
	lines := strings.Split(string(text), "\n")
	for _, block := range parseHCL(t, text, badInput).Blocks {
		switch block.Type {
		case "variables":
			common = assignments(text, block.Body)
		case "run":
			says, commented := strings.CutPrefix(lines[block.Range().Start.Line-2], "# ")
			if !commented {
				t.Errorf("run %s: the line before it does not say what the message says", block.Labels[0])
			}
			each := refusal{name: block.Labels[0], says: says, variables: map[string]string{}}
			for _, inner := range block.Body.Blocks {
				each.variables = assignments(text, inner.Body)
			}
			cases = append(cases, each)
		}
	}
	return cases, common
}

// assignments returns the attributes of a body as they are written.
func assignments(text []byte, body *hclsyntax.Body) map[string]string {
	written := map[string]string{}
	for name, attribute := range body.Attributes {
		written[name] = string(attribute.Expr.Range().SliceBytes(text))
	}
	return written
}

func with(common, own map[string]string) string {
	all := map[string]string{}
	maps.Copy(all, common)
	maps.Copy(all, own)
	var body strings.Builder
	for name, value := range all {
		fmt.Fprintf(&body, "  %s = %s\n", name, value)
	}
	return body.String()
}

// messages returns the errors of Terraform's machine-readable output.
func messages(t *testing.T, out string) string {
	t.Helper()
	var diagnostics strings.Builder
	for line := range strings.Lines(out) {
		var entry struct {
			Diagnostic struct{ Severity, Detail string }
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			continue // Terraform's own warnings about its configuration are not JSON
		}
		if entry.Diagnostic.Severity == "error" {
			diagnostics.WriteString(entry.Diagnostic.Detail + "\n")
		}
	}
	return diagnostics.String()
}

func parseHCL(t *testing.T, text []byte, name string) *hclsyntax.Body {
	t.Helper()
	file, diagnostics := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	return file.Body.(*hclsyntax.Body)
}
