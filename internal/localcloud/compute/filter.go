package compute

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// comparison is one term of a list filter: FIELD OPERATOR VALUE.
var comparison = regexp.MustCompile(`^\s*\(?\s*([A-Za-z][A-Za-z0-9_.]*)\s*(!=|=|:|\beq\b|\bne\b)\s*("(?:[^"\\]|\\.)*"|[^\s()"]+)\s*\)?\s*`)

var andWord = regexp.MustCompile(`^AND\s+`)

// parseFilter reads the part of the filter language that clients here send:
// comparisons of fields with =, !=, : (has), and the older eq and ne, which
// match whole regular expressions; several are joined by AND or by nothing. Nil keeps
// everything.
func parseFilter(text string) (keep func(item) bool, err error) {
	var terms []term
	rest := strings.TrimSpace(text)
	for rest != "" {
		m := comparison.FindStringSubmatch(rest)
		if m == nil {
			return nil, invalidField("filter", text, "Invalid list filter expression.")
		}
		matches, err := compare(m[2], unquote(m[3]))
		if err != nil {
			return nil, invalidField("filter", text, "Invalid list filter expression.")
		}
		terms = append(terms, term{strings.Split(m[1], "."), matches})
		rest = andWord.ReplaceAllString(rest[len(m[0]):], "")
	}
	if terms == nil {
		return nil, nil
	}
	return func(i item) bool {
		return !slices.ContainsFunc(terms, func(t term) bool { return !t.matches(i.field(t.path)) })
	}, nil
}

// term is a comparison of the field at a path.
type term struct {
	path    []string
	matches func(text string) bool
}

// field is the text of a field. What is stored is looked at first: a list is filtered
// without what is computed of a resource when it is read, unless the filter names that.
func (i item) field(path []string) string {
	r := i.resource
	switch {
	case r == nil:
		return lookup(i.other, path)
	case len(path) == 1 && path[0] == "name":
		return r.name
	case r.body[path[0]] != nil || !r.kind.computes(path[0]):
		return lookup(r.body, path)
	}
	return lookup(i.object(), path)
}

func unquote(s string) string {
	if strings.HasPrefix(s, `"`) {
		s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}

// compare returns what a field's text is compared by.
func compare(operator, value string) (matches func(text string) bool, err error) {
	switch operator {
	case "eq", "ne":
		whole, err := regexp.Compile("^(?:" + value + ")$")
		return func(text string) bool { return whole.MatchString(text) == (operator == "eq") }, err
	case ":":
		wanted := strings.ToLower(strings.Trim(value, "*"))
		return func(text string) bool {
			return value == "*" && text != "" || value != "*" && strings.Contains(strings.ToLower(text), wanted)
		}, nil
	}
	return func(text string) bool { return (text == value) == (operator == "=") }, nil
}

// lookup is the text of a field, "" when it is absent.
func lookup(object map[string]any, path []string) string {
	var value any = object
	for _, name := range path {
		child, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = child[name]
	}
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	}
	return fmt.Sprint(value)
}
