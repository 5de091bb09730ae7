package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// With UPDATE=1 in the environment the test writes the table instead.
func TestTheModulesREADMEListsItsVariables(t *testing.T) {
	var want strings.Builder
	want.WriteString("| variable | default | what it is |\n|---|---|---|\n")
	files := glob(t, filepath.Join(module, "*variables*.tf"))
	slices.SortFunc(files, func(a, b string) int { // the module's own first, as they are read
		return len(a) - len(b)
	})
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range parseHCL(t, text, file).Blocks {
			if block.Type == "variable" {
				want.WriteString(row(t, text, block))
			}
		}
	}
	const begin, end = "<!-- variables -->\n", "<!-- /variables -->"
	readme := filepath.Join(module, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table between %q and %q", readme, begin, end)
	}
	if os.Getenv("UPDATE") == "1" {
		write(t, readme, before+begin+want.String()+end+after)
		return
	}
	if diff := cmp.Diff(want.String(), table); diff != "" {
		t.Errorf("%s (-variables +table); UPDATE=1 go test ./test/deploy -run README writes it:\n%s", readme, diff)
	}
}

// row describes one variable. What has no default has to be given.
func row(t *testing.T, text []byte, block *hclsyntax.Block) string {
	t.Helper()
	written := assignments(text, block.Body)
	byDefault, optional := written["default"]
	switch {
	case !optional:
		byDefault = "required"
	case strings.Contains(byDefault, "\n"):
		byDefault = "see the file"
	default:
		byDefault = "`" + byDefault + "`"
	}
	description, diagnostics := block.Body.Attributes["description"].Expr.Value(nil)
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", block.Labels[0], byDefault,
		strings.ReplaceAll(description.AsString(), "|", "\\|"))
}
