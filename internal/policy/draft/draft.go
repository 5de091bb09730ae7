// Package draft writes a first policy from what is there. The policy changes nothing: every rule
// says report-only, and what a person has to decide is a blank that policy check refuses.
//
// It is pure, and the same facts give the same text.
package draft

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// Service is what was seen of one service.
type Service struct {
	Target    posture.Target
	Team      string     // its label; "" = none
	Open      []string   // the addresses at which strangers get in
	Unknown   bool       // it is not known whether they do
	Accessors []Accessor // who gets in through IAP
	More      int        // how many more of those there are
}

// Accessor is somebody who gets in through IAP.
type Accessor struct {
	Member      string
	Conditional bool // only under a condition
}

// Gap is something that could not be read.
type Gap struct{ What, Why string }

// Estate is what a policy is begun from.
type Estate struct {
	Scopes   []posture.Scope // what was looked at, with the projects' ids
	Services []Service
	Gaps     []Gap
}

// A secret, from which a policy is usually mounted, holds 64 KiB. Source: secret-manager/quotas.
// So the text names so many gaps, and so many services in rules and in exemptions.
const (
	mostGaps  = 30
	mostNamed = 200
	mostRules = 30 // that name services; each scope has one that names none, too
	mostOpen  = 150
)

// Policy writes the policy.
func Policy(e Estate) []byte {
	w := &writer{}
	scopes, services := covering(e.Scopes), distinct(e.Services)
	w.head(scopes, services, e.Gaps)
	w.line("version: 1")
	w.line("# Who may approve plans in mode approve, and later versions that loosen what is enforced. Name them early:")
	w.line(`# approvers: ["user:ADDRESS"]`)
	w.line("rules:")
	for _, scope := range scopes {
		w.rulesOf(scope, services)
	}
	w.exemptions(services)
	return []byte(w.text.String())
}

// covering are the scopes that lie in no other one: the rules before the ones of whole projects.
func covering(scopes []posture.Scope) []posture.Scope {
	within := func(s, other posture.Scope) bool {
		return s != other && s.Project == other.Project && (other.Location == "" || s.Location == other.Location) &&
			other.Service == ""
	}
	kept := slices.DeleteFunc(slices.Clone(scopes), func(s posture.Scope) bool {
		return slices.ContainsFunc(scopes, func(other posture.Scope) bool { return within(s, other) })
	})
	slices.SortFunc(kept, func(a, b posture.Scope) int { return strings.Compare(a.Name(), b.Name()) })
	return slices.Compact(kept)
}

// distinct are the services by name, each once, without instances, which are never changed.
func distinct(services []Service) []Service {
	kept := slices.DeleteFunc(slices.Clone(services), func(s Service) bool { return s.Target.Instance })
	slices.SortStableFunc(kept, func(a, b Service) int { return strings.Compare(a.Target.Name(), b.Target.Name()) })
	return slices.CompactFunc(kept, func(a, b Service) bool { return a.Target == b.Target })
}

type writer struct {
	text  strings.Builder
	rules int
	named int // services that rules name
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

// head says what the file is, what to do with it, and what could not be read.
func (w *writer) head(scopes []posture.Scope, services []Service, gaps []Gap) {
	var names []string
	for _, scope := range scopes {
		names = append(names, scope.Name())
	}
	open, unknown := 0, 0
	for _, each := range services {
		if len(each.Open) > 0 {
			open++
		} else if each.Unknown {
			unknown++
		}
	}
	w.line("# yaml-language-server: $schema=policy.schema.json")
	w.line("# A first policy, begun by iapguard policy init from what was there. It changes nothing yet.")
	w.line("#   iapguard policy schema > policy.schema.json  lets editors complete and check the keys")
	w.line("#   iapguard policy check FILE                   says what is left to fill in")
	w.line("# Then have its reports read for a week, and change the mode rule by rule.")
	w.line("#")
	for _, name := range names {
		w.line("# Looked at: %s", name)
	}
	w.line("# Services: %d. Strangers get into %d of them; of %d it is not known whether they do.", len(services),
		open, unknown)
	if len(gaps) == 0 {
		return
	}
	w.line("#")
	w.line("# Could not be read, so that what rests on it is missing here:")
	gaps = slices.Clone(gaps)
	slices.SortFunc(gaps, func(a, b Gap) int { return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why)) })
	gaps = slices.Compact(gaps)
	for _, gap := range gaps[:min(len(gaps), mostGaps)] {
		w.line("#   %s: %s", shown(gap.What), shown(gap.Why))
	}
	if more := len(gaps) - mostGaps; more > 0 {
		w.line("#   and %d more", more)
	}
}

