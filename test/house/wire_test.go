package house

import (
	"go/ast"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

// wireFormats are the pure packages that own a wire format, each with the
// reason. What is published belongs to report; a value of another pure package
// gets its published form there.
var wireFormats = map[string]string{
	"internal/event":  "decodes Google's envelopes and log entries, and the messages of its own work topic",
	"internal/memory": "encodes the records of its store",
	"internal/plan":   "a change is the typed part of a published step, and decodes itself when a report is read back",
}

func TestWireFormatsBelongToReport(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		below := slices.ContainsFunc(append([]string{"internal/policy", "internal/fault"}, pure...),
			func(p string) bool { return within(s.folder, p) })
		if s.test || !below {
			continue
		}
		for _, name := range encodedFields(s.file) {
			if wireFormats[s.folder] == "" {
				t.Errorf("%s: field %s has a json tag: give internal/report a type for it", s.path, name)
			}
			used[s.folder] = true
		}
	}
	for folder := range wireFormats {
		if !used[folder] {
			t.Errorf("%s has no json tag: remove it from wireFormats", folder)
		}
	}
}

// encodedFields are the names of the struct fields with a json tag.
func encodedFields(file *ast.File) []string {
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return true
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if _, tagged := reflect.StructTag(tag).Lookup("json"); err != nil || !tagged {
			return true
		}
		name := "embedded"
		if len(field.Names) > 0 {
			name = field.Names[0].Name
		}
		found = append(found, name)
		return true
	})
	return found
}
