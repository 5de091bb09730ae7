package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// documented returns the folders whose README has tables of inputs, outputs and requirements.
func documented(t *testing.T) []string {
	t.Helper()
	folders, err := blueprint.Folders(module)
	if err != nil {
		t.Fatal(err)
	}
	return append(folders, glob(t, filepath.Join(module, "examples", "*"))...)
}

// The tables are those that terraform-docs makes. With UPDATE=1 in the environment the test
// writes them instead.
func TestTheModulesREADMEsListWhatTheyTakeAndGive(t *testing.T) {
	for _, folder := range documented(t) {
		made := tables(t, folder)
		readme := filepath.Join(folder, "README.md")
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		want := string(text)
		for _, name := range slices.Sorted(maps.Keys(made)) {
			begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
			before, rest, ok := strings.Cut(want, begin)
			_, after, closed := strings.Cut(rest, end)
			if !ok || !closed {
				t.Fatalf("%s has no table between %q and %q", readme, begin, end)
			}
			want = before + begin + made[name] + end + after
		}
		if os.Getenv("UPDATE") == "1" {
			write(t, readme, want)
		} else if diff := cmp.Diff(want, string(text)); diff != "" {
			t.Errorf("%s (-module +table); UPDATE=1 go test ./test/deploy -run README writes it:\n%s", readme, diff)
		}
	}
}

// tables returns the tables of a folder by name.
func tables(t *testing.T, folder string) map[string]string {
	t.Helper()
	made := map[string]string{
		"variables":    "| variable | default | what it is |\n|---|---|---|\n",
		"outputs":      "| output | what it is |\n|---|---|\n",
		"requirements": "| what | version |\n|---|---|\n",
	}
	files := glob(t, filepath.Join(folder, "*.tf"))
	slices.SortFunc(files, func(a, b string) int { return len(a) - len(b) }) // variables.tf first, as it is read
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range parseHCL(t, text, file).Blocks {
			switch block.Type {
			case "variable":
				made["variables"] += row(t, text, block)
			case "output":
				made["outputs"] += fmt.Sprintf("| `%s` | %s |\n", block.Labels[0], described(t, block))
			case "terraform":
				made["requirements"] += requirements(t, text, block)
			}
		}
	}
	return made
}

// row describes one variable. What has no default has to be given.
func row(t *testing.T, text []byte, block *hclsyntax.Block) string {
	t.Helper()
	byDefault, optional := assignments(text, block.Body)["default"]
	switch {
	case !optional:
		byDefault = "required"
	case strings.Contains(byDefault, "\n"):
		byDefault = "see the file"
	default:
		byDefault = "`" + byDefault + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", block.Labels[0], byDefault, described(t, block))
}

func described(t *testing.T, block *hclsyntax.Block) string {
	t.Helper()
	description, diagnostics := block.Body.Attributes["description"].Expr.Value(nil)
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	return strings.ReplaceAll(description.AsString(), "|", "\\|")
}

func requirements(t *testing.T, text []byte, block *hclsyntax.Block) string {
	t.Helper()
	rows := fmt.Sprintf("| Terraform | %s |\n", strings.Trim(assignments(text, block.Body)["required_version"], "\""))
	for _, inner := range block.Body.Blocks {
		if inner.Type != "required_providers" {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(inner.Body.Attributes)) {
			provider, diagnostics := inner.Body.Attributes[name].Expr.Value(nil)
			if diagnostics.HasErrors() {
				t.Fatal(diagnostics)
			}
			rows += fmt.Sprintf("| provider %s | %s |\n", provider.GetAttr("source").AsString(), provider.GetAttr("version").AsString())
		}
	}
	return rows
}

// A variable that several modules have says the same in each. Only the root module leaves
// checks to the one module that takes it.
func TestAVariableIsDeclaredAlikeInEveryModule(t *testing.T) {
	folders, err := blueprint.Folders(module)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]map[string]string{} // by folder and variable, without its checks
	for _, folder := range folders {
		declared[folder] = map[string]string{}
		for _, file := range glob(t, filepath.Join(folder, "variables*.tf")) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range parseHCL(t, text, file).Blocks {
				declared[folder][block.Labels[0]] = fmt.Sprint(assignments(text, block.Body))
			}
		}
	}
	for name, root := range declared[module] {
		passed := 0
		for _, folder := range folders[1:] {
			inner, has := declared[folder][name]
			if !has {
				continue
			}
			passed++
			if inner != root && !(name == "scope" && strings.HasSuffix(folder, "preventive")) {
				t.Errorf("%s of %s is declared as\n%s\nand here as\n%s", name, folder, inner, root)
			}
		}
		if passed == 0 {
			t.Errorf("no module takes %s", name)
		}
	}
}
