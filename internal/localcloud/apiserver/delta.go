package apiserver

import "encoding/json"

// deltas is how the policy of a resource changed, binding by binding, as
// google.iam.v1.PolicyDelta has it: what was added, in the order of the new policy,
// then what was removed. The condition makes another binding of one role.
func deltas(old, now map[string]any) []any {
	var all []any
	for _, side := range []struct {
		action        string
		is, otherwise map[string]any
	}{{"ADD", now, old}, {"REMOVE", old, now}} {
		known := map[string]bool{}
		each(side.otherwise, func(key string, _ map[string]any) { known[key] = true })
		each(side.is, func(key string, delta map[string]any) {
			if !known[key] {
				delta["action"] = side.action
				all = append(all, delta)
			}
		})
	}
	return all
}

// each calls f with every role, member and condition of a policy.
func each(policy map[string]any, f func(key string, delta map[string]any)) {
	for _, b := range List(policy, "bindings") {
		binding, _ := b.(map[string]any)
		for _, member := range List(binding, "members") {
			delta := map[string]any{"role": binding["role"], "member": member}
			if condition := Object(binding, "condition"); condition != nil {
				delta["condition"] = Clone(condition)
			}
			key, _ := json.Marshal(delta) // of strings and JSON that was read
			f(string(key), delta)
		}
	}
}
