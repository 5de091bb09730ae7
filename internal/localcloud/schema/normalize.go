package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth is how deep protobuf's JSON parser follows objects and lists.
const maxDepth = 100

// Normalize checks a body against a message and returns it in the form that
// handlers work with: JSON names, enums by name, int64 as strings, other
// numbers as json.Number, nothing that only the server writes or that the path
// says. Null is absent, except in APIs where it is not (Compute Engine's PATCH), and
// so is zero where Google's messages are known to be those of proto3. The error is an
// *Error with everything that does not fit, in the order of the names.
//
// Numbers in body are json.Number. The body is not changed.
func (a *API) Normalize(message string, body map[string]any) (map[string]any, error) {
	return a.normalize(message, body, normalizer{api: a})
}

// NormalizeLater is Normalize for a later version of the API than the document's,
// such as a beta: fields that the document does not have are kept as they were sent.
func (a *API) NormalizeLater(message string, body map[string]any) (map[string]any, error) {
	return a.normalize(message, body, normalizer{api: a, later: true})
}

func (a *API) normalize(message string, body map[string]any, n normalizer) (map[string]any, error) {
	m := a.messages.get(message)
	if m == nil {
		panic(fmt.Sprintf("schema: %s has no message %q", a.Name, message))
	}
	if err := TooDeep(body); err != nil {
		return nil, err
	}
	kept := n.message(m, body, a.root(message))
	if len(n.violations) > 0 {
		return nil, &Error{n.violations}
	}
	return kept, nil
}

// root is the path of a message that is a request's body: the field of the
// request that the body is, which is named for the resource, or "" where the
// body is the request. Discovery does not say which; requests are named so.
func (a *API) root(message string) string {
	if root, ok := a.roots[message]; ok {
		return root
	}
	if a.legacy || strings.HasSuffix(message, "Request") {
		return ""
	}
	return strings.TrimPrefix(snake(a.short(message)), "_")
}

// normalizer collects what does not fit.
type normalizer struct {
	api        *API
	later      bool // the version may have more fields than the document
	violations []Violation
}

func (n *normalizer) unknown(name, at, why string) {
	where := ""
	if at != "" {
		where = " at '" + at + "'"
	}
	n.violations = append(n.violations, Violation{at,
		fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: %s", name, where, why)})
}

// invalid is a value that its field cannot hold, and what Google writes after the
// type. Compute Engine's own text is recorded only for values that its rules refuse,
// not for types: the frame is Google's, the sentence is unverified.
func (n *normalizer) invalid(path, wanted string, value any, why string) {
	text := fmt.Sprintf("Invalid value at '%s' (%s), %s", path, wanted, why)
	if n.api.Name == "compute/v1" {
		sentence := "Must be of type " + wanted + "."
		if wanted == "TYPE_ENUM" {
			sentence = "It is not a valid enum value."
		}
		text = fmt.Sprintf("Invalid value for field 'resource.%s': '%s'. %s", path, plain(value), sentence)
	}
	n.violations = append(n.violations, Violation{path, text})
}

// plain is a text as it is, and any other value as JSON.
func plain(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return shown(value)
}

func (n *normalizer) message(m *Message, sent map[string]any, path string) map[string]any {
	kept := make(map[string]any, len(sent))
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		f := m.field(name)
		if f == nil && m.Values != nil {
			f = m.Values
		}
		switch {
		case f == nil && n.later:
			kept[name] = sent[name]
		case f == nil:
			n.unknown(name, path, "Cannot find field.")
		case f.ReadOnly, f.Path:
		case sent[name] == nil:
			if n.api.legacy {
				kept[f.nameOr(name)] = nil
			}
		default:
			if value, ok := n.field(f, sent[name], f.nameOr(name), path); ok && !(n.api.proto3 && f.absent(value)) {
				kept[f.nameOr(name)] = value
			}
		}
	}
	return kept
}

// nameOr is the field's name, or the key where the field is any key's.
func (f *Field) nameOr(key string) string {
	if f.Name == "" {
		return key
	}
	return f.Name
}

// absent reports whether a value of the field is the same as none: an empty list, an
// empty map or a zero, unless the field shows whether it is present. A message does.
func (f *Field) absent(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return f.Map && len(value) == 0
	case []any:
		return len(value) == 0
	case string:
		number, isEnum := f.Number(value)
		return !f.Present && (value == "" || isEnum && number == 0 || value == "0" && strings.HasSuffix(f.Format, "int64"))
	case json.Number:
		return !f.Present && value == "0"
	case bool:
		return !f.Present && !value
	}
	return false
}

