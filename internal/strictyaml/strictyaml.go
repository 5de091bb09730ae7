// Package strictyaml reads one YAML document that somebody else wrote.
//
// It refuses what neither a policy nor a log entry needs and what lets a text
// mean something else than it seems to, or cost more than its length: anchors,
// aliases, merge keys, tags, a key twice, keys that are not single values, deep
// nesting, and a second document. Every error is a Problem, with its place.
//
// Callers bound the length of a text. The parser needs time in proportion to it:
// go.yaml.in/yaml/v4 took 1.8 s at most for 29 kinds of hostile texts of 256 KiB,
// on a machine with ten times more to do than it has processors.
package strictyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Parse returns the value of the one document in text, nil when text holds none.
// depth bounds how deep flow and block collections nest.
func Parse(text []byte, depth int) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithPlugin(loaderlimits.New(
		loaderlimits.DepthFunc(func(at int, _ *loaderlimits.DepthContext) error {
			if at > depth {
				return fmt.Errorf("nested more than %d deep", depth)
			}
			return nil
		}))))
	if err != nil {
		return nil, fmt.Errorf("preparing to read YAML: %w", err)
	}
	var root *yaml.Node
	for {
		var document yaml.Node
		if err := loader.Load(&document); errors.Is(err, io.EOF) {
			return root, nil
		} else if err != nil {
			return nil, syntaxError(text, err)
		}
		for _, value := range document.Content {
			switch {
			case implicitNull(value):
				continue
			case root != nil:
				return nil, At(value, "a second document: write everything into one")
			}
			if err := check(value); err != nil {
				return nil, err
			}
			root = value
		}
	}
}

// implicitNull reports whether nothing is written where a value could be.
func implicitNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == "" && n.Anchor == "" && n.Style == 0
}

const unreadReference = "anchors, aliases and tags are not read: write the value out"

// check refuses what Parse does not read.
func check(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode, n.Anchor != "", n.Style&yaml.TaggedStyle != 0:
		return At(n, unreadReference)
	case n.Kind == yaml.MappingNode:
		if err := checkKeys(n); err != nil {
			return err
		}
	}
	for _, each := range n.Content {
		if err := check(each); err != nil {
			return err
		}
	}
	return nil
}

func checkKeys(mapping *yaml.Node) error {
	lines := map[string]int{}
	for key := range Pairs(mapping) {
		switch line, twice := lines[key.Value]; {
		case key.Kind == yaml.AliasNode:
			continue // check refuses it
		case key.Kind != yaml.ScalarNode:
			return At(key, "a key must be a single value: write a word")
		case key.Tag == "!!merge":
			return At(key, "merge keys are not read: write the values out")
		case twice:
			return At(key, fmt.Sprintf("key %.60q is on line %d already: take one of them out", key.Value, line))
		}
		lines[key.Value] = key.Line
	}
	return nil
}

// Pairs goes through the keys and values of a mapping.
func Pairs(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

// syntaxError says where a text is not YAML, and where the construct begins that
// is not as it should be.
func syntaxError(text []byte, err error) error {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return &Problem{Line: 1, Column: 1, Text: fmt.Sprintf("the text is not valid YAML: %v", err)}
	}
	at := &yaml.Node{Line: load.Mark.Line, Column: load.Mark.Column}
	switch begin := load.ContextMark; {
	case at.Line == 0: // an octet or a character that no YAML may have
		return InText(text, unreadable(text), "the text is not valid YAML: "+load.Message)
	case load.Stage == yaml.ComposerStage: // an alias of an anchor that is not there
		return At(at, unreadReference)
	case load.ContextMsg == "" || begin.Line == 0:
		return At(at, load.Message+": this is not valid YAML")
	default:
		return At(at, fmt.Sprintf("%s that begins at %d:%d: %s: this is not valid YAML",
			load.ContextMsg, begin.Line, begin.Column, load.Message))
	}
}

// JSON returns the document in text as JSON text of the same value, null when
// text holds none. What YAML would take for a time stays the text that it is.
func JSON(text []byte, depth int) ([]byte, error) {
	root, err := Parse(text, depth)
	if err != nil || root == nil {
		return []byte("null"), err
	}
	value, err := plain(root)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(value)
	if err != nil { // a number that JSON cannot write, such as .inf
		return nil, fmt.Errorf("writing YAML as JSON: %w", err)
	}
	return encoded, nil
}

// plain is a value as encoding/json represents it.
func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		object := make(map[string]any, len(n.Content)/2)
		for key, value := range Pairs(n) {
			member, err := plain(value)
			if err != nil {
				return nil, err
			}
			object[key.Value] = member
		}
		return object, nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, each := range n.Content {
			entry, err := plain(each)
			if err != nil {
				return nil, err
			}
			list = append(list, entry)
		}
		return list, nil
	}
	switch n.Tag {
	case "!!bool", "!!int", "!!float", "!!null":
		var scalar any
		if err := n.Decode(&scalar); err != nil {
			return nil, At(n, err.Error())
		}
		return scalar, nil
	}
	return n.Value, nil
}
