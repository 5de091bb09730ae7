package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// collect adds the methods that are served, and all that they reach.
func (t *trimmer) collect(resources map[string]resource, methods map[string]method) {
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		r := resources[name]
		for _, name := range slices.Sorted(maps.Keys(r.Methods)) {
			m := r.Methods[name]
			if slices.ContainsFunc(t.Methods, func(prefix string) bool { return strings.HasPrefix(m.ID, prefix) }) {
				methods[m.ID] = t.method(m)
			}
		}
		t.collect(r.Resources, methods)
	}
}

func (t *trimmer) method(m discoveryMethod) method {
	path := m.FlatPath
	if path == "" {
		path = m.Path
	}
	kept := method{
		Verb: m.HTTPMethod, Path: t.from.ServicePath + path, Request: m.Request.Ref, Response: m.Response.Ref,
		Upload: strings.TrimPrefix(m.MediaUpload.Protocols["simple"].Path, "/"), Download: m.SupportsMediaDownload,
		Parameters: map[string]parameter{},
	}
	for name, p := range m.Parameters {
		if p.Location == "path" {
			continue // named in the path
		}
		kept.Parameters[name] = parameter{
			Type: p.Type, Format: p.Format, Required: p.Required, Repeated: p.Repeated, Enum: p.Enum,
		}
	}
	t.reach(kept.Request)
	t.reach(kept.Response)
	t.inPath(kept.Request, m.Parameters)
	return kept
}

// inPath adds to a request message what the path binds. Discovery leaves these
// fields out, the API accepts them in the body too (recorded: snapshots.create).
func (t *trimmer) inPath(request string, parameters map[string]property) {
	m, ok := t.messages[request]
	if t.Legacy || !ok || !strings.HasSuffix(request, "Request") {
		return
	}
	for name, p := range parameters {
		if _, known := m.Fields[name]; !known && p.Location == "path" && !strings.Contains(name, ".") {
			m.Fields[name] = field{Type: p.Type, Path: true}
		}
	}
}

// reach keeps a message and all that it can hold.
func (t *trimmer) reach(name string) {
	if _, done := t.messages[name]; done || name == "" {
		return
	}
	t.message(name, t.from.Schemas[name])
}

func (t *trimmer) message(name string, p property) {
	m := message{Fields: map[string]field{}}
	t.messages[name] = m
	if p.AdditionalProperties != nil {
		values := t.field(name, "values", *p.AdditionalProperties)
		m.Values = &values
	} else if p.Type == "any" {
		m.Values = &field{Type: "any"}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Properties)) {
		m.Fields[key] = t.field(name, key, p.Properties[key])
	}
	t.messages[name] = m
}

// inline is the name of a message that is written into a field. Compute Engine
// writes the same "warning" into each of its lists: one that is already there
// is that one.
func (t *trimmer) inline(name string, p property) string {
	content := fmt.Sprintf("%+v", shapeOf(p))
	if same, ok := t.inlined[content]; ok {
		return same
	}
	t.inlined[content] = name
	t.message(name, p)
	return name
}

// shapeOf is a message without its prose, for comparison.
func shapeOf(p property) any {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // a property was JSON
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return withoutProse(value)
}

func withoutProse(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if text, ok := value["Description"].(string); ok {
			value["Description"] = markers(text)
		}
		for _, each := range value {
			withoutProse(each)
		}
	case []any:
		for _, each := range value {
			withoutProse(each)
		}
	}
	return value
}

