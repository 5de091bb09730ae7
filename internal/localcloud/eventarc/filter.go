package eventarc

import (
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	auditWritten = "google.cloud.audit.log.v1.written"
	pathPattern  = "match-path-pattern"
)

// filter is one condition on an attribute of an event.
type filter struct {
	attribute, value string
	pattern          *regexp.Regexp // nil = the value itself
}

func (f filter) matches(attributes map[string]string) bool {
	value := attributes[f.attribute]
	if f.pattern != nil {
		return f.pattern.MatchString(strings.TrimPrefix(value, "/"))
	}
	return value == f.value
}

// parseFilters reads the filters of a trigger on audit logs: type, serviceName
// and methodName are needed, resourceName may be added and is the only one
// that takes a pattern (eventarc/docs/determining-filters-cal).
func parseFilters(sent []any) ([]filter, error) {
	seen := map[string]filter{}
	for _, each := range sent {
		one, err := parseFilter(each)
		if err != nil {
			return nil, err
		}
		if _, twice := seen[one.attribute]; twice {
			return nil, invalid("event_filters", "attribute %q is given twice", one.attribute)
		}
		seen[one.attribute] = one
	}
	if kind := seen["type"].value; kind != auditWritten {
		return nil, invalid("event_filters", "type is %q: only %q is served here", kind, auditWritten)
	}
	var filters []filter
	for _, attribute := range []string{"type", "serviceName", "methodName", "resourceName"} {
		one, ok := seen[attribute]
		if !ok && attribute != "resourceName" {
			return nil, invalid("event_filters", "attribute %q is missing", attribute)
		}
		if ok {
			filters = append(filters, one)
		}
	}
	return filters, nil
}

func parseFilter(sent any) (filter, error) {
	object, _ := sent.(map[string]any)
	for key := range object {
		if !slices.Contains([]string{"attribute", "value", "operator"}, key) {
			return filter{}, apiserver.UnknownField(key, "trigger.event_filters")
		}
	}
	one := filter{attribute: apiserver.Text(object, "attribute"), value: apiserver.Text(object, "value")}
	switch one.attribute {
	case "type", "serviceName", "methodName", "resourceName":
	default:
		return one, invalid("event_filters", "attribute %q is not one of %s", one.attribute, auditWritten)
	}
	if one.value == "" {
		return one, invalid("event_filters", "attribute %q has no value", one.attribute)
	}
	switch operator := apiserver.Text(object, "operator"); {
	case operator == "":
		return one, nil
	case operator != pathPattern || one.attribute != "resourceName":
		return one, invalid("event_filters", "operator %q does not go with attribute %q", operator, one.attribute)
	}
	pattern, err := parsePattern(one.value)
	one.pattern = pattern
	return one, err
}

// capture is a named part of a pattern: {name}, or {name=pattern}.
var capture = regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_]*(?:=([^{}]*))?\}`)

// parsePattern reads a path pattern (eventarc/docs/path-patterns): * stands
// for one segment, or for any characters within one; ** for any number of
// segments, none included; what a part is named makes no difference here. A
// slash in front makes none either.
func parsePattern(text string) (*regexp.Regexp, error) {
	unnamed := capture.ReplaceAllStringFunc(text, func(part string) string {
		if inner := capture.FindStringSubmatch(part)[1]; inner != "" {
			return inner
		}
		return "*"
	})
	var expression strings.Builder
	slash := ""
	segments := strings.Split(strings.TrimPrefix(unnamed, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "" || strings.ContainsAny(segment, "{}") || segment != "**" && strings.Contains(segment, "**"):
			return nil, invalid("event_filters", "path pattern %q is malformed at %q", text, segment)
		case segment == "**" && last && slash == "":
			expression.WriteString(".*")
		case segment == "**" && last:
			expression.WriteString("(?:/.*)?")
		case segment == "**":
			expression.WriteString(slash + "(?:[^/]+/)*")
			slash = ""
		default:
			expression.WriteString(slash + within(segment))
			slash = "/"
		}
	}
	return regexp.Compile("^" + expression.String() + "$")
}

// within is the expression of a segment that is not **.
func within(segment string) string {
	if segment == "*" {
		return "[^/]+"
	}
	return strings.ReplaceAll(regexp.QuoteMeta(segment), `\*`, "[^/]*")
}

// invalid is the 400 of a field of a trigger. Its words are ours (unverified).
func invalid(field, format string, args ...any) error {
	return apiserver.Invalid("The request was invalid: invalid value for trigger."+field+": "+format, args...)
}
