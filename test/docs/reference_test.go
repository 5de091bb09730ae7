package docs

import (
	"cmp"
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

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/event"
	document "github.com/iapguard/iapguard/internal/page"
	"github.com/iapguard/iapguard/internal/plan"
	schemas "github.com/iapguard/iapguard/internal/policy/schema"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
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

// generated compares a section of a page with what the code says. With UPDATE=1 in the
// environment it writes the section instead.
func generated(t *testing.T, page, name, want string) {
	t.Helper()
	mark := "<!-- " + name + " -->\n"
	if os.Getenv("UPDATE") == "1" {
		text := strings.Replace(reference(t, page), mark+section(t, page, name), mark+want, 1)
		if err := os.WriteFile(referencePath(page), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff(want, section(t, page, name)); diff != "" {
		t.Errorf("%s (-code +table); UPDATE=1 go test ./test/docs writes it:\n%s", page, diff)
	}
}

func TestTheEventsTableIsTheCodes(t *testing.T) {
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
	generated(t, "events.md", "understood", want.String())
}

// fieldSchema is what the table of fields needs of a JSON Schema.
type fieldSchema struct {
	Description string
	Properties  map[string]fieldSchema
	Items       *fieldSchema
	Ref         string                 `json:"$ref"`
	Defs        map[string]fieldSchema `json:"$defs"`
}

// rows lists the fields of an object, each before those within it.
func (f fieldSchema) rows(t *testing.T, defs map[string]fieldSchema, path string) string {
	t.Helper()
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.Properties)) {
		field, at := f.Properties[name], path+name
		described := field.Description
		if field.Ref != "" {
			field = defs[strings.TrimPrefix(field.Ref, "#/$defs/")]
		}
		if described = cmp.Or(described, field.Description); described == "" {
			t.Errorf("the schema does not describe %s", at)
		}
		inside := field
		if field.Items != nil {
			inside, at = *field.Items, at+"[]"
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", at, strings.ReplaceAll(described, "|", "\\|"))
		table.WriteString(inside.rows(t, defs, at+"."))
	}
	return table.String()
}

func TestTheFieldsOfReportsAreTheSchemas(t *testing.T) {
	var schema fieldSchema
	if err := json.Unmarshal(report.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	rows := schema.rows(t, schema.Defs, "")
	if len(schema.Properties) < 20 {
		t.Errorf("the schema has only %d fields", len(schema.Properties))
	}
	generated(t, "reports.md", "fields", "| field | what it is |\n|---|---|\n"+rows)
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
		if diff := gocmp.Diff(tc.want, named); diff != "" || len(named) == 0 {
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

func TestTheNamesElsewhereAreTheDocuments(t *testing.T) {
	var want strings.Builder
	want.WriteString("| finding | known as |\n|---|---|\n")
	for _, code := range protection.Codes() {
		var names []string
		for _, one := range document.References(code) {
			name := one.Catalogue + " `" + one.ID + "`"
			if one.Function {
				name += ", for functions"
			}
			if one.Note != "" {
				name += " (" + one.Note + ")"
			}
			names = append(names, name)
		}
		if len(names) > 0 {
			fmt.Fprintf(&want, "| `%s` | %s |\n", code, strings.Join(names, "; "))
		}
	}
	generated(t, "findings.md", "elsewhere", want.String())
}
