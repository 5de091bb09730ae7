package posture

import (
	"slices"
)

// Condition is under what a grant holds, as IAM writes it. The zero value is
// always. Source: iam/docs/conditions-overview.
type Condition struct {
	Title       string
	Expression  string // in the Common Expression Language
	Description string
}

// Always reports whether the grant holds without a condition.
func (c Condition) Always() bool { return c.Expression == "" }

// String names the condition on one line, "" for none.
func (c Condition) String() string {
	if c.Always() {
		return ""
	}
	return c.Expression + " (" + c.Title + ")"
}

// HoldsIf reports whether the policy gives the member the role at least
// whenever the condition is true: without one, or under this very expression.
// Whether one expression is wider than another, nobody asks here.
func (p Policy) HoldsIf(role, member string, condition Condition) bool {
	return p.Holds(role, member) || !condition.Always() && slices.ContainsFunc(p.Bindings, func(b Binding) bool {
		return b.Role == role && b.Condition == condition.Expression && Includes(b.Members, member)
	})
}