// field is one field of a message. A message that is written into the field
// becomes one of its own, named for where it is.
func (t *trimmer) field(in, name string, p property) field {
	marks := markers(p.Description)
	f := field{
		ReadOnly: p.ReadOnly || marks["output only"], Required: marks["required"], Immutable: marks["immutable"],
	}
	switch {
	case p.Type == "array" && p.Items != nil:
		f.Repeated, p = true, *p.Items
	case p.Type == "object" && p.AdditionalProperties != nil && len(p.Properties) == 0:
		f.Map, p = true, *p.AdditionalProperties
	}
	switch {
	case p.Ref != "" && t.from.Schemas[p.Ref].Type == "any": // BigQuery's JsonValue
		f.Type = "any"
	case p.Ref != "":
		f.Type, f.Ref = "object", p.Ref
		t.reach(p.Ref)
	case len(p.Properties) > 0:
		f.Type, f.Ref = "object", t.inline(in+"."+name, p)
	case p.Type == "array", p.Type == "object": // lists of lists, objects of any shape
		f.Type = "any"
	default:
		f.Type, f.Format, f.Enum = p.Type, p.Format, p.Enum
	}
	return f
}

// nameEnums writes into the fields what enums.go knows of their enums.
func (t *trimmer) nameEnums() error {
	types := map[string]string{}
	for name, fields := range enumTypes[t.Name] {
		for at := range strings.FieldsSeq(fields) {
			types[at] = name
			in, field, _ := strings.Cut(at, ".")
			if t.messages[in].Fields[field].Enum == nil {
				return fmt.Errorf("%s is not a served enum", at)
			}
		}
	}
	for in, m := range t.messages {
		for name, f := range m.Fields {
			if f.Enum == nil || t.Package == "" {
				continue
			}
			short := strings.TrimPrefix(in, prefixOf(t.Package))
			f.EnumType = types[in+"."+name]
			switch {
			case f.EnumType != "":
			case strings.HasSuffix(in, "AuditLogConfig") && name == "logType":
				f.EnumType = "google.iam.v1.AuditLogConfig.LogType"
			default: // where most are
				f.EnumType = t.Package + "." + short + "." + strings.ToUpper(name[:1]) + name[1:]
			}
			if numbers := enumNumbers[f.EnumType]; numbers != nil {
				for _, value := range f.Enum {
					f.Numbers = append(f.Numbers, numbers[value])
				}
			}
			m.Fields[name] = f
		}
	}
	return nil
}

// markPresent marks the fields whose presence shows although they are not messages.
func (t *trimmer) markPresent() error {
	present := slices.Clone(t.Present)
	protoregistry.GlobalFiles.RangeFilesByPackage(protoreflect.FullName(t.Package), func(file protoreflect.FileDescriptor) bool {
		present = append(present, presentIn(file.Messages(), prefixOf(t.Package))...)
		return true
	})
	for i, at := range present {
		in, name, _ := strings.Cut(at, ".")
		f, known := t.messages[in].Fields[name]
		if !known && i < len(t.Present) {
			return fmt.Errorf("%s is not a served field", at)
		}
		if known && f.Type != "object" && !f.Repeated && !f.Map {
			f.Present = true
			t.messages[in].Fields[name] = f
		}
	}
	return nil
}

// presentIn are the fields of messages whose presence shows, under the names that
// discovery gives them: those of nested messages lack the outer one's.
func presentIn(messages protoreflect.MessageDescriptors, prefix string) []string {
	var found []string
	for i := range messages.Len() {
		m := messages.Get(i)
		for j := range m.Fields().Len() {
			if f := m.Fields().Get(j); f.HasPresence() {
				found = append(found, prefix+string(m.Name())+"."+f.JSONName())
			}
		}
		found = append(found, presentIn(m.Messages(), prefix)...)
	}
	return found
}

// prefixOf is a protobuf package as discovery writes it before the names of
// messages: GoogleCloudRunV2.
func prefixOf(pkg string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(pkg, ".") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// marker is what a description of a field begins with, as Google writes it.
var marker = regexp.MustCompile(`(?i)^\s*\[?(output only|required|optional|immutable|identifier|input only|deprecated)[\]:.]+`)

// markers are all that a description begins with, in lower case.
func markers(description string) map[string]bool {
	found := map[string]bool{}
	for {
		at := marker.FindStringSubmatchIndex(description)
		if at == nil {
			return found
		}
		found[strings.ToLower(description[at[2]:at[3]])] = true
		description = strings.TrimLeftFunc(description[at[1]:], unicode.IsSpace)
	}
}
