package logging

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Match reports whether the filter selects an entry, given as decoded JSON.
func (f *Filter) Match(entry map[string]any) bool { return f.root.match(entry) }

// node is a part of a filter.
type node interface {
	match(entry map[string]any) bool
}

type (
	allOf   []node
	anyOf   []node
	not     struct{ node }
	logID   struct{ id string }
	search  struct{ lower string } // anywhere in the entry
	compare struct {
		path    []string
		op      string
		value   string
		lower   string // value in lower case
		pattern *regexp.Regexp
		unset   any // what the field is where an entry lacks it, nil for missing
	}
)

func (all allOf) match(entry map[string]any) bool {
	for _, each := range all {
		if !each.match(entry) {
			return false
		}
	}
	return true
}

func (any anyOf) match(entry map[string]any) bool {
	for _, each := range any {
		if each.match(entry) {
			return true
		}
	}
	return false
}

func (n not) match(entry map[string]any) bool { return !n.node.match(entry) }

// match compares the id as it is written in a log's name, unescaped.
func (l logID) match(entry map[string]any) bool {
	name, _ := entry["logName"].(string)
	_, id, _ := strings.Cut(name, "/logs/")
	id, err := url.PathUnescape(id)
	return err == nil && id == l.id
}

func (s search) match(entry map[string]any) bool { return contains(entry, s.lower) }

// contains looks for text in every value below a value.
func contains(value any, lower string) bool {
	switch value := value.(type) {
	case map[string]any:
		for _, each := range value {
			if contains(each, lower) {
				return true
			}
		}
		return false
	case []any:
		for _, each := range value {
			if contains(each, lower) {
				return true
			}
		}
		return false
	}
	return strings.Contains(strings.ToLower(scalar(value)), lower)
}

// match looks at every value that the path leads to: one that holds is enough,
// for != and !~ too. A field that is missing holds nothing, not even != (Logging:
// "missingField!=foo returns FALSE", while NOT missingField=foo is true); that !~
// does as != is *unverified*. A field of the LogEntry itself that is missing has
// its default, but is not there (logging/docs/view/logging-query-language,
// Missing fields).
func (c compare) match(entry map[string]any) bool {
	values := follow(entry, c.path)
	if len(values) == 0 && c.unset != nil && c.op != "present" {
		values = []any{c.unset}
	}
	for _, value := range values {
		if c.holds(value, c.op) {
			return true
		}
	}
	return false
}

// follow walks a path; lists stand for each of their elements.
func follow(value any, path []string) []any {
	if list, ok := value.([]any); ok {
		var all []any
		for _, each := range list {
			all = append(all, follow(each, path)...)
		}
		return all
	}
	if len(path) == 0 {
		return []any{value}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	child, ok := object[path[0]]
	if !ok {
		if child, ok = object[camel(path[0])]; !ok {
			return nil
		}
	}
	return follow(child, path[1:])
}

// camel turns proto_payload into protoPayload: fields may be spelled both ways.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

func (c compare) holds(value any, op string) bool {
	text := scalar(value)
	switch op {
	case "present":
		return true
	case ":":
		return contains(value, c.lower)
	case "=":
		return c.order(text, func(order int) bool { return order == 0 })
	case "!=":
		return !c.holds(value, "=")
	case "=~":
		return c.pattern.MatchString(text)
	case "!~":
		return !c.pattern.MatchString(text)
	case "<":
		return c.order(text, func(order int) bool { return order < 0 })
	case "<=":
		return c.order(text, func(order int) bool { return order <= 0 })
	case ">":
		return c.order(text, func(order int) bool { return order > 0 })
	case ">=":
		return c.order(text, func(order int) bool { return order >= 0 })
	}
	return false
}

// severities are LogSeverity in rising order.
var severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}

// order compares a field's text with the value: as severities, times or
// numbers where both are such, and else as text.
func (c compare) order(text string, holds func(int) bool) bool {
	if len(c.path) == 1 && c.path[0] == "severity" {
		a, b := rank(text), rank(c.value)
		return a >= 0 && b >= 0 && holds(a-b)
	}
	if a, err := time.Parse(time.RFC3339Nano, text); err == nil {
		b, err := time.Parse(time.RFC3339Nano, c.value)
		return err == nil && holds(a.Compare(b))
	}
	a, errA := strconv.ParseFloat(text, 64)
	b, errB := strconv.ParseFloat(c.value, 64)
	if errA == nil && errB == nil {
		switch {
		case a < b:
			return holds(-1)
		case a > b:
			return holds(1)
		}
		return holds(0)
	}
	return holds(strings.Compare(strings.ToLower(text), c.lower))
}

func rank(severity string) int {
	for i, each := range severities {
		if strings.EqualFold(each, severity) {
			return i
		}
	}
	return -1
}

// scalar is a value as a filter would spell it.
func scalar(value any) string {
	switch value := value.(type) {
	case nil:
		return "NULL_VALUE"
	case string:
		return value
	case map[string]any, []any:
		return ""
	case json.Number:
		return value.String()
	}
	return fmt.Sprint(value)
}
