package posture

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// until is a comparison that ends with a time: request.time < timestamp("…").
// Source: iam/docs/conditions-attribute-reference, date/time attributes.
var until = regexp.MustCompile(`^request\.time\s*(<=?)\s*timestamp\(\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\)$`)

// plainText is a literal without anything that could be taken for an operator.
var plainText = regexp.MustCompile(`"[^"\\&|?]*"|'[^'\\&|?]*'`)

// Expired reports whether a condition can never hold from a time on: it is a
// conjunction, and the end that one of its parts sets has passed. Every other
// condition may hold for somebody at some time, also one that is not understood here.
func Expired(expression string, at time.Time) bool {
	if rest := plainText.ReplaceAllString(expression, ""); strings.ContainsAny(rest, "|?\"'/") {
		return false
	}
	return slices.ContainsFunc(conjuncts(expression), func(part string) bool {
		part = strings.TrimSpace(part)
		for strings.HasPrefix(part, "(") && strings.HasSuffix(part, ")") {
			part = strings.TrimSpace(part[1 : len(part)-1])
		}
		match := until.FindStringSubmatch(part)
		if match == nil {
			return part == "false"
		}
		end, err := time.Parse(time.RFC3339Nano, match[2]+match[3])
		return err == nil && (at.After(end) || match[1] == "<" && at.Equal(end))
	})
}

// conjuncts splits an expression at each && that no brackets are around.
func conjuncts(expression string) []string {
	var parts []string
	depth, begin := 0, 0
	for i, r := range expression {
		switch {
		case strings.ContainsRune("([{", r):
			depth++
		case strings.ContainsRune(")]}", r):
			depth--
		case depth == 0 && strings.HasPrefix(expression[i:], "&&"):
			parts, begin = append(parts, expression[begin:i]), i+2
		}
	}
	return append(parts, expression[begin:])
}

// principal is the grammar of those that a member of a policy can stand for.
// Source: iam/docs/principal-identifiers.
var principal = regexp.MustCompile(`^(allUsers|allAuthenticatedUsers|` +
	`(user|group|serviceAccount|domain|projectOwner|projectEditor|projectViewer):[^\s/:@]+(@[^\s/:@]+|\.[^\s/:@]+|)|` +
	`serviceAccount:[^\s/:@]+\.svc\.id\.goog\[[^\s\[\]]+\]|` +
	`principal(Set)?://(iam|cloudresourcemanager|goog)[^\s]*/[^\s]+)$`)

// CanBeSomebody reports whether anybody can be the member: it is a principal that was
// not deleted.
func CanBeSomebody(member string) bool { return principal.MatchString(member) }

// Only is the policy without the members that are not asked about. Its bindings may have none.
func (p Policy) Only(asked func(member string) bool) Policy {
	bindings := slices.Clone(p.Bindings)
	for i, binding := range bindings {
		bindings[i].Members = slices.DeleteFunc(slices.Clone(binding.Members), func(member string) bool { return !asked(member) })
	}
	p.Bindings = bindings
	return p
}

// Effective is the policy without the bindings that can never hold from a time on, and
// without the members that nobody can be.
func (p Policy) Effective(at time.Time) Policy {
	var bindings []Binding
	for _, binding := range p.Bindings {
		if binding.Condition != "" && Expired(binding.Condition, at) {
			continue
		}
		binding.Members = slices.DeleteFunc(slices.Clone(binding.Members),
			func(member string) bool { return !CanBeSomebody(member) })
		if len(binding.Members) > 0 {
			bindings = append(bindings, binding)
		}
	}
	p.Bindings = bindings
	return p
}
