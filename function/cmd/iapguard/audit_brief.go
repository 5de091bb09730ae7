package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// What fits a screen: of at most fewServices every door is shown, of more at most
// mostItems that need a person.
const (
	fewServices = 3
	mostItems   = 5
	mostHosts   = 3 // of one service
)

// text shows an audit to a person: whether anything is open, what needs a person, the worst
// last, and the numbers.
func (s *auditShown) text(a audit, r rendering) string {
	var b strings.Builder
	b.WriteString(r.render([]line{a.headline()}))
	if a.Context != "" {
		b.WriteString(r.render([]line{contextLine(a.Context, a.Policy, a.Holds, a.HoldsUnread != "")}))
	}
	for _, words := range a.asOfWords() {
		b.WriteString(r.render([]line{{text: words, hang: 2}}))
	}
	shown := s.of(a)
	slices.Reverse(shown)
	if s.groupBy != "" {
		b.WriteString(r.render(textLines(strings.TrimSuffix(s.grouped(shown, "  %-30s %s\n"), "\n"))))
	}
	switch {
	case s.summary:
	case s.wide || len(a.Services) <= fewServices:
		b.WriteString("\n" + r.render(fullLines(shown)) + "\n")
	default:
		b.WriteString(s.items(shown, a.ObservedAt, r))
	}
	b.WriteString(r.render([]line{{text: a.Totals.text(), hang: 2}}))
	if a.Comparison != nil && !s.summary {
		b.WriteString(r.render(a.Comparison.lines()))
	}
	return b.String()
}

// headline says whether anything is open, and what is new.
func (a audit) headline() line {
	n := a.standing()
	first := line{lead: "nothing is open", text: fmt.Sprintf(" of %s", counted(len(a.Services), "service")), style: green}
	switch {
	case n[standsOpen] > 0:
		first = line{lead: "OPEN:", text: fmt.Sprintf(" %d of %s", n[standsOpen], counted(len(a.Services), "service")), style: red}
	case n[standsUnknown] > 0:
		first.lead, first.style = "nothing is known to be open", yellow
	}
	first.text += fmt.Sprintf("; %d not known, %d guarded", n[standsUnknown], n[standsGuarded])
	for _, each := range []struct {
		stands standing
		word   string
	}{{standsPrivate, "private"}, {standsExempt, "exempt"}, {standsUncovered, "shut without a rule"}} {
		if n[each.stands] > 0 {
			first.text += fmt.Sprintf(", %d %s", n[each.stands], each.word)
		}
	}
	if c := a.Comparison; c != nil {
		first.text += fmt.Sprintf("; doors since then: %d new, %d fixed", len(c.New), len(c.Fixed))
	}
	return first
}

// grouped counts services by what they have in common.
func (s *auditShown) grouped(shown []audited, form string) string {
	count := map[string]map[standing]int{}
	for _, one := range shown {
		name := groups[s.groupBy](one)
		if count[name] == nil {
			count[name] = map[standing]int{}
		}
		count[name][one.stands()]++
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[a][standsOpen], count[b][standsOpen]), cmp.Compare(a, b))
	})
	var b strings.Builder
	for _, name := range names {
		var parts []string
		for _, each := range standings {
			if n := count[name][each]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, each))
			}
		}
		fmt.Fprintf(&b, form, name, strings.Join(parts, ", "))
	}
	return b.String()
}

// items are the services that need a person, or those that --only chose.
func (s *auditShown) items(shown []audited, now time.Time, r rendering) string {
	need := slices.DeleteFunc(slices.Clone(shown), func(one audited) bool {
		stands := one.stands()
		return len(s.only) == 0 && stands != standsOpen && stands != standsUnknown
	})
	var b strings.Builder
	if more := len(need) - mostItems; more > 0 {
		b.WriteString("\n" + r.render([]line{textLine("  and %d more: --wide shows all, --only and --team choose", more)}))
		need = need[more:]
	}
	for _, one := range need {
		b.WriteString("\n")
		b.WriteString(r.render(one.item(now)))
	}
	if len(need) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// item is a service: what, where, why, what next.
func (a audited) item(now time.Time) []line {
	first := line{lead: strings.ToUpper(string(a.stands())) + "  ", text: a.Service}
	switch a.stands() {
	case standsOpen:
		first.style = red
	case standsUnknown:
		first.lead, first.style = "NOT KNOWN  ", yellow
	}
	var about []string
	if a.ExposedSince != nil {
		about = append(about, "open since "+since(*a.ExposedSince, now))
	}
	if a.Team != "" {
		about = append(about, "team "+a.Team+" (as labelled)")
	}
	if a.Rule != "" {
		about = append(about, fmt.Sprintf("rule %s, %s", a.Rule, a.Mode))
	}
	lines := []line{first}
	if len(about) > 0 {
		lines = append(lines, line{lead: "  ", text: strings.Join(about, "; ")})
	}
	if a.AsOf != nil {
		lines = append(lines, line{lead: "  ", text: a.AsOf.text()})
	}
	if at := a.addresses(); at != "" {
		lines = append(lines, line{lead: "  at ", text: at})
	}
	return append(lines, line{lead: "  because ", text: a.why(), hang: 4}, line{lead: "  next: ", text: a.next(), whole: true})
}

// addresses are those of the doors that make the service need a person.
func (a audited) addresses() string {
	var hosts []string
	more := 0
	for _, one := range a.Doors {
		if one.Guard.Exposed() || one.Guard == door.GuardUnknown {
			if len(hosts) < mostHosts && one.Address != "" {
				hosts = append(hosts, one.Address)
			} else {
				more += max(1, one.Count)
			}
		}
	}
	text := strings.Join(hosts, ", ")
	if more > 0 && text != "" {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// why is the first reason: what could not be read, the worst finding, or what the door says.
func (a audited) why() string {
	if a.Error != "" {
		return "it was not read: " + a.Error
	}
	for _, one := range a.Doors {
		if (one.Guard.Exposed() || one.Guard == door.GuardUnknown) && one.Why != "" {
			return one.Why
		}
	}
	var why string
	for _, finding := range a.Findings {
		// Who gets in says more than where.
		if who := strings.Contains(string(finding.Code), "PUBLIC") || strings.Contains(string(finding.Code), "INVOKER_CHECK"); who ||
			finding.Severity == protection.High && why == "" {
			why = finding.Why
			if who {
				break
			}
		}
	}
	if why != "" {
		return why
	}
	for _, one := range a.Unread {
		return "it could not be read: " + one.Why
	}
	return "its doors are " + string(a.stands())
}

// next is the command that comes next.
func (a audited) next() string {
	switch {
	case a.Error != "" || a.stands() == standsUnknown || a.instance() && len(a.Advice) == 0:
		return "iapguard audit --wide " + a.Service
	case a.instance():
		return a.Advice[0]
	case a.Outcome == report.Uncovered:
		return "write a rule for it, then iapguard plan " + a.Service
	case a.Outcome == report.Planned:
		return "iapguard apply " + a.Service
	case a.Outcome == report.Failed: // its advice is what failed
		return "iapguard plan " + a.Service
	case len(a.Advice) > 0:
		return a.Advice[0]
	}
	return "iapguard plan " + a.Service
}
