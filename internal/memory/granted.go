package memory

import (
	"strings"
	"unicode/utf8"
)

// Granted are the members that a write put into a policy, as far as the record holds
// their names in full: a long list is cut.
func (w Write) Granted() []string {
	members := strings.Fields(w.Value)
	if len(members) > 0 && len(w.Value) > maxText-utf8.UTFMax {
		return members[:len(members)-1]
	}
	return members
}
