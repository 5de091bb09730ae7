package run

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// field is one field of a message.
type field struct {
	kind       string // "bool", "int", "number", "text", "map", "message", "enum"; "" = only the server writes it
	of         string // the message or the enum
	repeated   bool
	serverOnly bool
}

// schema is messages, read.
var schema = sync.OnceValue(func() map[string]map[string]field {
	all := map[string]map[string]field{}
	for message, text := range messages {
		all[message] = map[string]field{}
		for word := range strings.FieldsSeq(text) {
			name, f := readField(word)
			all[message][name] = f
		}
	}
	return all
})

func readField(word string) (string, field) {
	if name, ok := strings.CutPrefix(word, "!"); ok {
		return name, field{serverOnly: true}
	}
	at := strings.IndexAny(word, ":>=")
	name, repeated := strings.CutSuffix(word[:at], "*")
	f := field{repeated: repeated, kind: word[at+1:]}
	switch word[at] {
	case '>':
		f.kind, f.of = "message", word[at+1:]
	case '=':
		f.kind, f.of = "enum", word[at+1:]
	}
	return name, f
}

// normalize checks a message that a client sent and returns it as the server
// keeps it: field names in camel case, nothing that is null, empty or zero
// (proto3), nothing that only the server writes. Path names the message in
// errors, as Google does: "service.template".
func normalize(message string, sent map[string]any, path string) (map[string]any, error) {
	fields := schema()[message]
	kept := map[string]any{}
	for name, value := range sent {
		name, f, known := lookUp(fields, name)
		switch {
		case !known:
			return nil, apiserver.UnknownField(name, path)
		case f.serverOnly || value == nil:
			continue
		}
		normal, err := f.normalize(value, path+"."+snake(name))
		if err != nil {
			return nil, err
		}
		// An environment variable may be empty on purpose: value is a oneof.
		if !isZero(normal) || message == "EnvVar" && name == "value" || f.kind == "message" && !f.repeated {
			kept[name] = normal
		}
	}
	return kept, nil
}

func lookUp(fields map[string]field, name string) (string, field, bool) {
	if f, ok := fields[name]; ok {
		return name, f, true
	}
	f, ok := fields[camel(name)]
	if !ok {
		return name, f, false
	}
	return camel(name), f, true
}

func (f field) normalize(value any, path string) (any, error) {
	if !f.repeated {
		return f.single(value, path)
	}
	list, ok := value.([]any)
	if !ok {
		return nil, apiserver.Invalid("Invalid value at '%s', Starting an object on a scalar field", path)
	}
	var kept []any
	for i, each := range list {
		normal, err := f.single(each, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		kept = append(kept, normal)
	}
	return kept, nil
}

func (f field) single(value any, path string) (any, error) {
	switch f.kind {
	case "message":
		if object, ok := value.(map[string]any); ok {
			return normalize(f.of, object, path)
		}
	case "map":
		if object, ok := value.(map[string]any); ok {
			return texts(object, path)
		}
	case "enum":
		for each := range strings.FieldsSeq(enums[f.of]) {
			if value == each {
				return value, nil
			}
		}
		return nil, invalidValue(path, "type.googleapis.com/google.cloud.run.v2."+f.of, value)
	case "bool":
		if _, ok := value.(bool); ok {
			return value, nil
		}
		return nil, invalidValue(path, "TYPE_BOOL", value)
	case "text":
		if _, ok := value.(string); ok {
			return value, nil
		}
		return nil, invalidValue(path, "TYPE_STRING", value)
	case "int", "number":
		if number, ok := toNumber(value, f.kind); ok {
			return number, nil
		}
		return nil, invalidValue(path, "TYPE_INT32", value)
	}
	return nil, invalidValue(path, "object", value)
}

// invalidValue is Google's 400 for a value of a wrong type or enum.
func invalidValue(path, wanted string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		text = fmt.Append(nil, value)
	}
	return apiserver.Invalid("Invalid value at '%s' (%s), %s", path, wanted, text)
}

func texts(object map[string]any, path string) (any, error) {
	kept := map[string]any{}
	for key, value := range object {
		if _, ok := value.(string); !ok {
			return nil, invalidValue(path+`["`+key+`"]`, "TYPE_STRING", value)
		}
		kept[key] = value
	}
	return kept, nil
}

// toNumber takes numbers and, as protobuf's JSON does, text that is one.
func toNumber(value any, kind string) (json.Number, bool) {
	text := fmt.Sprint(value)
	switch value.(type) {
	case json.Number, string:
	default:
		return "", false
	}
	if kind == "int" {
		number, err := strconv.ParseInt(text, 10, 64)
		return json.Number(strconv.FormatInt(number, 10)), err == nil
	}
	_, err := strconv.ParseFloat(text, 64)
	return json.Number(text), err == nil
}

func isZero(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case json.Number:
		return value == "0"
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

// camel turns invoker_iam_disabled into invokerIamDisabled.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// snake is the opposite of camel.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
