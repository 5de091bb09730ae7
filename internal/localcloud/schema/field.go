package schema

import (
	"slices"
	"strings"
)

// short is the name of a message without the package that discovery puts
// before it: "Service" for "GoogleCloudRunV2Service".
func (a *API) short(message string) string {
	return strings.TrimPrefix(message, prefixOf(a.pkg))
}

// prefixOf is a protobuf package as discovery writes it into names:
// GoogleCloudRunV2.
func prefixOf(pkg string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(pkg, ".") {
		b.WriteString(upper(word))
	}
	return b.String()
}

// Number is the number of a value of the field's enum. Compute Engine's enums
// have none that a client could know: they are hashes, and never sent.
func (f *Field) Number(value string) (int, bool) {
	i := slices.Index(f.Enum, value)
	switch {
	case i < 0 || f.EnumType == "":
		return 0, false
	case f.Numbers != nil:
		return f.Numbers[i], true
	}
	return i, true
}

// value is the opposite of Number.
func (f *Field) value(number int) (string, bool) {
	for _, value := range f.Enum {
		if n, ok := f.Number(value); ok && n == number {
			return value, true
		}
	}
	return "", false
}

// field finds a field by its JSON name or its protobuf name.
func (m *Message) field(name string) *Field {
	if f := m.Fields[name]; f != nil {
		return f
	}
	return m.Fields[m.snake[name]]
}

// snake turns invokerIamDisabled into invoker_iam_disabled. A capital that
// follows a capital begins no word: IPAddress is i_p_address in Compute
// Engine's protobuf, but no client sends that.
func snake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func upper(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
