package policy

import (
	"fmt"
	"slices"
	"strings"
)

// NamesToTake warns of rules that give more freedom to a service's full name than the rule without
// it does, and leave that name free to take: those who deploy in another project or location that
// the rule covers get the looser rule by it.
func (p Policy) NamesToTake(warn func(rule, why, remedy string)) {
	for i, read := range p.rules {
		if why, remedy := read.toTake(p.rules[i+1:]); why != "" {
			warn(read.name, why, remedy)
		}
	}
}

// toTake says who gains by taking a name of the rule, "" where nobody does. A rule with labels
// decides only where it is as strict.
func (r rule) toTake(later []rule) (why, remedy string) {
	named := r.match
	named.services = slices.DeleteFunc(slices.Clone(named.services), pattern.glob)
	if len(named.services) == 0 || len(named.labels) > 0 || slices.ContainsFunc(r.match.services, pattern.everything) {
		return "", ""
	}
	for _, base := range unlabelled(later) {
		where, open := LessStrict(r.settings, base.settings), named.open(base.match)
		if base.settings.Recipe != RecipeOff && len(where) > 0 && named.meets(base.match) && len(open) > 0 {
			return fmt.Sprintf("rule %s names %s in full and not %s, and is not as strict as rule %s in %s: "+
					"anyone who deploys a service of that name in another place gets rule %s", r.name, listed(named.services),
					strings.Join(open, " and "), base.name, strings.Join(where, ", "), r.name),
				fmt.Sprintf("write %s into its match", strings.Join(written(open), " and "))
		}
		if base.match.includesWithoutLabels(named) {
			break
		}
	}
	return "", ""
}

// open are the keys by which a match does not pin the place of its services, as far as a rule
// that would decide in its stead covers more than one.
func (m match) open(base match) []string {
	var keys []string
	if !pinned(m.projects, base.projects) {
		keys = append(keys, "projects")
	}
	if !pinned(m.locations, base.locations) {
		keys = append(keys, "locations")
	}
	return keys
}

// pinned reports whether a list names each place, or the other list names a single one.
func pinned(list, other []pattern) bool {
	exact := func(all []pattern) bool { return len(all) > 0 && !slices.ContainsFunc(all, pattern.glob) }
	return exact(list) || exact(other) && len(other) == 1
}

// written are keys of a match with the list that is to be filled in.
func written(keys []string) []string {
	var texts []string
	for _, key := range keys {
		texts = append(texts, key+": [...]")
	}
	return texts
}

// listed are at most three names, and how many more there are.
func listed(names []pattern) string {
	const most = 3
	var shown []string
	for _, name := range names[:min(len(names), most)] {
		shown = append(shown, string(name))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
