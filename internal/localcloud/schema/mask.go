package schema

import (
	"fmt"
	"strings"
)

// Mask checks the paths of a field mask ("template.scaling,labels.team") and
// returns them in JSON names. "*" is the path of everything, [["*"]]. An empty
// mask has no paths. Path segments below a map or a value of any shape are
// keys and stay as they are; below a list there are none. The error is an
// *Error.
func (a *API) Mask(message, mask string) ([][]string, error) {
	m := a.messages.get(message)
	if m == nil {
		panic(fmt.Sprintf("schema: %s has no message %q", a.Name, message))
	}
	var paths [][]string
	for path := range strings.SplitSeq(mask, ",") {
		path = strings.TrimSpace(path)
		if path == "" {
			continue
		}
		if path == "*" {
			paths = append(paths, []string{"*"})
			continue
		}
		segments, ok := a.maskPath(m, path)
		if !ok {
			// No recording shows Google's text (unverified).
			full := strings.TrimPrefix(a.pkg+"."+a.short(message), ".")
			text := fmt.Sprintf("Invalid update mask: field path '%s' does not exist in %s.", path, full)
			return nil, &Error{[]Violation{{"update_mask", text}}}
		}
		paths = append(paths, segments)
	}
	return paths, nil
}

func (a *API) maskPath(m *Message, path string) ([]string, bool) {
	var segments []string
	for rest, more := path, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, ".")
		f := m.field(segment)
		if f == nil && m.Values != nil {
			f = m.Values
		}
		if f == nil || segment == "" {
			return nil, false
		}
		segments = append(segments, f.nameOr(segment))
		switch {
		case !more:
		case f.Map, f.Type == "any":
			// Keys may hold dots: labels.example.com/team is one key.
			return append(segments, rest), rest != ""
		case f.Repeated, f.Type != "object":
			return nil, false
		default:
			m = a.messages.get(f.Ref)
		}
	}
	return segments, true
}
