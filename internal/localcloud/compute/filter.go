package compute

import (
	"fmt"
	"regexp"
	"strings"
)

// comparison is one term of a list filter: FIELD OPERATOR VALUE.
var comparison = regexp.MustCompile(`^\s*\(?\s*([A-Za-z][A-Za-z0-9_.]*)\s*(!=|=|:|\beq\b|\bne\b)\s*("(?:[^"\\]|\\.)*"|[^\s()"]+)\s*\)?\s*`)

var andWord = regexp.MustCompile(`^AND\s+`)

// parseFilter reads the part of the filter language that clients here send:
// comparisons of fields with =, !=, : (has), and the older eq and ne, which
// match whole regular expressions; several are joined by AND or by nothing. Nil keeps
// everything.
func parseFilter(text string) (keep func(map[string]any) bool, err error) {
	var terms []func(map[string]any) bool
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
	return func(object map[string]any) bool {
		for _, term := range terms {
			if !term(object) {
				return false
			}
		}
		return true
	}, nil
}

func unquote(s string) string {
	if strings.HasPrefix(s, `"`) {
		s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}

func compare(field, operator, value string) (func(map[string]any) bool, error) {
	path := strings.Split(field, ".")
	switch operator {
	case "eq", "ne":
		whole, err := regexp.Compile("^(?:" + value + ")$")
		if err != nil {
			return nil, err
		}
		return func(o map[string]any) bool { return whole.MatchString(lookup(o, path)) == (operator == "eq") }, nil
	case ":":
		return func(o map[string]any) bool {
			have := lookup(o, path)
			return value == "*" && have != "" || value != "*" &&
				strings.Contains(strings.ToLower(have), strings.ToLower(strings.Trim(value, "*")))
		}, nil
	}
	return func(o map[string]any) bool { return (lookup(o, path) == value) == (operator == "=") }, nil
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
