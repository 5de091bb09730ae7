package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/drawing"
	"github.com/iapguard/iapguard/internal/page"
)

// standingWords are how services stand, in words that stand alone.
var standingWords = map[standing]string{standsOpen: "open", standsUnknown: "not known", standsExempt: "exempt",
	standsUncovered: "no rule", standsPrivate: "private", standsGuarded: "guarded"}

// html is an audit as a document that a browser shows and prints.
func (s *auditShown) html(a audit) ([]byte, error) {
	document := page.Audit{ObservedAt: a.ObservedAt, Scope: a.Scope, Principal: a.Principal, Context: a.Context,
		Policy: a.Policy, AsOf: a.asOfWords(),
		Holds: a.Holds, Version: a.Version, Chosen: s.chosen(), Total: len(a.Services), Doors: a.Totals.Doors}
	count := a.standing()
	for _, each := range standings {
		document.Standings = append(document.Standings, page.Standing{Name: string(each), Word: standingWords[each],
			Count: count[each]})
	}
	document.Headline, document.Worst = headlineOf(a, count)
	fresh := map[string]int{}
	if c := a.Comparison; c != nil {
		document.Trend = c.trend(a)
		document.News = fmt.Sprintf("Since %s: %s newly open, %s closed or gone.",
			c.Earlier.ObservedAt.UTC().Format("2 January 2006"), doorsOrNone(len(c.New)), doorsOrNone(len(c.Fixed)))
		for _, one := range c.New {
			fresh[one.Service]++
		}
	}
	document.NumbersOnly = s.summary
	chosen := map[string]bool{}
	if !s.summary {
		for _, one := range s.of(a) {
			chosen[one.Service] = true
			shown := one.shown(a)
			shown.NewDoors = fresh[one.Service]
			document.Services = append(document.Services, shown)
		}
	}
	for _, one := range a.Services {
		if !chosen[one.Service] {
			document.Hidden = append(document.Hidden,
				page.Service{Service: drawing.Service{Name: one.Service}, Error: one.Error, Unread: one.Unread})
		}
	}
	var b bytes.Buffer
	if err := document.Write(&b); err != nil {
		return nil, fmt.Errorf("writing the audit as HTML: %w", err)
	}
	return b.Bytes(), nil
}

func doorsOrNone(n int) string {
	if n == 0 {
		return "no door"
	}
	return counted(n, "door")
}

// headlineOf says whether anything is open, and how the worst service stands.
func headlineOf(a audit, count map[standing]int) (text, worst string) {
	all := counted(len(a.Services), "service")
	open, unknown := count[standsOpen], count[standsUnknown]
	switch {
	case open > 0 && unknown > 0:
		return fmt.Sprintf("Open: %d of %s, and %d not known", open, all, unknown), string(standsOpen)
	case open > 0:
		return fmt.Sprintf("Open: %d of %s", open, all), string(standsOpen)
	case unknown > 0:
		return fmt.Sprintf("Not known: %d of %s; no other is open", unknown, all), string(standsUnknown)
	case len(a.Services) == 0:
		return "No service was found", string(standsUncovered)
	}
	return fmt.Sprintf("Nothing is open of %s", all), string(standsGuarded)
}

// chosen says in words which services are shown, "" for all.
func (s *auditShown) chosen() string {
	var parts []string
	if len(s.only) > 0 {
		parts = append(parts, "services that stand as "+strings.Join(s.only, " or "))
	}
	if s.team != "" {
		parts = append(parts, "team "+s.team)
	}
	if s.summary {
		parts = append(parts, "the numbers")
	}
	return strings.Join(parts, ", ")
}

// trend is a comparison with the numbers of both audits.
func (c *comparison) trend(now audit) *page.Trend {
	then, shown := c.Earlier, &page.Trend{Since: c.Earlier.ObservedAt, Unchanged: len(c.Unchanged)}
	if then.Policy != now.Policy {
		shown.Policy = then.Policy
	}
	shown.Rows = []page.TrendRow{
		{What: "with an open door", Then: then.Totals.Exposed, Now: now.Totals.Exposed},
		{What: "not known", Then: then.Totals.Unknown, Now: now.Totals.Unknown},
		{What: "exempt", Then: then.Totals.Exempt, Now: now.Totals.Exempt},
		{What: "without a rule", Then: then.Totals.Uncovered, Now: now.Totals.Uncovered},
		{What: "in all", Then: then.Totals.Services, Now: now.Totals.Services},
	}
	for _, one := range c.New {
		shown.New = append(shown.New, page.Door{Service: one.Service, Kind: drawing.Kind(one.Kind), Address: one.Address})
	}
	for _, one := range c.Fixed {
		shown.Fixed = append(shown.Fixed, page.Door{Service: one.Service, Kind: drawing.Kind(one.Kind), Address: one.Address})
	}
	return shown
}

// shown is a service as a page of an audit shows it.
func (a audited) shown(of audit) page.Service {
	stands := a.stands()
	shown := page.Service{Standing: string(stands), Error: a.Error, Outcome: a.Outcome, Rule: a.Rule,
		Mode: string(a.Mode),
		Team: a.Team, Exemption: a.Exemption, Findings: a.Findings, Unread: a.Unread,
		Service: drawing.Service{Name: a.Service, Doors: a.Doors,
			Accessors: a.Accessors, AccessorsLeftOff: a.AccessorsLeftOff, AccessorsAtLeast: a.AccessorsAtLeast,
			Invokers: a.Invokers, InvokersLeftOff: a.InvokersLeftOff, InvokersAtLeast: a.InvokersAtLeast}}
	if a.AsOf != nil {
		shown.AsOf = a.AsOf.text()
	}
	if a.ExposedSince != nil {
		shown.OpenFor = since(*a.ExposedSince, of.ObservedAt)
	}
	for _, step := range a.Steps {
		shown.Steps = append(shown.Steps, page.Step{Op: step.Op, Resource: step.Resource, Change: changeText(step),
			Why: step.Why})
	}
	for _, one := range a.Callers {
		if one.Impact != caller.StaysIn {
			shown.Callers = append(shown.Callers, fmt.Sprintf("%s: %s", one.Impact, one))
		}
	}
	if stands == standsOpen || stands == standsUnknown {
		shown.Next = a.next()
		if a.Error == "" {
			shown.Why = a.why()
		}
	}
	return shown
}