// rulesOf writes the rules of one scope: those of services for which IAP lets in somebody else
// than at the rest, each in full, and then the one of everything in the scope.
func (w *writer) rulesOf(scope posture.Scope, all []Service) {
	inside := slices.DeleteFunc(slices.Clone(all), func(s Service) bool { return !contains(scope, s.Target) })
	groups := byAccess(inside)
	if scope.Service != "" || len(groups) == 1 {
		w.rule(scope, nil, inside)
		return
	}
	left := 0
	for _, group := range groups {
		switch {
		case len(group[0].Accessors) == 0:
		case w.named+len(group) > mostNamed, w.rules >= mostRules:
			left += len(group)
		default:
			w.named += len(group)
			w.rule(scope, group, group)
		}
	}
	if left > 0 {
		w.line("  # IAP lets in others at %d more services, which have no rule of their own: a policy holds 64 KiB.", left)
	}
	w.rule(scope, nil, nil)
}

func contains(scope posture.Scope, target posture.Target) bool {
	return scope.Project == target.Project && (scope.Location == "" || scope.Location == target.Location) &&
		(scope.Service == "" || scope.Service == target.Service)
}

// byAccess groups services that lie in one location and have the same accessors; those without
// any are one group.
func byAccess(services []Service) [][]Service {
	groups := map[string][]Service{}
	for _, each := range services {
		key := ""
		if len(each.Accessors) > 0 {
			key = fmt.Sprint(each.Target.Location, sorted(each.Accessors), each.More)
		}
		groups[key] = append(groups[key], each)
	}
	if len(groups) > 1 {
		return slices.SortedFunc(maps.Values(groups), func(a, b []Service) int {
			return strings.Compare(a[0].Target.Name(), b[0].Target.Name())
		})
	}
	return slices.Collect(maps.Values(groups))
}

func sorted(accessors []Accessor) []Accessor {
	return slices.SortedFunc(slices.Values(accessors), func(a, b Accessor) int {
		return strings.Compare(a.Member, b.Member)
	})
}

// rule writes one rule: of the services that it names, or of the whole scope; seen are the
// services whose accessors it has.
func (w *writer) rule(scope posture.Scope, named, seen []Service) {
	name, location := scope.Name(), scope.Location
	var services []string
	if scope.Service != "" {
		services = []string{scope.Service}
	}
	if len(named) > 0 {
		name, location = named[0].Target.Name(), named[0].Target.Location
		if len(named) > 1 {
			name += fmt.Sprintf(" and %d more", len(named)-1)
		}
		for _, each := range named {
			services = append(services, each.Target.Service)
		}
	}
	w.line("  - name: %s", scalar(strings.TrimPrefix(name, "projects/")))
	w.line("    match:")
	w.line("      projects: [%s]", scalar(scope.Project))
	if location != "" {
		w.line("      locations: [%s]", scalar(location))
	}
	if len(services) > 0 {
		w.line("      services:")
	}
	for _, service := range services {
		w.line("        - %s", scalar(service))
	}
	mode, private := "", ""
	if w.rules++; w.rules == 1 {
		mode = " # then approve: a person lets each plan in; then enforce: iapguard acts by itself"
		private = "    # include: guard also what only named invokers get into"
	}
	w.line("    mode: report-only%s", mode)
	w.line("    private: leave%s", private)
	w.access(seen)
	if w.rules == 1 {
		w.line("    # With do: report, what cannot be guarded stays open until a person acts. do: close closes it after that")
		w.line("    # time, which costs its visitors every way in but an IAP that is on.")
	}
	w.line("    whenStuck: {after: 72h, do: report}")
}

