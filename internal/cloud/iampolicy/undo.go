package iampolicy

import (
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
)

// Withdraw removes what Add added: members of the role's binding under the same
// condition, or of its unconditional one. Other members stay. It reports whether
// anything changed.
func (p *Policy) Withdraw(role string, members []string, under posture.Condition) bool {
	changed := false
	for i, binding := range p.Bindings {
		if binding.Role != role || !binding.under(under) {
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
