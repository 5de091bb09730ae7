package logfilter

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
)

// clause selects the methods of acts, unless they match except, and only where
// the condition holds.
type clause struct {
	acts, except []string // patterns, see event.Row
	condition    string   // in Logging's query language; "" = always
}

// clauses turns "the first row that matches decides" into clauses that need no
// order: an entry acts when any of them selects it. A clause excepts the
// patterns of earlier rows that overlap with its own, if those rows ignore the
// method or act on another condition.
func clauses(rows []event.Row) []clause {
	var made []clause
	for i, row := range rows {
		if row.Ignored != "" {
			continue
		}
		condition := conditions[row.Kind]
		for _, pattern := range row.Methods {
			made = merge(made, clause{[]string{pattern}, earlier(rows[:i], pattern, condition), condition})
		}
	}
	return made
}

// earlier are the patterns of rows that decide before a pattern does.
func earlier(rows []event.Row, pattern, condition string) (except []string) {
	for _, row := range rows {
		// A row that acts without a condition has a clause that selects its methods.
		if own := conditions[row.Kind]; row.Ignored == "" && (own == "" || own == condition) {
			continue
		}
		for _, other := range row.Methods {
			if overlap(pattern, other) {
				except = append(except, other)
			}
		}
	}
	return except
}

// merge adds a clause to the first one with the same condition that the addition
// does not change, else as a new one.
func merge(made []clause, added clause) []clause {
	for i, one := range made {
		if one.condition != added.condition || narrows(one.except, added) || narrows(added.except, one) {
			continue
		}
		made[i].acts = append(one.acts, added.acts...)
		for _, pattern := range added.except {
			if !slices.Contains(one.except, pattern) {
				made[i].except = append(made[i].except, pattern)
			}
		}
		return made
	}
	return append(made, added)
}

// narrows reports whether a clause would lose methods if it excepted these
// patterns too.
func narrows(except []string, c clause) bool {
	return slices.ContainsFunc(except, func(pattern string) bool {
		return !slices.Contains(c.except, pattern) &&
			slices.ContainsFunc(c.acts, func(act string) bool { return overlap(pattern, act) })
	})
}

// parts splits a pattern into its collection ("*" for any) and its verb, and
// reports whether it matches system events.
func parts(pattern string) (system bool, collection, verb string) {
	pattern, system = strings.CutPrefix(pattern, "/")
	collection, verb, dotted := strings.Cut(pattern, ".")
	if !dotted {
		collection, verb = "*", collection
	}
	return system, collection, verb
}

// overlap reports whether a method can match both of two patterns.
func overlap(a, b string) bool {
	systemA, collectionA, verbA := parts(a)
	systemB, collectionB, verbB := parts(b)
	if systemA != systemB || collectionA != "*" && collectionB != "*" && collectionA != collectionB {
		return false
	}
	prefixA, openA := strings.CutSuffix(verbA, "*")
	prefixB, openB := strings.CutSuffix(verbB, "*")
	switch {
	case openA && openB:
		return strings.HasPrefix(prefixA, prefixB) || strings.HasPrefix(prefixB, prefixA)
	case openA:
		return strings.HasPrefix(prefixB, prefixA)
	case openB:
		return strings.HasPrefix(prefixA, prefixB)
	}
	return prefixA == prefixB
}

// expression is a regular expression (RE2) that matches the methods that the
// patterns match. It has no backslash, see literal.
func expression(patterns []string) string {
	byVerb := map[bool]map[string][]string{false: {}, true: {}}
	var order []string
	for _, pattern := range patterns {
		if slices.ContainsFunc(patterns, func(other string) bool { return covers(other, pattern) }) {
			continue
		}
		system, collection, verb := parts(pattern)
		if byVerb[system][verb] == nil {
			order = append(order, pattern)
		}
		byVerb[system][verb] = append(byVerb[system][verb], collection)
	}
	alternatives := map[bool][]string{}
	for _, pattern := range order {
		system, _, verb := parts(pattern)
		last := strings.ReplaceAll(verb, "*", "[^.]*")
		if collections := byVerb[system][verb]; !slices.Contains(collections, "*") {
			last = group(collections) + "[.]" + last
		}
		alternatives[system] = append(alternatives[system], last)
	}
	var all []string
	if list := alternatives[true]; len(list) > 0 {
		all = append(all, "^/(.*[.])?"+group(list)+"$")
	}
	if list := alternatives[false]; len(list) > 0 {
		all = append(all, "^(([^/].*)?[.])?"+group(list)+"$")
	}
	return strings.Join(all, "|")
}

// covers reports whether a pattern matches all methods of another one, and more.
func covers(wide, narrow string) bool {
	systemW, collectionW, verbW := parts(wide)
	systemN, collectionN, verbN := parts(narrow)
	prefix, open := strings.CutSuffix(verbW, "*")
	return wide != narrow && systemW == systemN && (collectionW == "*" || collectionW == collectionN) &&
		open && strings.HasPrefix(verbN, prefix)
}

func group(alternatives []string) string {
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return "(" + strings.Join(alternatives, "|") + ")"
}
