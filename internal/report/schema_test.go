package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// node is as much of a JSON Schema as ours use to say what an object holds.
type node struct {
	Ref         string           `json:"$ref"`
	Description string           `json:"description"`
	Properties  map[string]*node `json:"properties"`
	Required    []string         `json:"required"`
	Items       *node            `json:"items"`
	Definitions map[string]*node `json:"$defs"`
}

func schemaRoot(t *testing.T) *node {
	t.Helper()
	root := &node{}
	if err := json.Unmarshal(Schema, root); err != nil {
		t.Fatal(err)
	}
	return root
}

// shape follows references and lists down to what describes an object.
func (n *node) shape(root *node) *node {
	for n != nil && (n.Ref != "" || n.Items != nil) {
		if n.Items != nil {
			n = n.Items
			continue
		}
		n = root.Definitions[strings.TrimPrefix(n.Ref, "#/$defs/")]
	}
	return n
}

// members gives what the schema lists, by path, and whether it must be there.
func (n *node) members(root *node, path string, into map[string]bool) {
	for name, each := range n.Properties {
		into[path+name] = false
		each.shape(root).members(root, path+name+".", into)
	}
	for _, name := range n.Required {
		into[path+name] = true
	}
}

// fields gives what a struct encodes, by path, and whether it always does.
func fields(of reflect.Type, path string, into map[string]bool) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range of.NumField() {
		name, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		into[path+name] = !strings.Contains(options, "omit")
		fields(of.Field(i).Type, path+name+".", into)
	}
}

func TestTheSchemaListsWhatAReportEncodesAndNothingElse(t *testing.T) {
	root := schemaRoot(t)
	encoded, listed := map[string]bool{}, map[string]bool{}
	fields(reflect.TypeFor[Report](), "", encoded)
	root.members(root, "", listed)
	if diff := cmp.Diff(encoded, listed); diff != "" {
		t.Errorf("members, and whether each must be there (-report +schema):\n%s", diff)
	}
}

func TestEveryMemberOfTheSchemaIsDescribedInASentence(t *testing.T) {
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		for name, each := range n.Properties {
			if d := each.Description; d == "" || !strings.HasSuffix(d, ".") {
				t.Errorf("%s%s: its description is %q", path, name, d)
			}
			walk(path+name+".", each)
		}
		if n.Items != nil {
			walk(path, n.Items)
		}
		for name, each := range n.Definitions {
			walk(name+".", each)
		}
	}
	walk("", schemaRoot(t))
}

// A sample that leaves a field out says nothing about it.
func TestTheSampleReportHasEveryField(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var sample any
	if err := json.Unmarshal(text, &sample); err != nil {
		t.Fatal(err)
	}
	got, want := map[string]bool{}, map[string]bool{}
	present(sample, "", got)
	fields(reflect.TypeFor[Report](), "", want)
	for path := range want {
		want[path] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-report +sample):\n%s", diff)
	}
}

// present lists what a JSON value holds, by path; labels are the user's own.
func present(value any, path string, into map[string]bool) {
	switch value := value.(type) {
	case []any:
		for _, each := range value {
			present(each, path, into)
		}
	case map[string]any:
		for name, each := range value {
			if path != "target.labels." {
				into[path+name] = true
			}
			present(each, path+name+".", into)
		}
	}
}
