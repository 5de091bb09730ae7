package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Violations lists how an answer differs from its message: unknown fields,
// wrong types, values that an enum does not have, formats. Each line begins
// with the path of the field. The value is what encoding/json makes of the
// answer, with any type of number.
func (a *API) Violations(message string, value any) []string {
	m := a.messages.get(message)
	if m == nil {
		return []string{fmt.Sprintf("%s has no message %q", a.Name, message)}
	}
	c := checker{api: a}
	c.message(m, value, message)
	return c.found
}

type checker struct {
	api   *API
	found []string
}

func (c *checker) report(path, format string, args ...any) {
	c.found = append(c.found, path+": "+fmt.Sprintf(format, args...))
}

func (c *checker) message(m *Message, value any, path string) {
	object, ok := value.(map[string]any)
	if !ok {
		if m.Values == nil || m.Values.Type != "any" {
			c.report(path, "%s is not an object", shown(value))
		}
		return
	}
	if typeURL, ok := object["@type"].(string); ok && m.Fields["@type"] == nil {
		m = c.api.Typed(typeURL)
		if m == nil {
			return // a type of another API
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		f := m.Fields[name]
		if f == nil {
			f = m.Values
		}
		switch {
		case f == nil && name == "@type":
		case f == nil:
			c.report(path, "unknown field %q", name)
		default:
			c.field(f, object[name], path+"."+name)
		}
	}
}

func (c *checker) field(f *Field, value any, path string) {
	switch {
	case f.Repeated:
		list, ok := value.([]any)
		if !ok {
			c.report(path, "%s is not a list", shown(value))
			return
		}
		for i, each := range list {
			c.single(f, each, fmt.Sprintf("%s[%d]", path, i))
		}
	case f.Map:
		object, ok := value.(map[string]any)
		if !ok {
			c.report(path, "%s is not an object", shown(value))
			return
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if key != "@type" {
				c.single(f, object[key], path+"."+key)
			}
		}
		c.any(object, path)
	default:
		c.single(f, value, path)
	}
}

// any follows an object that names its own type.
func (c *checker) any(object map[string]any, path string) {
	if typeURL, ok := object["@type"].(string); ok {
		if m := c.api.Typed(typeURL); m != nil {
			c.message(m, object, path)
		}
	}
}

func (c *checker) single(f *Field, value any, path string) {
	switch f.Type {
	case "any":
		if object, ok := value.(map[string]any); ok {
			c.any(object, path)
		}
	case "object":
		c.message(c.api.messages.get(f.Ref), value, path)
	case "boolean":
		if _, ok := value.(bool); !ok {
			c.report(path, "%s is not a boolean", shown(value))
		}
	case "integer", "number":
		c.number(f, value, path)
	default:
		c.text(f, value, path)
	}
}

func (c *checker) number(f *Field, value any, path string) {
	text := ""
	switch value := value.(type) {
	case json.Number:
		text = value.String()
	case int, int32, int64, float64:
		text = fmt.Sprintf("%v", value)
		if float, ok := value.(float64); ok {
			text = shown(float)
		}
	default:
		c.report(path, "%s is not a number", shown(value))
		return
	}
	if f.Type == "integer" {
		if whole, ok := wholeNumber(text); !ok || !f.holds(whole) {
			c.report(path, "%s is not an %s", text, f.Format)
		}
	}
}

func (c *checker) text(f *Field, value any, path string) {
	text, ok := value.(string)
	if !ok {
		if _, isNumber := value.(json.Number); f.Enum != nil && isNumber {
			return // the client asked for enums by number
		}
		c.report(path, "%s is not a string", shown(value))
		return
	}
	switch {
	case f.Enum != nil && !slices.Contains(f.Enum, text):
		c.report(path, "%q is not a value of the enum", text)
	case f.Format == "int64", f.Format == "uint64":
		if whole, ok := wholeNumber(text); !ok || !f.holds(whole) {
			c.report(path, "%q is not an %s", text, f.Format)
		}
	case f.Format == "byte":
		if _, err := Bytes(text); err != nil {
			c.report(path, "%q is not base64", text)
		}
	case f.Format == "google-duration" && badDuration(text) != "":
		c.report(path, "%q is not a duration", text)
	case f.Format == "google-datetime", f.Format == "date-time":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			c.report(path, "%q is not a time", text)
		}
	}
}
