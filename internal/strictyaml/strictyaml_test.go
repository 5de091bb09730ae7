package strictyaml

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const depth = 16

func TestRefusalsNameThePlaceAndTheReason(t *testing.T) {
	const head = "version: 1\nrules:\n  - name: a\n"
	for _, tc := range []struct{ name, text, want string }{
		{"an open list", "version: [\n", "2:1: while parsing a flow node"},
		{"two values", "a: b: c\n",
			"1:5: mapping values are not allowed in this context: this is not valid YAML"},
		{"less indentation", head + "    mode: approve\n   bad: x\n", "5:4: "},
		{"a tab", head + "\tmode: x\n",
			"4:1: while scanning a plain scalar that begins at 3:11: found a tab"},
		{"an open quote", head + "    mode: \"unclosed\n",
			"that begins at 4:11: found unexpected end of stream"},
		{"a reserved character", head + "    a: @x\n", "4:8: "},
		{"a mapping after a list", "- a\nb: 1\n", "2:1: "},
		{"an octet that is not UTF-8", "a: \xff\n", "1:4: the text is not valid YAML: invalid leading UTF-8 octet"},
		{"a zero octet", "a: \x00b\n", "1:4: the text is not valid YAML: control characters are not allowed"},
		{"a second document", "a: b\n---\nc: d\n", "3:1: a second document: write everything into one"},
		{"a key twice", head + "    mode: x\n    mode: y\n",
			`5:5: key "mode" is on line 4 already: take one of them out`},
		{"a list as a key", "? [a]\n: b\n", "1:3: a key must be a single value"},
		{"an anchor", "a: &x [1]\n", "1:4: anchors, aliases and tags are not read: write the value out"},
		{"an anchor at nothing", "a: &x\n", "1:4: anchors"},
		{"an anchor at the key", "&x a: 1\n", "1:1: anchors"},
		{"an alias", "a: &x 1\nb: *x\n", "anchors, aliases and tags are not read"},
		{"an alias of nothing", "a: *x\n", "1:4: anchors, aliases and tags are not read"},
		{"an alias as a key", "a: &x b\n*x : c\n", "anchors, aliases and tags are not read"},
		{"a merge key", "a: {<<: {b: c}}\n", "1:5: merge keys are not read"},
		{"a tag", "a: !!int 1\n", "1:4: anchors, aliases and tags"},
		{"a tag of one's own", "!x\na: 1\n", "1:1: anchors, aliases and tags"},
		{"brackets", strings.Repeat("[", 1000), "1:17: "},
		{"brackets that are closed", strings.Repeat("[", 17) + strings.Repeat("]", 17), "nested more than 16 deep"},
		{"hyphens", strings.Repeat("- ", 1000) + "a", "nested more than 16 deep"},
		{"question marks", strings.Repeat("? ", 1000) + "a", "nested more than 16 deep"},
		{"braces", "{a: " + strings.Repeat("{b: ", 1000), "nested more than 16 deep"},
	} {
		if _, err := Parse([]byte(tc.text), depth); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", tc.name, err, tc.want)
		}
	}
}

func TestNeighboursDoNotCountAsNesting(t *testing.T) {
	if _, err := Parse([]byte(strings.Repeat("- a: [1, {b: c}]\n", 1000)), depth); err != nil {
		t.Error(err)
	}
}

func TestATextWithoutAValueHasNone(t *testing.T) {
	for _, text := range []string{"", "\n", "# a comment\n", "---\n", "---\n---\n"} {
		if root, err := Parse([]byte(text), depth); root != nil || err != nil {
			t.Errorf("%q: %v, %v, want no value and no error", text, root, err)
		}
	}
}

func TestJSONKeepsValuesAndTheirTypes(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: 2.5\nc: true\nd: ~\ne:\n": `{"a":1,"b":2.5,"c":true,"d":null,"e":null}`,
		"- yes\n- on\n- 'true'\n- \"1\"\n":  `["yes","on","true","1"]`,
		"at: 2026-11-23T12:00:00Z\n":        `{"at":"2026-11-23T12:00:00Z"}`,
		"1: one\ntrue: yes\n":               `{"1":"one","true":"yes"}`,
		"a: |\n  x\n  y\n":                  `{"a":"x\ny\n"}`,
		"---\n{a: [], b: {}}\n":             `{"a":[],"b":{}}`,
		"18446744073709551615":              `18446744073709551615`,
		"":                                  `null`,
	} {
		got, err := JSON([]byte(text), depth)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if got, err := JSON([]byte("a: .inf\n"), depth); err == nil {
		t.Errorf("infinity became %s", got)
	}
}

func TestLongTextsCostNoMoreThanTheirLength(t *testing.T) {
	const size = 256 << 10
	for name, piece := range map[string]string{
		"list": "- a # b\n", "flow list": "a, ", "quotes": "'', ", "anchors": "- &a x\n", "documents": "---\n",
		"literal": "  x\n", "comments": "# c\n", "blank lines": "\n", "question marks": "? ",
	} {
		start := map[string]string{"flow list": "[", "quotes": "[", "literal": "a: |\n"}[name]
		began := time.Now()
		_, _ = Parse([]byte(start+strings.Repeat(piece, size/len(piece))), depth)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: %v for %d bytes", name, took, size)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a: 1\n", "- {b: [c]}\n", "? a\n: b\n", "a: |\n  x\n", "a: &x [*x]\n",
		"%YAML 1.2\n---\na\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 {
			t.Skip()
		}
		_, _ = JSON(text, depth) // the library must not panic
	})
}
