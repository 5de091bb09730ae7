package policy

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// longestExpression and longestTitle bound a condition. IAM takes titles of up
// to 100 bytes and twelve logical operators (iam/docs/conditions-overview, iam/quotas).
const (
	longestExpression = 1000
	longestTitle      = 100
)

// condition reads the condition under which a rule's members have access. IAM
// judges whether the expression is valid.
func (r *reader) condition(n *yaml.Node, into *posture.Condition) {
	bounded := func(what string, most int, into *string) func(*yaml.Node) {
		return func(n *yaml.Node) {
			value, ok := stringOf(n)
			value = strings.TrimSpace(value)
			if !ok || value == "" || len(value) > most || strings.ContainsFunc(value, unicode.IsControl) {
				r.complain(n, "%s is %.60q: write one line of at most %d bytes", what, shown(n), most)
				return
			}
			*into = value
		}
	}
	r.mapping(n, "access.condition", keys{
		"title":       bounded("access.condition.title", longestTitle, &into.Title),
		"expression":  bounded("access.condition.expression", longestExpression, &into.Expression),
		"description": bounded("access.condition.description", maxWords, &into.Description),
	}, "title", "expression")
}
