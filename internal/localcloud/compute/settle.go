package compute

import (
	"fmt"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// identity are the fields that only the server writes, whatever the kind, beside those
// that the document calls output only.
var identity = []string{"name", "region", "fingerprint", "labelFingerprint"}

// accept settles a resource that a call is about to write, unless the caller may not use
// what it names.
func (a *API) accept(c *apiserver.Call, r, old *resource) error {
	if err := a.settle(r, old); err != nil {
		return err
	}
	return a.mayUse(c, r, old)
}

// settle checks a resource that is about to be written and brings it into the
// form in which it is kept.
func (a *API) settle(r, old *resource) error {
	for _, field := range r.kind.required {
		if value := r.body[field]; value == nil || value == "" {
			return required("resource." + field)
		}
	}
	if err := a.resolve(r); err != nil {
		return err
	}
	if r.kind.settle != nil {
		if err := r.kind.settle(a, r, old); err != nil {
			return err
		}
	}
	prune(r.body)
	return nil
}

// stripped is what was sent without what only the server writes.
func stripped(sent map[string]any) map[string]any {
	body := apiserver.Clone(sent)
	for _, field := range identity {
		delete(body, field)
	}
	return body
}

// filled is what was sent, filled up with defaults.
func filled(body, defaults map[string]any) map[string]any {
	fill(body, apiserver.Clone(defaults))
	return body
}

// fill writes the fields that an object does not have.
func fill(object, defaults map[string]any) {
	for field, value := range defaults {
		if object[field] == nil {
			object[field] = value
		}
	}
}

// prune drops empty lists and nulls: a list that is empty is never answered
// (recorded: customRequestHeaders [] sent, absent when read).
func prune(object map[string]any) {
	for key, value := range object {
		switch value := value.(type) {
		case nil:
			delete(object, key)
		case []any:
			if len(value) == 0 {
				delete(object, key)
			}
			for _, child := range value {
				if child, ok := child.(map[string]any); ok {
					prune(child)
				}
			}
		case map[string]any:
			prune(value)
		}
	}
}

// whole is a number of the document's integer types, 0 where there is none.
func whole(value any) int {
	n, _ := strconv.Atoi(fmt.Sprint(value))
	return n
}
