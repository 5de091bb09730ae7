package cloudtest

import (
	"slices"
	"strings"
)

// Policy is a policy of one rule that protects every service at once, for
// user:alice@example.com. Each key, such as "mode: approve", is put into the
// rule, in the place of the rule's own of that name.
func Policy(keys ...string) string {
	rule := []string{"name: everything", "mode: enforce", `access: {members: ["user:alice@example.com"]}`, "settle: 0s",
		"quiet: 0s", "propagation: 0s"}
	for _, key := range keys {
		name, _, _ := strings.Cut(key, ":")
		at := slices.IndexFunc(rule, func(own string) bool { return strings.HasPrefix(own, name+":") })
		if at < 0 {
			rule = append(rule, key)
			continue
		}
		rule[at] = key
	}
	return "version: 1\nrules:\n  - " + strings.Join(rule, "\n    ") + "\n"
}
