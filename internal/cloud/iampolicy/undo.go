package iampolicy

import "slices"

// Withdraw takes back what Add put in: members of the role's unconditional
// binding. Bindings with a condition stay. It reports whether anything changed.
func (p *Policy) Withdraw(role string, members []string) bool {
	changed := false
	for i, binding := range p.Bindings {
		if binding.Role != role || binding.Condition != nil {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(binding.Members), func(m string) bool { return slices.Contains(members, m) })
		if len(kept) < len(binding.Members) {
			p.Bindings[i].Members, changed = kept, true
		}
	}
	p.Bindings = slices.DeleteFunc(p.Bindings, func(b Binding) bool { return b.Role == role && len(b.Members) == 0 })
	return changed
}
