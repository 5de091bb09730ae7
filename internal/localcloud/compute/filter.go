package compute

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// comparison is one term of a list filter: FIELD OPERATOR VALUE.
var comparison = regexp.MustCompile(`^\s*\(?\s*([A-Za-z][A-Za-z0-9_.]*)\s*(!=|=|:|\beq\b|\bne\b)\s*("(?:[^"\\]|\\.)*"|[^\s()"]+)\s*\)?\s*`)

var andWord = regexp.MustCompile(`^AND\s+`)

// parseFilter reads the part of the filter language that clients here send:
// comparisons of fields with =, !=, : (has), and the older eq and ne, which
// match whole regular expressions; several are joined by AND or by nothing. Nil keeps
// everything.
func parseFilter(text string) (keep func(item) bool, err error) {
	var terms []func(fields) bool
	rest := strings.TrimSpace(text)
	for rest != "" {
		m := comparison.FindStringSubmatch(rest)
		if m == nil {
			return nil, invalidField("filter", text, "Invalid list filter expression.")
		}
		term, err := compare(m[1], m[2], unquote(m[3]))
		if err != nil {
			return nil, invalidField("filter", text, "Invalid list filter expression.")
		}
		terms = append(terms, term)
		rest = andWord.ReplaceAllString(rest[len(m[0]):], "")
	}
	if terms == nil {
		return nil, nil
	}
	return func(i item) bool {
		object := sync.OnceValue(i.object)
		return !slices.ContainsFunc(terms, func(term func(fields) bool) bool {
			return !term(func(path []string) string {
				if i.resource != nil && len(path) == 1 && path[0] == "name" { // mostly asked for
					return i.resource.name
				}
				return lookup(object(), path)
			})
		})
	}, nil
}

// fields are an item's fields as text, by path.
type fields func(path []string) string

func unquote(s string) string {
	if strings.HasPrefix(s, `"`) {
		s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}

func compare(field, operator, value string) (func(fields) bool, error) {
	path := strings.Split(field, ".")
	switch operator {
	case "eq", "ne":
		whole, err := regexp.Compile("^(?:" + value + ")$")
		if err != nil {
			return nil, err
		}
		return func(of fields) bool { return whole.MatchString(of(path)) == (operator == "eq") }, nil
	case ":":
		return func(of fields) bool {
			have := of(path)
			return value == "*" && have != "" || value != "*" &&
				strings.Contains(strings.ToLower(have), strings.ToLower(strings.Trim(value, "*")))
		}, nil
	}
	return func(of fields) bool { return (of(path) == value) == (operator == "=") }, nil
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
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