// access writes who gets in by IAP today.
func (w *writer) access(seen []Service) {
	var members []string
	var left []Gap
	more := 0
	for _, each := range seen {
		more = max(more, each.More)
		for _, accessor := range each.Accessors {
			switch why := refused(accessor.Member); {
			case accessor.Conditional:
				left = append(left, Gap{accessor.Member, "under a condition, which stands beside it in IAP's policy"})
			case why != "":
				left = append(left, Gap{accessor.Member, why})
			default:
				members = append(members, accessor.Member)
			}
		}
	}
	slices.Sort(members)
	slices.SortFunc(left, func(a, b Gap) int { return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why)) })
	members = slices.Compact(members)
	w.line("    access:")
	if len(members) == 0 {
		w.line("      none: wait # " +
			"IAP lets in nobody who can be named here: it stays off until there are members: [group:ADDRESS]")
	} else {
		w.line("      members: # who gets in through IAP today")
		for _, member := range members {
			w.line("        - %s", scalar(member))
		}
	}
	for _, each := range slices.Compact(left) {
		w.line("      # IAP lets in %s too: %s", shown(each.What), shown(each.Why))
	}
	if more > 0 {
		w.line("      # IAP lets in %d more, who are not listed here", more)
	}
}

// refused is why a policy cannot name a member; "" = it can.
func refused(member string) string {
	text, err := yaml.Marshal(map[string]any{"version": 1, "rules": []any{
		map[string]any{"name": "a", "access": map[string]any{"members": []string{member}}}}})
	if err != nil {
		return err.Error()
	}
	if _, err = policy.Parse(text, time.Time{}); err == nil {
		return ""
	}
	return strings.TrimPrefix(strictyaml.Problems(err)[0].Text, "access.members: ")
}

// exemptions asks of every service that strangers get into whether it may stay so.
func (w *writer) exemptions(services []Service) {
	groups := map[string][]Service{}
	for _, each := range services {
		if len(each.Open) > 0 {
			key := each.Target.Project + " " + each.Team
			groups[key] = append(groups[key], each)
		}
	}
	if len(groups) == 0 {
		return
	}
	w.line("# Strangers get into these services. Take out of the lists what shall be guarded. What may stay as it is needs")
	w.line("# a reason, somebody who answers for it, a ticket and an end, at most a year ahead; policy check refuses blanks.")
	w.line("exemptions:")
	listed, left := 0, 0
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		group := groups[key]
		kept := group[:min(len(group), mostOpen-listed)]
		listed, left = listed+len(kept), left+len(group)-len(kept)
		if group = kept; len(group) == 0 {
			continue
		}
		if team := group[0].Team; team != "" {
			w.line("  # label team: %s", shown(team))
		}
		w.line("  - services:")
		for _, each := range group {
			open := slices.Sorted(slices.Values(each.Open))
			comment := shown(open[0])
			if len(open) > 1 {
				comment += fmt.Sprintf(" and %d more", len(open)-1)
			}
			w.line("      - %s # %s", each.Target.Name(), comment)
		}
		for _, blank := range [][2]string{{"reason", "why they may stay as they are"}, {"owner", "who answers for it"},
			{"ticket", "where it was agreed on"}, {"expires", "the last day, like 2027-03-31"}} {
			w.line("    %s: %s # %s", blank[0], scalar(strictyaml.Blank), blank[1])
		}
	}
	if left > 0 {
		w.line("# Strangers get into %d more, which are not listed: a policy holds 64 KiB. iapguard audit names them.", left)
	}
}

// shown is a text from outside as a part of a comment: on one line, and cut.
func shown(text string) string {
	const most = 200
	line := []rune(posture.Shown(text))
	if len(line) > most {
		return string(line[:most]) + "…"
	}
	return string(line)
}

// scalar is a text as YAML writes it on one line, in quotes where it would be read as
// something else.
func scalar(text string) string {
	written, err := yaml.Marshal(text)
	if err != nil || strings.Count(string(written), "\n") != 1 {
		return fmt.Sprintf("%q", text)
	}
	line := strings.TrimSuffix(string(written), "\n")
	if strings.ContainsAny(line, ",[]{}#") && !strings.HasPrefix(line, `"`) && !strings.HasPrefix(line, "'") {
		return fmt.Sprintf("%q", text)
	}
	return line
}
