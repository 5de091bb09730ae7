package policy

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// breakGlassText is the grammar of who may open a door on purpose: an account that the audit
// log names.
var breakGlassText = regexp.MustCompile(`^(user|serviceAccount):[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// breakGlass reads who may open a door on purpose for hours. Groups are refused: the audit log
// names accounts, and who is in a group is Cloud Identity's to say, which iapguard does not
// read.
func (r *reader) breakGlass(into *[]string) func(*yaml.Node) {
	return r.list("breakGlass", func(n *yaml.Node) {
		var member string
		r.text("a member", &member)(n)
		switch {
		case member == "":
		case strings.HasPrefix(member, "group:"):
			r.complain(n, "breakGlass: %.80q is a group, and who is in it is not read: list its members as user:ADDRESS", member)
		case len(member) > maxWords || !breakGlassText.MatchString(member):
			r.complain(n, "breakGlass: %.80q is not an account: write user:ADDRESS or serviceAccount:ADDRESS", member)
		default:
			*into = append(*into, posture.NormalMember(member))
		}
	})
}

// BreaksGlass reports whether a principal, as the audit log names it, may open a door on
// purpose.
func (s Settings) BreaksGlass(principal string) bool {
	return principal != "" && slices.ContainsFunc(s.BreakGlass, func(member string) bool {
		kind, _, _ := strings.Cut(member, ":")
		return posture.SameMember(kind+":"+principal, member)
	})
}
