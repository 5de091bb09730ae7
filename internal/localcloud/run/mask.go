package run

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// masked is the old spec with the fields of a mask taken from the new one.
// Without a mask, and with "*", the new spec replaces the old one (recorded
// for no mask). A masked field that the new spec lacks is cleared.
func masked(old, sent map[string]any, mask string) (map[string]any, error) {
	if mask == "" || mask == "*" {
		return sent, nil
	}
	merged := apiserver.Clone(old)
	for path := range strings.SplitSeq(mask, ",") {
		segments, err := maskPath(strings.TrimSpace(path))
		if err != nil {
			return nil, err
		}
		if segments != nil {
			copyPath(merged, sent, segments)
		}
	}
	return merged, nil
}

// maskPath checks a path against the schema; nil means that only the server
// writes the field, so that there is nothing to do.
func maskPath(path string) ([]string, error) {
	message := "Service"
	var segments []string
	for segment := range strings.SplitSeq(path, ".") {
		if message == "" {
			return segments, nil // below a map or a list: the whole of it is written
		}
		name, f, known := lookUp(schema()[message], segment)
		if !known {
			return nil, apiserver.Invalid("Invalid update mask: field path '%s' does not exist in google.cloud.run.v2.Service.", path)
		}
		if f.serverOnly || name == "name" || name == "etag" {
			return nil, nil
		}
		segments = append(segments, name)
		message = ""
		if f.kind == "message" && !f.repeated {
			message = f.of
		}
	}
	return segments, nil
}

// copyPath makes the value at a path in target what it is in source.
func copyPath(target, source map[string]any, path []string) {
	name := path[0]
	value, ok := source[name]
	if len(path) == 1 {
		if ok {
			target[name] = value
		} else {
			delete(target, name)
		}
		return
	}
	child, isObject := target[name].(map[string]any)
	if !isObject {
		child = map[string]any{}
	}
	from, _ := value.(map[string]any)
	copyPath(child, from, path[1:])
	if len(child) > 0 {
		target[name] = child
	} else {
		delete(target, name)
	}
}
