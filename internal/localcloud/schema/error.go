package schema

import "strings"

// Error says that what a client sent does not fit its message. Its text is
// Google's: one line for each violation.
type Error struct {
	Violations []Violation
}

// Violation is one thing that does not fit.
type Violation struct {
	// Field is the path of the field, or of the object that holds it, in
	// protobuf's names: "service.template". "" is the body itself.
	Field string
	// Description is Google's text.
	Description string
}

func (e *Error) Error() string {
	var lines []string
	for _, v := range e.Violations {
		lines = append(lines, v.Description)
	}
	return strings.Join(lines, "\n")
}

// TooDeep refuses a body that is nested deeper than protobuf's JSON parser
// follows. The error is an *Error.
func TooDeep(body map[string]any) error {
	if key, deep := tooDeep(body, "", 1); deep {
		return &Error{[]Violation{{Description: "Invalid JSON payload received. " +
			"Message too deep. Max recursion depth reached for key '" + key + "'"}}}
	}
	return nil
}

// tooDeep reports whether a value is nested too deep, and at which key.
func tooDeep(value any, key string, depth int) (string, bool) {
	switch value := value.(type) {
	case map[string]any:
		if depth > maxDepth {
			return key, true
		}
		for name, each := range value {
			if key, deep := tooDeep(each, name, depth+1); deep {
				return key, true
			}
		}
	case []any:
		if depth > maxDepth {
			return key, true
		}
		for _, each := range value {
			if key, deep := tooDeep(each, key, depth+1); deep {
				return key, true
			}
		}
	}
	return "", false
}
