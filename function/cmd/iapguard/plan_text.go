package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	// mostDetailed bounds how many groups of services are shown in detail, mostListed how
	// many in a line each: a plan of a thousand services fits a few screens.
	mostDetailed, mostListed = 8, 30
	// mostPlaces bounds how many projects and locations of a group are named, mostServices
	// how many services of each.
	mostPlaces, mostServices = 4, 8
	// mostDoors bounds how many doors of one service are shown among many services.
	mostDoors = 6
	// few services are shown in full, each for itself.
	few = 3
)

// planLines are plans for a person, the worst first, with their sums last.
func planLines(plans []report.Report) []line {
	var lines []line
	groups := groupsOf(plans)
	all := sums{}
	for i, each := range groups {
		switch {
		case len(plans) <= few:
			for _, one := range each.reports {
				lines = append(lines, reportLines(one)...)
			}
		case i < mostDetailed && len(each.reports) == 1:
			lines = append(lines, reportLines(shortened(each.reports[0]))...)
		case i < mostDetailed:
			lines = append(lines, each.lines()...)
		case i < mostListed:
			lines = append(lines, each.line())
		}
		for _, one := range each.reports {
			all.add(one)
		}
	}
	if len(groups) > mostListed {
		left := 0
		for _, each := range groups[mostListed:] {
			left += len(each.reports)
		}
		lines = append(lines, line{text: "and " + counted(left, "service") + " more: -o FILE and --format json have all"})
	}
	if len(groups) > mostDetailed {
		lines = append(lines, line{})
	}
	if len(plans) > 1 {
		lines = append(lines, line{text: all.String(), style: bold})
	}
	return lines
}

// shortened is a report of one service among many.
func shortened(r report.Report) report.Report {
	if left := len(r.Doors) - mostDoors; left > 0 {
		doors := slices.Clone(r.Doors)
		slices.SortStableFunc(doors, func(a, b report.Door) int { return a.Guard.Risk() - b.Guard.Risk() })
		r.Doors = doors[:mostDoors]
		r.Advice = append(r.Advice[:len(r.Advice):len(r.Advice)], fmt.Sprintf("see %s more: iapguard plan %s",
			counted(left, "door"), r.Subject()))
	}
	r.Accessors, r.AccessorsLeftOff = firstNamed(r.Accessors, r.AccessorsLeftOff)
	r.Invokers, r.InvokersLeftOff = firstNamed(r.Invokers, r.InvokersLeftOff)
	return r
}

func firstNamed(named []report.Named, leftOff int) ([]report.Named, int) {
	most := min(len(named), mostShown)
	return named[:most], leftOff + len(named) - most
}

// heading says how many services a group is, and what they have in common.
func (g group) heading() string {
	services := counted(len(g.reports), "service")
	switch steps := len(g.reports[0].Steps); {
	case steps == 0:
		return services + ": no step"
	case len(g.reports) == 1:
		return services + ": " + counted(steps, "step")
	case steps == 1:
		return services + ": the same step"
	default:
		return services + ": the same " + counted(steps, "step")
	}
}

// lines are a group in detail.
func (g group) lines() []line {
	r := g.generalised()
	lines := []line{{lead: g.heading(), style: bold}, outcomeLine(r)}
	lines = append(lines, skippedRuleLines(r.Policy)...)
	switch {
	case r.WaitingFor != nil:
		lines = append(lines, line{lead: "  waiting: ", text: r.WaitingFor.What})
	case r.Exemption != nil:
		lines = append(lines, line{lead: "  exempt: ", text: reason(r)})
	}
	lines = append(lines, g.doorLines()...)
	for i, step := range r.Steps {
		lines = append(lines, stepLines(i+1, step)...)
	}
	for _, finding := range r.Findings {
		if !closed(finding, r.Steps) && finding.Code != protection.CallerBreaks {
			lines = append(lines, findingLines(finding)...)
		}
	}
	lines = append(lines, callerLines(r)...)
	lines = append(lines, unreadLines(r.Unread)...)
	for _, advice := range r.Advice {
		lines = append(lines, line{lead: "  to do: ", text: advice, style: bold, whole: true})
	}
	lines = append(lines, g.placeLines()...)
	return append(lines, line{})
}

// doorLines count the doors of a group by guard and kind, the open ones first.
func (g group) doorLines() []line {
	type sort struct {
		guard door.Guard
		kind  door.Kind
	}
	counts := map[sort]int{}
	var sorts []sort
	for _, r := range g.reports {
		for _, d := range r.Doors {
			at := sort{d.Guard, d.Kind}
			if counts[at] == 0 {
				sorts = append(sorts, at)
			}
			counts[at] += max(1, d.Count)
		}
	}
	slices.SortStableFunc(sorts, func(a, b sort) int { return a.guard.Risk() - b.guard.Risk() })
	var lines []line
	for _, each := range sorts {
		shown := doorLines([]report.Door{{Guard: each.guard, Kind: each.kind,
			Address: counted(counts[each], "address")}})
		lines = append(lines, shown...)
	}
	return lines
}

// places are the services of a group by where they are.
func (g group) places() (places []string, services map[string][]string) {
	services = map[string][]string{}
	for _, r := range g.reports {
		place, name := r.Subject(), ""
		if i := strings.LastIndex(place, "/services/"); i >= 0 {
			place, name = place[:i], place[i+len("/services/"):]
		}
		if services[place] == nil {
			places = append(places, place)
		}
		services[place] = append(services[place], name)
	}
	slices.SortStableFunc(places, func(a, b string) int { return len(services[b]) - len(services[a]) })
	return places, services
}

func (g group) placeLines() []line {
	places, services := g.places()
	var lines []line
	for i, place := range places {
		if i == mostPlaces && len(places) > mostPlaces {
			left := 0
			for _, each := range places[i:] {
				left += len(services[each])
			}
			return append(lines, line{lead: "  and ", text: counted(left, "service") + " in " +
				counted(len(places)-i, "place") + " more"})
		}
		lines = append(lines, line{lead: "  in " + place + ": ", text: someOf(services[place], mostServices)})
	}
	return lines
}

// line is a group in one line.
func (g group) line() line {
	r := g.reports[0].Shown()
	text := r.Subject()
	if len(g.reports) > 1 {
		text += ", and " + strconv.Itoa(len(g.reports)-1) + " more"
	}
	var steps []string
	for _, step := range r.Steps {
		steps = append(steps, plan.SymbolOf(plan.Op(step.Op))+step.Op)
	}
	if len(steps) > 0 {
		text += ": " + strings.Join(steps, " ")
	}
	return line{lead: fmt.Sprintf("%-9s ", strings.ToUpper(string(r.Outcome))), text: text, style: outcomeStyle(r), hang: 2}
}
