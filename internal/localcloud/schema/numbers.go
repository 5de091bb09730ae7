package schema

import (
	"encoding/json"
	"maps"
	"strconv"
)

// WithNumbers returns an answer with its enums by number, as Google answers
// $alt=json;enum-encoding=int (recorded). What has no number stays. The value
// is not changed.
func (a *API) WithNumbers(message string, value any) any {
	return a.numbered(&Field{Type: "object", Ref: message}, value)
}

func (a *API) numbered(f *Field, value any) any {
	switch value := value.(type) {
	case []any:
		kept := make([]any, len(value))
		for i, each := range value {
			kept[i] = a.numbered(f, each)
		}
		return kept
	case map[string]any:
		kept := maps.Clone(value)
		m := a.messages.get(f.Ref)
		if typeURL, ok := value["@type"].(string); ok {
			m = a.Typed(typeURL)
		}
		for name, each := range value {
			if inner := fieldOf(f, m, name); inner != nil {
				kept[name] = a.numbered(inner, each)
			}
		}
		return kept
	case string:
		if number, ok := f.Number(value); ok {
			return json.Number(strconv.Itoa(number))
		}
	}
	return value
}

// fieldOf is the field that a key of an object is: of its message, or of the
// map that the object is. Nil: it is of any shape.
func fieldOf(f *Field, m *Message, name string) *Field {
	switch {
	case m != nil && m.Fields[name] != nil:
		return m.Fields[name]
	case m != nil:
		return m.Values
	case f.Map:
		return &Field{Type: f.Type, Ref: f.Ref, Enum: f.Enum, EnumType: f.EnumType, Numbers: f.Numbers}
	}
	return nil
}
