package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/report"
)

// auditShown says which services an audit shows, in which order, and how much of each.
type auditShown struct {
	only                []string
	team, sort, groupBy string
	wide, summary       bool
}

// standing is how a service stands, as --only takes it.
type standing string

const (
	standsOpen      standing = "open"
	standsUnknown   standing = "unknown"
	standsExempt    standing = "exempt"
	standsUncovered standing = "uncovered"
	standsPrivate   standing = "private" // only named invokers get in, and no IAP is before it
	standsGuarded   standing = "guarded" // IAP, or nobody
)

// standings are all, the worst first.
var standings = []standing{standsOpen, standsUnknown, standsExempt, standsUncovered, standsPrivate, standsGuarded}

// sorts are what --sort takes: each puts first what comes last on a page, the worst.
var sorts = map[string]func(a, b audited) int{
	"risk": func(a, b audited) int {
		return cmp.Or(cmp.Compare(a.risk(), b.risk()), cmp.Compare(a.since(), b.since()))
	},
	"service": func(audited, audited) int { return 0 },
	"team":    func(a, b audited) int { return cmp.Compare(a.Team, b.Team) },
	"since":   func(a, b audited) int { return cmp.Compare(a.since(), b.since()) },
}

// groups are what --group-by takes.
var groups = map[string]func(audited) string{
	"team":    func(a audited) string { return cmp.Or(a.Team, "no team") },
	"project": func(a audited) string { return strings.Join(strings.SplitN(a.Service, "/", 3)[:2], "/") },
	"rule":    func(a audited) string { return cmp.Or(a.Rule, "no rule") },
}

func (s *auditShown) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&s.only, "only", nil, "show only services that stand so: open, unknown, exempt, uncovered, private, guarded")
	flags.StringVar(&s.team, "team", "", "show only services whose label team says this")
	flags.StringVar(&s.sort, "sort", "risk", "order by risk, since (open longest), team or service; the worst comes last in text")
	flags.StringVar(&s.groupBy, "group-by", "", "count by team, project or rule, in text and md")
	flags.BoolVar(&s.wide, "wide", false, "show every door of every service, as few services are shown anyway")
	flags.BoolVar(&s.summary, "summary", false, "show the numbers alone")
}

// check says what is wrong with the flags.
func (s *auditShown) check() error {
	for _, one := range s.only {
		if !slices.Contains(standings, standing(one)) {
			return usageError{fmt.Errorf("--only has %q: write open, unknown, exempt, uncovered, private or guarded", one)}
		}
	}
	if sorts[s.sort] == nil {
		return usageError{fmt.Errorf("--sort is %q: write risk, since, team or service", s.sort)}
	}
	if s.groupBy != "" && groups[s.groupBy] == nil {
		return usageError{fmt.Errorf("--group-by is %q: write team, project or rule", s.groupBy)}
	}
	return nil
}

// of are the services that are shown, the worst first.
func (s *auditShown) of(a audit) []audited {
	chosen := slices.DeleteFunc(slices.Clone(a.Services), func(one audited) bool { return !s.chooses(one) })
	slices.SortStableFunc(chosen, func(a, b audited) int {
		return cmp.Or(sorts[s.sort](a, b), cmp.Compare(a.Service, b.Service))
	})
	return chosen
}

// chooses reports whether a service is shown.
func (s *auditShown) chooses(one audited) bool {
	return (len(s.only) == 0 || slices.Contains(s.only, string(one.stands()))) && (s.team == "" || one.Team == s.team)
}

// stands is how a service stands.
func (a audited) stands() standing {
	switch {
	case a.Outcome == report.Exempt:
		return standsExempt
	case a.Error == "" && a.Exposed == door.Yes:
		return standsOpen
	case a.Error != "" || a.Exposed == door.Unknown && !a.Accepted:
		return standsUnknown
	case a.Outcome == report.Uncovered && !a.instance():
		return standsUncovered
	case a.guardedBy(door.GuardIAM) && !a.guardedBy(door.GuardIAP):
		return standsPrivate
	}
	return standsGuarded
}

// guardedBy reports whether a door has a guard.
func (a audited) guardedBy(guard door.Guard) bool {
	return slices.ContainsFunc(a.Doors, func(d report.Door) bool { return d.Guard == guard })
}

// since orders what is open by how long; what is not open comes last.
func (a audited) since() string {
	if a.ExposedSince == nil {
		return "~"
	}
	return a.ExposedSince.UTC().Format("2006-01-02T15:04:05")
}

// standing counts services by how they stand.
func (a audit) standing() map[standing]int {
	count := map[standing]int{}
	for _, one := range a.Services {
		count[one.stands()]++
	}
	return count
}

// print is an audit in a format.
func (s *auditShown) print(a audit, format string, as rendering) ([]byte, error) {
	switch format {
	case "json":
		a.Services = s.of(a)
		if a.Services == nil {
			a.Services = []audited{}
		}
		return a.json()
	case "ndjson":
		return a.end()
	case "csv":
		return s.csv(a)
	case "md":
		return []byte(s.markdown(a)), nil
	case "html":
		return s.html(a)
	}
	return []byte(s.text(a, as)), nil
}
