package docs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	schemas "github.com/iapguard/iapguard/internal/policy/schema"
	"github.com/iapguard/iapguard/internal/protection"
)

// reference returns the text of a page in deploy/docs/reference.
func reference(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(referencePath(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func referencePath(name string) string {
	return filepath.Join(root, "deploy", "docs", "reference", name)
}

// section returns the text of a page between two marks, without them.
func section(t *testing.T, page, name string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	_, after, ok := strings.Cut(reference(t, page), begin)
	inside, _, closed := strings.Cut(after, end)
	if !ok || !closed {
		t.Fatalf("%s has no section between %q and %q", page, begin, end)
	}
	return inside
}

// With UPDATE=1 in the environment the test writes the table instead.
func TestTheEventsTableIsTheCodes(t *testing.T) {
	const events = "events.md"
	var want strings.Builder
	want.WriteString("| source | methods | becomes |\n|---|---|---|\n")
	for _, row := range event.Understood() {
		becomes := "`" + string(row.Kind) + "`"
		if row.Ignored != "" {
			becomes = "ignored: `" + string(row.Ignored) + "`"
		}
		methods := "–"
		if len(row.Methods) > 0 {
			methods = "`" + strings.Join(row.Methods, "`, `") + "`"
		}
		fmt.Fprintf(&want, "| %s | %s | %s |\n", row.Source, methods, becomes)
	}
	if os.Getenv("UPDATE") == "1" {
		const mark = "<!-- understood -->\n"
		text := strings.Replace(reference(t, events), mark+section(t, events, "understood"), mark+want.String(), 1)
		if err := os.WriteFile(referencePath(events), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want.String(), section(t, events, "understood")); diff != "" {
		t.Errorf("%s (-code +table); UPDATE=1 go test ./test/docs writes it:\n%s", events, diff)
	}
}

// The first column of each of these tables has all names of its kind, and no other.
func TestReferenceTablesHaveEveryNameAndNoOther(t *testing.T) {
	for _, tc := range []struct {
		page, section string
		want          []string
	}{
		{"findings.md", "findings", texts(protection.Codes())},
		{"verdicts.md", "verdicts", texts(doctor.Verdicts())},
		{"events.md", "kinds", declared(t, "event", "Kind")},
		{"events.md", "ignored", declared(t, "event", "Reason")},
		{"reports.md", "outcomes", declared(t, "report", "Outcome")},
		{"reports.md", "guards", declared(t, "door", "Guard")},
		{"reports.md", "doors", declared(t, "door", "Kind")},
		{"reports.md", "operations", operations()},
	} {
		var named []string
		for _, match := range firstColumn.FindAllStringSubmatch(section(t, tc.page, tc.section), -1) {
			named = append(named, match[1])
		}
		slices.Sort(tc.want)
		slices.Sort(named)
		if diff := cmp.Diff(tc.want, named); diff != "" || len(named) == 0 {
			t.Errorf("%s, %s (-code +table):\n%s", tc.page, tc.section, diff)
		}
	}
}

// firstColumn finds the name with which a row of a table begins.
var firstColumn = regexp.MustCompile("(?m)^\\| `([A-Za-z_-]+)` \\|")

func texts[T ~string](names []T) []string {
	var all []string
	for _, name := range names {
		all = append(all, string(name))
	}
	return all
}

func operations() []string {
	var all []string
	for _, operation := range plan.Operations() {
		all = append(all, string(operation.Op))
	}
	return all
}

// declared returns the values of all constants of a type, from the source of its package:
// some are not exported, and a list in the code could lack one too.
func declared(t *testing.T, pkg, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "internal", pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typed, ok := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if !ok || !literal || typed.Name != name || strings.HasSuffix(file, "_test.go") {
				return true
			}
			text, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			values = append(values, text)
			return true
		})
	}
	return values
}

// The policies that the page shows are valid (TestEveryPolicyAndHoldOfAPageIsValid), so they
// have no other keys.
func TestThePolicyPageShowsEveryKey(t *testing.T) {
	var schema any
	if err := json.Unmarshal(schemas.Policy, &schema); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, block := range fenced.FindAllStringSubmatch(reference(t, "policy.md"), -1) {
		for _, match := range regexp.MustCompile(`([A-Za-z]+):( |\n)`).FindAllStringSubmatch(block[1], -1) {
			shown[match[1]] = true
		}
	}
	keys := map[string]bool{}
	for _, key := range properties(schema) {
		if keys[key] = true; !shown[key] {
			t.Errorf("policy.md shows no policy with the key %s", key)
		}
	}
	if len(keys) < 40 {
		t.Errorf("only %d keys are in the schema", len(keys))
	}
}

// properties returns the names of all properties in a JSON Schema.
func properties(schema any) []string {
	var names []string
	switch at := schema.(type) {
	case []any:
		for _, each := range at {
			names = append(names, properties(each)...)
		}
	case map[string]any:
		for key, inner := range at {
			if object, ok := inner.(map[string]any); ok && key == "properties" {
				names = slices.AppendSeq(names, maps.Keys(object))
			}
			names = append(names, properties(inner)...)
		}
	}
	return names
}
