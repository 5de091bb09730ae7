package run

import (
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// requirement is one of a label selector: KEY=VALUE, or KEY in (VALUES).
var requirement = regexp.MustCompile(`^\s*([^\s=!,()]+)\s*(?:==?\s*([^\s=!,()]*)|\s+in\s*\(([^()]*)\))\s*(?:,|$)`)

// labelSelector reads a Kubernetes label selector, as far as clients of Cloud Run send
// them: equalities and sets.
func labelSelector(text string) (func(labels map[string]any) bool, error) {
	wanted := map[string][]string{}
	for rest := text; strings.TrimSpace(rest) != ""; {
		part := requirement.FindStringSubmatch(rest)
		if part == nil {
			return nil, apiserver.Invalid("Invalid label selector %q: only key=value and key in (values) are supported.", text)
		}
		values := []string{part[2]}
		if part[3] != "" {
			values = strings.FieldsFunc(part[3], func(c rune) bool { return c == ',' || c == ' ' })
		}
		wanted[part[1]] = values
		rest = rest[len(part[0]):]
	}
	return func(labels map[string]any) bool {
		for key, values := range wanted {
			if !slices.Contains(values, apiserver.Text(labels, key)) {
				return false
			}
		}
		return true
	}, nil
}