// field is the value of one field; false means that there is none.
func (n *normalizer) field(f *Field, value any, name, at string) (any, bool) {
	path := n.join(at, name)
	switch {
	case f.Repeated:
		list, ok := value.([]any)
		if !ok {
			n.notAList(f, value, path)
			return nil, false
		}
		kept := make([]any, 0, len(list))
		for i, each := range list {
			if single, ok := n.single(f, each, name, fmt.Sprintf("%s[%d]", path, i)); ok {
				kept = append(kept, single)
			}
		}
		return kept, true
	case f.Map:
		object, ok := value.(map[string]any)
		if !ok {
			n.invalid(path, "Map", value, shown(value))
			return nil, false
		}
		kept := make(map[string]any, len(object))
		for i, key := range slices.Sorted(maps.Keys(object)) {
			if object[key] == nil && n.api.legacy {
				kept[key] = nil // a patch takes the entry away, as a field: storage/docs/using-bucket-labels
				continue
			}
			// A map is a list of entries in protobuf, and paths say so.
			if single, ok := n.single(f, object[key], key, fmt.Sprintf("%s[%d].value", path, i)); ok {
				kept[key] = single
			}
		}
		return kept, true
	}
	if _, ok := value.([]any); ok && f.Type != "any" {
		n.unknown(name, at, "Proto field is not repeating, cannot start list.")
		return nil, false
	}
	return n.single(f, value, name, path)
}

// notAList refuses a single value. Google's parser takes one value
// for a list of one in some APIs (unverified); no client relies on it.
func (n *normalizer) notAList(f *Field, value any, path string) {
	if _, ok := value.(map[string]any); ok && f.Ref == "" {
		n.invalid(path, n.typeOf(f), value, "Starting an object on a scalar field")
		return
	}
	n.invalid(path, n.typeOf(f), value, shown(value))
}

// join is a path with one more name, in protobuf's form; Compute Engine's
// paths have JSON names.
func (n *normalizer) join(at, name string) string {
	if !n.api.legacy {
		name = snake(name)
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

// single is one value that is neither list nor map.
func (n *normalizer) single(f *Field, value any, name, path string) (any, bool) {
	object, isObject := value.(map[string]any)
	if f.Type == "any" {
		return value, true
	}
	if f.Type == "object" {
		if isObject {
			return n.message(n.api.messages.get(f.Ref), object, path), true
		}
		if value == nil { // an entry of a list
			return map[string]any{}, true
		}
		n.invalid(path, n.typeOf(f), value, shown(value))
		return nil, false
	}
	if isObject {
		n.invalid(path, n.typeOf(f), value, "Starting an object on a scalar field")
		return nil, false
	}
	kept, why := f.scalar(value, name)
	if why == "" {
		return kept, true
	}
	n.invalid(path, n.typeOf(f), value, why)
	return nil, false
}

// typeOf is how errors name the type of a field.
func (n *normalizer) typeOf(f *Field) string {
	const url = "type.googleapis.com/"
	switch {
	case f.Enum != nil && f.EnumType != "":
		return url + f.EnumType
	case f.Enum != nil:
		return "TYPE_ENUM"
	case f.Ref != "":
		return url + strings.TrimPrefix(n.api.pkg+"."+n.api.short(f.Ref), ".")
	}
	switch f.Format {
	case "google-duration":
		return url + "google.protobuf.Duration"
	case "google-datetime":
		return url + "google.protobuf.Timestamp"
	case "google-fieldmask":
		return url + "google.protobuf.FieldMask"
	case "byte":
		return "TYPE_BYTES"
	case "int32", "int64", "uint32", "uint64", "float", "double":
		return "TYPE_" + strings.ToUpper(f.Format)
	}
	switch f.Type {
	case "boolean":
		return "TYPE_BOOL"
	case "integer":
		return "TYPE_INT32"
	case "number":
		return "TYPE_DOUBLE"
	}
	return "TYPE_STRING"
}
