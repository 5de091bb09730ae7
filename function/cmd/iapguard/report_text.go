package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// text returns a report for a person: target, outcome, doors, steps, and the
// findings that no step closes.
func text(r report.Report) string { return plain(reportLines(r)) }

func reportLines(r report.Report) []line {
	r = r.Shown()
	lines := append([]line{{lead: r.Subject(), style: bold}, outcomeLine(r)}, detailLines(r, false)...)
	return append(lines, line{})
}

// detailLines are what a report says beside how it ended. shown says that the plan and the
// steps that were taken have been shown, and that why it ended so is shown elsewhere.
func detailLines(r report.Report, shown bool) []line {
	var lines []line
	lines = append(lines, skippedRuleLines(r.Policy)...)
	if r.WaitingFor != nil && !shown {
		lines = append(lines, line{lead: "  waiting: ", text: r.WaitingFor.What})
	}
	if e := r.Exemption; e != nil && !shown {
		lines = append(lines, line{lead: "  exempt: ",
			text: fmt.Sprintf("%s (%s, %s) until %s", e.Reason, e.Ticket, e.Owner, policy.LastDay(e.Expires))})
	}
	lines = append(lines, doorLines(r.Doors)...)
	lines = append(lines, namedLines("iap", r.Accessors, r.AccessorsLeftOff, r.AccessorsAtLeast)...)
	lines = append(lines, namedLines("iam", r.Invokers, r.InvokersLeftOff, r.InvokersAtLeast)...)
	if len(r.Steps) > 0 && !shown {
		lines = append(lines, line{lead: fmt.Sprintf("  plan %s: ", r.PlanID), text: stepsText(r.Steps)})
	}
	for i, step := range r.Steps {
		if !shown || step.Result != report.StepDone {
			lines = append(lines, stepLines(i+1, step)...)
		}
	}
	for _, finding := range r.Findings {
		if !closed(finding, r.Steps) && finding.Code != protection.CallerBreaks {
			lines = append(lines, findingLines(finding)...)
		}
	}
	if !shown {
		lines = append(lines, callerLines(r)...)
	}
	lines = append(lines, contestLines(r.Contest, shown)...)
	for _, each := range r.Evidence {
		lines = append(lines, line{lead: "  asked: ", text: each.What}, line{lead: "         ", text: each.Found})
	}
	if !shown {
		lines = append(lines, unreadLines(r.Unread)...)
	}
	for _, advice := range r.Advice {
		lines = append(lines, line{lead: "  to do: ", text: advice, style: bold, whole: true})
	}
	return lines
}

// contestLines are what others undo again and again, and what to write where they do it.
func contestLines(c *report.Contest, shown bool) []line {
	if c == nil {
		return nil
	}
	var lines []line
	if !shown {
		lines = append(lines, line{lead: "  contested: ", text: undoneText(*c), style: yellow, hang: 4})
	}
	if c.Fix == "" {
		return lines
	}
	// What fits the tool that undid it last comes first.
	first, rest, more := strings.Cut(c.Fix, "\n\n")
	lines = append(lines, line{lead: "  to end it at the source:", style: bold})
	for each := range strings.SplitSeq(first, "\n") {
		lines = append(lines, textLine("    %s", each))
	}
	if more {
		lines = append(lines, textLine("    and %d lines more, for other tools and settings: contest.fix of --format json",
			strings.Count(rest, "\n")+1))
	}
	return lines
}

// outcomeLine is how the handling of a service ended, and what decided that.
func outcomeLine(r report.Report) line {
	shown := line{lead: "  " + strings.ToUpper(string(r.Outcome)), style: outcomeStyle(r), hang: 4}
	if r.Policy != nil {
		shown.lead += "  "
		shown.text = fmt.Sprintf("(rule %s, mode %s, policy %s)", r.Policy.Rule, r.Mode, r.Policy.Digest)
	}
	return shown
}

// outcomeStyle is green where nothing is left to do and nobody gets in unnamed.
func outcomeStyle(r report.Report) style {
	switch {
	case r.Outcome == report.Failed || r.Outcome == report.Blocked:
		return red
	case exits[r.Outcome].apply == exitDone && (r.Exposed == door.No || r.Exposed == ""):
		return green
	}
	return yellow
}

func findingLines(f report.Finding) []line {
	return []line{
		{lead: fmt.Sprintf("  %-6s ", f.Severity), text: string(f.Code) + "  " + f.Resource, style: yellow, hang: 9},
		{lead: "         ", text: f.Why},
	}
}

func unreadLines(unread []report.Unread) []line {
	var lines []line
	var said []string
	for _, one := range unread {
		if !slices.Contains(said, one.Why) {
			said = append(said, one.Why)
			lines = append(lines, line{lead: "  not read: ", text: one.Why, style: yellow})
		}
	}
	return lines
}

// skippedRuleLines lists the rules that the labels or the name selected and that did not decide.
func skippedRuleLines(p *report.Policy) []line {
	if p == nil {
		return nil
	}
	var lines []line
	for _, why := range p.SkippedRules {
		lines = append(lines, line{lead: "  passed over: ", text: why})
	}
	return lines
}

