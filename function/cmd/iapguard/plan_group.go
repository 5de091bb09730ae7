package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

// group is services that are alike but for their names: the same outcome by the same rule,
// the same steps for the same reasons, doors with the same guards.
type group struct {
	reports []report.Report
	key     string
}

// groupsOf groups plans, the worst first: what is open, then what may be, then what ends
// badly, then what has callers that break.
func groupsOf(plans []report.Report) []group {
	at := map[string]int{}
	var groups []group
	for _, r := range plans {
		key := likeness(r)
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key], groups = i, append(groups, group{key: key})
		}
		groups[i].reports = append(groups[i].reports, r)
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		first, second := a.reports[0], b.reports[0]
		return cmp.Or(cmp.Compare(badness(second), badness(first)), cmp.Compare(len(b.reports), len(a.reports)),
			strings.Compare(first.Subject(), second.Subject()))
	})
	return groups
}

// worstOutcomes orders outcomes from the worst on.
var worstOutcomes = []report.Outcome{report.Failed, report.Blocked, report.Contested, report.Planned, report.Held,
	report.Waiting, report.Deferred, report.Uncovered, report.Exempt, report.Redeployed, report.Protected, report.Compliant}

// badness orders plans: the worse a service is off, the higher.
func badness(r report.Report) int {
	bad := 2 * (len(worstOutcomes) - slices.Index(worstOutcomes, r.Outcome))
	switch r.Exposed {
	case door.Yes:
		bad += 200
	case door.Unknown:
		bad += 100
	}
	if slices.ContainsFunc(r.Callers, breaks) {
		bad++
	}
	return bad
}

func breaks(c report.Caller) bool { return c.Impact == caller.Breaks }

// likeness is the same text for two services that are alike but for their names.
func likeness(r report.Report) string {
	names := namesOf(r)
	var parts []string
	add := func(format string, values ...any) { parts = append(parts, fmt.Sprintf(format, values...)) }
	add("%s %s %t %s", r.Outcome, r.Exposed, r.WouldAct, r.Mode)
	if r.Policy != nil {
		add("%s %s %q", r.Policy.Digest, r.Policy.Rule, r.Policy.SkippedRules)
	}
	if r.WaitingFor != nil {
		add("waits %s", names.general(r.WaitingFor.What))
	}
	if r.Exemption != nil {
		add("exempt %v", *r.Exemption)
	}
	for _, s := range r.Steps {
		add("step %s %s %s %v", s.Op, s.Field, names.general(s.Resource+" "+s.From+" "+s.To+" "+s.Why), s.Condition)
	}
	for _, f := range r.Findings {
		add("finding %s %s", f.Code, names.general(f.Resource+" "+f.Why))
	}
	var doors []string
	for _, d := range r.Doors {
		doors = append(doors, fmt.Sprintf("door %s %s %s %s", d.Kind, d.Guard, names.general(d.Why), d.Exempt))
	}
	slices.Sort(doors)
	parts = append(parts, slices.Compact(doors)...)
	for _, c := range r.Callers {
		if c.Impact != caller.StaysIn {
			add("caller %s", c) // each is named
		}
	}
	for _, one := range slices.Concat(r.Accessors, r.Invokers) {
		add("named %v", one)
	}
	for _, u := range r.Unread {
		add("unread %s", names.general(u.Why))
	}
	for _, line := range r.Advice {
		add("advice %s", names.general(line))
	}
	return strings.Join(parts, "\n")
}

// names are the words by which one service differs from others that are alike, and what
// stands for each of them in the text of a group.
type names struct {
	addresses *strings.Replacer
	words     map[string]string
}

// namesOf are the names that stand in a report.
func namesOf(r report.Report) names {
	n := names{words: map[string]string{}}
	var pairs []string
	for _, each := range r.Doors {
		for _, address := range []string{each.Address, strings.TrimPrefix(each.Address, "https://"), each.Names} {
			if address != "" {
				pairs = append(pairs, address, "ADDRESS")
			}
		}
	}
	if t := r.Target; t != nil {
		if t.ProjectNumber != "" {
			pairs = append(pairs, t.ProjectNumber, "PROJECT_NUMBER")
		}
		n.words[t.Location], n.words[t.Project], n.words[t.Service] = "REGION", "PROJECT", "SERVICE"
	}
	for _, s := range r.Steps {
		n.resource(s.Resource)
	}
	for _, f := range r.Findings {
		n.resource(f.Resource)
	}
	n.addresses = strings.NewReplacer(pairs...)
	return n
}

// resource notes the name of a backend service, or of its access policy.
func (n names) resource(resource string) {
	parts := strings.Split(resource, "/")
	for i, part := range parts[:len(parts)-1] {
		if part == "backendServices" || part == "services" && i > 0 && parts[i-1] == "compute" {
			n.words[parts[i+1]] = "BACKEND"
		}
		if part == "regions" {
			n.words[parts[i+1]] = "REGION"
		}
	}
}

// word is what resources are named with.
var word = regexp.MustCompile(`[A-Za-z0-9-]+`)

// general is a text with the names taken out.
func (n names) general(text string) string {
	return word.ReplaceAllStringFunc(n.addresses.Replace(text), func(each string) string {
		if stands, known := n.words[each]; known {
			return stands
		}
		return each
	})
}

// generalised is the report that stands for a group.
func (g group) generalised() report.Report {
	r := g.reports[0].Shown()
	names := namesOf(r)
	for i := range r.Steps {
		step := &r.Steps[i]
		for _, text := range []*string{&step.Resource, &step.From, &step.To, &step.Why} {
			*text = names.general(*text)
		}
	}
	for i := range r.Findings {
		r.Findings[i].Resource, r.Findings[i].Why = names.general(r.Findings[i].Resource), names.general(r.Findings[i].Why)
	}
	for i := range r.Advice {
		r.Advice[i] = names.general(r.Advice[i])
	}
	for i := range r.Unread {
		r.Unread[i].Why = names.general(r.Unread[i].Why)
	}
	if r.WaitingFor != nil {
		r.WaitingFor.What = names.general(r.WaitingFor.What)
	}
	return r
}
