package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy/schema"
)

// The schema accepts a little more than Parse: it cannot refuse a date too far ahead, a rule
// that an earlier one makes void, or a member of a domain that is not listed.

// node is as much of a JSON Schema as ours uses to say which keys there are.
type node struct {
	Ref         string           `json:"$ref"`
	Description string           `json:"description"`
	Properties  map[string]*node `json:"properties"`
	Items       *node            `json:"items"`
	Default     json.RawMessage  `json:"default"`
	Definitions map[string]*node `json:"$defs"`
}

func schemaRoot(t *testing.T) *node {
	t.Helper()
	root := &node{}
	if err := json.Unmarshal(schema.Policy, root); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestTheSchemaListsTheKeysThatTheReaderKnows(t *testing.T) {
	root := schemaRoot(t)
	rule, compared := root.Definitions["rule"], map[*node]bool{}
	for _, tc := range []struct {
		text string // with a key that resembles none, so that the complaint lists all
		node *node
	}{
		{"zzzzzzzzzzzzzzzz: 1\n", root},
		{head + "    zzzzzzzzzzzzzzzzzzzzzzzzzz: 1\n", rule},
		{head + "    match: {zzzzzzzzzzzzzzzz: 1}\n", rule.Properties["match"]},
		{head + "    access: {zzzzzzzzzzzzzzzz: 1}\n", rule.Properties["access"]},
		{head + "    oauthClient: {zzzzzzzzzzzzzzzz: 1}\n", rule.Properties["oauthClient"]},
		{head + "    whenStuck: {zzzzzzzzzzzzzzzzzzzzz: 1}\n", rule.Properties["whenStuck"]},
		{head + "    whenStuck: {window: {zzzzzzzzzzzzzzzz: 1}}\n", rule.Properties["whenStuck"].Properties["window"]},
		{head + "    limits: {zzzzzzzzzzzzzzzzzzzzz: 1}\n", rule.Properties["limits"]},
		{head + "    accept: [{zzzzzzzzzzzzzzzz: 1}]\n", rule.Properties["accept"].Items},
		{head + "    access: {condition: {zzzzzzzzzzzzzzzzzzzzzzz: 1}}\n", rule.Properties["access"].Properties["condition"]},
		{head + "holds: {zzzzzzzzzzzzzzzz: 1}\n", root.Properties["holds"]},
		{head + "exemptions: [{zzzzzzzzzzzzzzzz: 1}]\n", root.Definitions["exemption"]},
		{head + "exemptions: [{door: {zzzzzzzzzzzzzzzzzzzzz: 1}}]\n", root.Definitions["exemption"].Properties["door"]},
	} {
		_, err := Parse([]byte(tc.text), now)
		if err == nil {
			t.Fatalf("%q is accepted", tc.text)
		}
		_, list, _ := strings.Cut(err.Error(), "write one of ")
		list, _, _ = strings.Cut(list, "\n")
		if diff := cmp.Diff(slices.Sorted(maps.Keys(tc.node.Properties)), strings.Split(list, ", ")); diff != "" {
			t.Errorf("%q (-schema +reader):\n%s", tc.text, diff)
		}
		compared[tc.node] = true
	}
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		if len(n.Properties) > 0 && !compared[n] {
			t.Errorf("%s has keys that are compared with none", path)
		}
		for name, each := range n.Properties {
			walk(path+"."+name, each)
		}
		for name, each := range n.Definitions {
			walk(name, each)
		}
		if n.Items != nil {
			walk(path+"[]", n.Items)
		}
	}
	walk("the policy", root)
}

func TestEveryKeyOfTheSchemaIsDescribedInASentence(t *testing.T) {
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		for name, each := range n.Properties {
			if d := each.Description; d == "" || !strings.HasSuffix(d, ".") {
				t.Errorf("%s%s: its description is %q", path, name, d)
			}
			walk(path+name+".", each)
		}
		for name, each := range n.Definitions {
			walk(name+".", each)
		}
	}
	walk("", schemaRoot(t))
}

func TestADefaultOfTheSchemaIsWhatHoldsWithoutTheKey(t *testing.T) {
	without := parsed(t, "  - name: a\n").Rules()
	count := 0
	var walk func(n *node, format string)
	walk = func(n *node, format string) {
		for name, each := range n.Properties {
			if each.Default != nil {
				count++
				text := fmt.Sprintf(format, name+": "+string(each.Default))
				if diff := cmp.Diff(without, parsed(t, "  - {name: a, "+text+"}\n").Rules()); diff != "" {
					t.Errorf("%s (-without +with):\n%s", text, diff)
				}
			}
			walk(each, fmt.Sprintf(format, name+": {%s}"))
		}
	}
	walk(schemaRoot(t).Definitions["rule"], "%s")
	if count == 0 {
		t.Error("the schema has no defaults")
	}
}