// closed reports whether a step closes a finding. The step is printed with the
// finding's reason, so the finding itself is left out.
func closed(finding report.Finding, steps []report.Step) bool {
	return slices.ContainsFunc(steps, func(step report.Step) bool {
		return step.Resource == finding.Resource && step.Why == finding.Why
	})
}

// symbolStyles are the styles of plan.SymbolOf.
var symbolStyles = map[string]style{"+": green, "~": yellow, "-": red}

func stepLines(number int, step report.Step) []line {
	symbol := plan.SymbolOf(plan.Op(step.Op))
	lines := []line{{lead: fmt.Sprintf("    %d. %s %-22s ", number, symbol, step.Op), text: step.Resource,
		style: symbolStyles[symbol], hang: 7}}
	const under = "       "
	if change := changeText(step); change != "" {
		lines = append(lines, line{lead: under, text: change, hang: 9})
	}
	lines = append(lines, line{lead: under + "because ", text: step.Why, style: dim, hang: 9})
	if step.Result != report.StepPlanned {
		lines = append(lines, line{lead: under, text: string(step.Result)})
	}
	if step.NotBefore != nil {
		lines = append(lines, line{lead: under, text: "not before " + step.NotBefore.Format(time.RFC3339)})
	}
	return lines
}

func changeText(step report.Step) string {
	field := step.Field
	if field != "" {
		field += ": "
	}
	switch {
	case step.From != "" && step.To != "":
		return field + step.From + " -> " + step.To
	case step.To != "":
		if step.Condition != nil {
			return field + "add " + step.To + ", if " + step.Condition.String()
		}
		return field + "add " + step.To
	case step.From != "":
		return field + "remove " + step.From
	}
	return ""
}

func doorLines(doors []report.Door) []line {
	var lines []line
	for _, each := range doors {
		mark, guard := " ", green
		switch {
		case each.Guard.Exposed():
			mark, guard = "!", red
		case each.Guard == door.GuardUnknown:
			guard = yellow
		}
		where := doorName(each)
		if each.Names != "" {
			where += " for " + each.Names
		}
		lines = append(lines, line{lead: fmt.Sprintf("  %s %-8s ", mark, each.Guard),
			text: fmt.Sprintf("%s  (%s)", where, each.Kind), style: guard})
		if each.Why != "" {
			lines = append(lines, line{lead: "             ", text: each.Why})
		}
		if each.Exempt != "" {
			lines = append(lines, line{lead: "             ", text: "the door " + each.Exempt})
		}
	}
	return lines
}

// doorName is where a door is.
func doorName(d report.Door) string {
	if d.Count > 0 {
		return fmt.Sprintf("%d more addresses of %s", d.Count, d.Via)
	}
	return cmp.Or(d.Address, d.Via)
}

// above says whose policy lets in who is inherited.
var above = map[string]string{"iam": "by the project's policy", "iap": "by a policy above"}

// namedText lists who gets in at doors with one guard.
func namedText(guard string, named []report.Named, leftOff int, atLeast bool) string {
	return plain(namedLines(guard, named, leftOff, atLeast))
}

func namedLines(guard string, named []report.Named, leftOff int, atLeast bool) []line {
	var lines []line
	lets := func(who string) { lines = append(lines, line{lead: "    " + guard + " lets in ", text: who}) }
	for _, one := range named {
		who := one.Member
		if one.Conditional {
			who += ", under a condition"
		}
		if one.Inherited {
			who += ", " + above[guard]
		}
		lets(who)
	}
	if leftOff > 0 {
		lets(fmt.Sprintf("%d more", leftOff))
	}
	switch {
	case atLeast && len(named) == 0:
		lets("nobody by name, and others may get in")
	case atLeast:
		lets("at least these, and others may get in")
	}
	return lines
}

// callerLines lists the callers that would be shut out, or might be, and counts the
// others. It leaves out a cure that the report's advice repeats.
func callerLines(r report.Report) []line {
	var lines []line
	if len(r.Callers) > 0 {
		lines = append(lines, line{text: "  who calls the service now, and what becomes of them:"})
	}
	stay := 0
	for _, c := range r.Callers {
		if c.Impact == caller.StaysIn {
			stay++
			continue
		}
		impact := yellow
		if c.Impact == caller.Breaks {
			impact = red
		}
		lines = append(lines, line{lead: fmt.Sprintf("  %-8s ", c.Impact), text: c.String(), style: impact},
			line{lead: "           ", text: c.Why})
		if !slices.ContainsFunc(r.Advice, func(line string) bool { return strings.Contains(line, c.Remedy) }) {
			lines = append(lines, line{lead: "           to keep it working: ", text: c.Remedy, whole: true})
		}
	}
	if stay > 0 {
		lines = append(lines, line{lead: "  stays    ", text: counted(stay, "caller")})
	}
	return lines
}
