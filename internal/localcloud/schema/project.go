package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// selection is what a fields parameter selects of an object: fields, and what
// of each. An empty selection is everything.
type selection map[string]selection

// Project returns what a fields parameter selects of an answer, in Google's
// syntax of partial responses: "a,b/c,items(x,y),*". Lists are selected entry
// by entry. The value is not changed; "" selects everything. The error says
// what is wrong with the syntax.
func Project(value any, fields string) (any, error) {
	selected, err := parseFields(fields)
	if err != nil || selected == nil {
		return value, err
	}
	return selected.of(value), nil
}

// CheckFields checks a fields parameter against the message that is answered.
// The error is an *Error with Google's text (unverified: from memory of the
// error, no recording).
func (a *API) CheckFields(message, fields string) error {
	selected, err := parseFields(fields)
	if err != nil {
		return &Error{[]Violation{{"fields", err.Error()}}}
	}
	if path := a.unknownPath(a.messages.get(message), selected, ""); path != "" {
		return &Error{[]Violation{{path,
			"Error expanding 'fields' parameter. Cannot find matching fields for path '" + path + "'."}}}
	}
	return nil
}

func (a *API) unknownPath(m *Message, selected selection, at string) string {
	for _, name := range slices.Sorted(maps.Keys(selected)) {
		below := selected[name]
		path := strings.TrimPrefix(at+"."+name, ".")
		if name == "*" || m == nil {
			continue
		}
		f := m.field(name)
		if f == nil {
			f = m.Values
		}
		if f == nil {
			return path
		}
		if f.Map || f.Type == "any" || len(below) == 0 {
			continue
		}
		if f.Ref == "" {
			return path + "." + slices.Min(slices.Collect(maps.Keys(below)))
		}
		if wrong := a.unknownPath(a.messages.get(f.Ref), below, path); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (s selection) of(value any) any {
	switch value := value.(type) {
	case []any:
		kept := make([]any, 0, len(value))
		for _, each := range value {
			kept = append(kept, s.of(each))
		}
		return kept
	case map[string]any:
		if len(s) == 0 {
			return value
		}
		kept := map[string]any{}
		for name, each := range value {
			below, ok := s[name]
			all, every := s["*"]
			if !ok && !every {
				continue
			}
			if !ok {
				below = all
			}
			kept[name] = below.of(each)
		}
		return kept
	}
	return value
}

// parseFields reads a fields parameter. Nil selects everything.
func parseFields(fields string) (selection, error) {
	if fields == "" {
		return nil, nil
	}
	p := fieldParser{rest: fields}
	selected, err := p.list(1)
	if err == nil && p.rest != "" {
		err = p.unexpected()
	}
	if err != nil {
		//lint:ignore ST1005 the words are Google's
		return nil, fmt.Errorf("Invalid field selection %s", fields)
	}
	return selected, nil
}

type fieldParser struct{ rest string }

func (p *fieldParser) unexpected() error { return fmt.Errorf("unexpected %q", p.rest) }

// list is path{","path}.
func (p *fieldParser) list(depth int) (selection, error) {
	selected := selection{}
	for {
		if err := p.path(selected, depth); err != nil {
			return nil, err
		}
		if !p.take(',') {
			return selected, nil
		}
	}
}

// path is name{"/"name}["("list")"]. A dot separates as a slash does.
func (p *fieldParser) path(into selection, depth int) error {
	end := strings.IndexAny(p.rest, ",/.()")
	if end < 0 {
		end = len(p.rest)
	}
	name := strings.TrimSpace(p.rest[:end])
	if name == "" || depth > maxDepth {
		return p.unexpected()
	}
	p.rest = p.rest[end:]
	before, known := into[name]
	below := selection{}
	switch {
	case p.take('/'), p.take('.'):
		if err := p.path(below, depth+1); err != nil {
			return err
		}
	case p.take('('):
		var err error
		if below, err = p.list(depth + 1); err != nil {
			return err
		}
		if !p.take(')') {
			return p.unexpected()
		}
	}
	if known {
		below = union(before, below)
	}
	into[name] = below
	return nil
}

// union is what either selects; an empty selection is everything.
func union(a, b selection) selection {
	if len(a) == 0 || len(b) == 0 {
		return selection{}
	}
	for name, below := range b {
		if before, ok := a[name]; ok {
			below = union(before, below)
		}
		a[name] = below
	}
	return a
}

func (p *fieldParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}
