package policy

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// approverText is the grammar of approvers: single accounts. Who is in a group is not
// known where a token is checked.
var approverText = regexp.MustCompile(`^(user|serviceAccount):[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// approvers reads the accounts that may approve.
func (r *reader) approvers(into *[]string) func(*yaml.Node) {
	return r.list("approvers", func(n *yaml.Node) {
		value, ok := stringOf(n)
		if !ok || len(value) > maxWords || !approverText.MatchString(value) {
			r.complain(n, "approvers: %.80q is not an account: write user:ADDRESS or serviceAccount:ADDRESS; "+
				"groups cannot be looked up", shown(n))
			return
		}
		if member := posture.NormalMember(value); !slices.Contains(*into, member) {
			*into = append(*into, member)
		}
	})
}

// Approvers returns the accounts that may approve under any rule, sorted: user:ADDRESS or
// serviceAccount:ADDRESS. None means that nobody can approve anything.
func (p Policy) Approvers() []string {
	var all []string
	for _, rule := range p.rules {
		all = append(all, rule.settings.Approvers...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ApproversOf returns the accounts that may approve what a rule decides: user:ADDRESS or
// serviceAccount:ADDRESS. There are none where the policy has no rule of that name.
func (p Policy) ApproversOf(rule string) []string {
	for _, each := range p.rules {
		if each.settings.Rule == rule {
			return each.settings.Approvers
		}
	}
	return nil
}

// MayApprove reports whether the account with an e-mail address may approve what the rule
// decides.
func (s Settings) MayApprove(email string) bool {
	return posture.Includes(s.Approvers, "user:"+email) || posture.Includes(s.Approvers, "serviceAccount:"+email)
}
