package event

import (
	"slices"
	"strings"
)

// clause is a part of a service's filter: methods of which the ones of acts
// count, unless they are of but, and only where a condition holds.
type clause struct {
	acts, but []string // patterns, see Row
	only      string   // in Logging's query language; "" = always
}

// clauses turns "the first row that matches decides" into clauses of which any
// decides. A pattern gets out of its clause what earlier rows ignore, or judge
// by another condition, as far as it could match the same methods.
func clauses(rows []Row) []clause {
	var made []clause
	for i, row := range rows {
		if row.Ignored != "" {
			continue
		}
		for _, pattern := range row.Methods {
			made = merged(made, clause{[]string{pattern}, earlier(rows[:i], pattern, conditions[row.Kind]), conditions[row.Kind]})
		}
	}
	return made
}

// earlier are the patterns of rows that decide before a pattern does.
func earlier(rows []Row, pattern, only string) (but []string) {
	for _, row := range rows {
		// What acts on no condition is in the filter by a clause of its own.
		if acts := conditions[row.Kind]; row.Ignored == "" && (acts == "" || acts == only) {
			continue
		}
		for _, other := range row.Methods {
			if overlap(pattern, other) {
				but = append(but, other)
			}
		}
	}
	return but
}

// merged adds a clause, to one that is there if that changes neither.
func merged(made []clause, added clause) []clause {
	foreign := func(but []string, of clause) bool { // something of but that of lets through
		return slices.ContainsFunc(but, func(one string) bool {
			return !slices.Contains(of.but, one) && slices.ContainsFunc(of.acts, func(act string) bool { return overlap(one, act) })
		})
	}
	for i, one := range made {
		if one.only != added.only || foreign(one.but, added) || foreign(added.but, one) {
			continue
		}
		made[i].acts = append(one.acts, added.acts...)
		for _, but := range added.but {
			if !slices.Contains(one.but, but) {
				made[i].but = append(made[i].but, but)
			}
		}
		return made
	}
	return append(made, added)
}

// parts are the collection ("*" for any) and the verb of a pattern, and whether
// it is one of system events.
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

// expression is a regular expression (RE2) that matches the methods that any of
// the patterns does. It has no backslash: whether Logging wants two of them is
// said in two ways.
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
	var whole []string
	if list := alternatives[true]; len(list) > 0 {
		whole = append(whole, "^/(.*[.])?"+group(list)+"$")
	}
	if list := alternatives[false]; len(list) > 0 {
		whole = append(whole, "^(([^/].*)?[.])?"+group(list)+"$")
	}
	return strings.Join(whole, "|")
}

// covers reports whether a pattern matches all that another does, and more.
func covers(wide, narrow string) bool {
	systemW, collectionW, verbW := parts(wide)
	systemN, collectionN, verbN := parts(narrow)
	prefix, open := strings.CutSuffix(verbW, "*")
	return wide != narrow && systemW == systemN && (collectionW == "*" || collectionW == collectionN) && open && strings.HasPrefix(verbN, prefix)
}

func group(alternatives []string) string {
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return "(" + strings.Join(alternatives, "|") + ")"
}
