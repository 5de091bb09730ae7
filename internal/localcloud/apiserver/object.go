package apiserver

// Clone is a deep copy of a JSON object or list.
func Clone[T map[string]any | []any](v T) T {
	return clone(any(v)).(T)
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		copied := make(map[string]any, len(v))
		for key, value := range v {
			copied[key] = clone(value)
		}
		return copied
	case []any:
		if v == nil {
			return v
		}
		copied := make([]any, len(v))
		for i, value := range v {
			copied[i] = clone(value)
		}
		return copied
	}
	return v
}

// Merge applies a JSON merge patch (RFC 7396) to target in place: null
// removes, objects merge, all else replaces.
func Merge(target, patch map[string]any) {
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(target, key)
		case map[string]any:
			child, ok := target[key].(map[string]any)
			if !ok {
				child = map[string]any{}
				target[key] = child
			}
			Merge(child, value)
		default:
			target[key] = clone(value)
		}
	}
}

// Text is the string at key, or "" when it is absent or no string.
func Text(object map[string]any, key string) string {
	s, _ := object[key].(string)
	return s
}

// Object is the object at key, or nil.
func Object(object map[string]any, key string) map[string]any {
	child, _ := object[key].(map[string]any)
	return child
}

// List is the list at key, or nil.
func List(object map[string]any, key string) []any {
	list, _ := object[key].([]any)
	return list
}
