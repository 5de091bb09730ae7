package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// text returns a report for a person: target, outcome, doors, steps, and the
// findings that no step closes.
func text(r report.Report) string {
	var b strings.Builder
	r = r.Shown()
	fmt.Fprintf(&b, "%s\n  %s", r.Subject(), strings.ToUpper(string(r.Outcome)))
	if r.Policy != nil {
		fmt.Fprintf(&b, "  (rule %s, mode %s, policy %s)", r.Policy.Rule, r.Mode, r.Policy.Digest)
	}
	b.WriteString("\n")
	b.WriteString(skippedRulesText(r.Policy))
	if r.WaitingFor != nil {
		fmt.Fprintf(&b, "  waiting: %s\n", r.WaitingFor.What)
	}
	if e := r.Exemption; e != nil {
		fmt.Fprintf(&b, "  exempt: %s (%s, %s) until %s\n", e.Reason, e.Ticket, e.Owner, policy.LastDay(e.Expires))
	}
	b.WriteString(doorsText(r.Doors))
	b.WriteString(namedText("iap", r.Accessors, r.AccessorsLeftOff, r.AccessorsAtLeast))
	b.WriteString(namedText("iam", r.Invokers, r.InvokersLeftOff, r.InvokersAtLeast))
	if len(r.Steps) > 0 {
		fmt.Fprintf(&b, "  plan %s: %s\n", r.PlanID, stepsText(r.Steps))
	}
	for i, step := range r.Steps {
		b.WriteString(stepText(i+1, step))
	}
	for _, finding := range r.Findings {
		if !closed(finding, r.Steps) && finding.Code != protection.CallerBreaks {
			fmt.Fprintf(&b, "  %-6s %s  %s\n         %s\n", finding.Severity, finding.Code, finding.Resource, finding.Why)
		}
	}
	b.WriteString(callersText(r))
	for _, each := range r.Evidence {
		fmt.Fprintf(&b, "  asked: %s\n         %s\n", each.What, each.Found)
	}
	b.WriteString(unreadText(r.Unread))
	for _, line := range r.Advice {
		fmt.Fprintf(&b, "  to do: %s\n", line)
	}
	b.WriteString("\n")
	return b.String()
}

// unreadText lists what could not be read, each failure once.
func unreadText(unread []report.Unread) string {
	var b strings.Builder
	var said []string
	for _, one := range unread {
		if !slices.Contains(said, one.Why) {
			said = append(said, one.Why)
			fmt.Fprintf(&b, "  not read: %s\n", one.Why)
		}
	}
	return b.String()
}

// skippedRulesText lists the rules that the labels or the name selected and that did not decide.
func skippedRulesText(p *report.Policy) string {
	if p == nil {
		return ""
	}
	var b strings.Builder
	for _, why := range p.SkippedRules {
		fmt.Fprintf(&b, "  passed over: %s\n", why)
	}
	return b.String()
}

// closed reports whether a step closes a finding. The step is printed with the
// finding's reason, so the finding itself is left out.
func closed(finding report.Finding, steps []report.Step) bool {
	return slices.ContainsFunc(steps, func(step report.Step) bool {
		return step.Resource == finding.Resource && step.Why == finding.Why
	})
}

func stepText(number int, step report.Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %d. %s %-22s %s\n", number, plan.SymbolOf(plan.Op(step.Op)), step.Op, step.Resource)
	if change := changeText(step); change != "" {
		fmt.Fprintf(&b, "       %s\n", change)
	}
	fmt.Fprintf(&b, "       because %s\n", step.Why)
	if step.Result != report.StepPlanned {
		fmt.Fprintf(&b, "       %s\n", step.Result)
	}
	if step.NotBefore != nil {
		fmt.Fprintf(&b, "       not before %s\n", step.NotBefore.Format(time.RFC3339))
	}
	return b.String()
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

func doorsText(doors []report.Door) string {
	var b strings.Builder
	for _, each := range doors {
		mark := " "
		if each.Guard.Exposed() {
			mark = "!"
		}
		where := cmp.Or(each.Address, each.Via)
		if each.Count > 0 {
			where = fmt.Sprintf("%d more addresses of %s", each.Count, each.Via)
		}
		if each.Names != "" {
			where += " for " + each.Names
		}
		fmt.Fprintf(&b, "  %s %-8s %s  (%s)\n", mark, each.Guard, where, each.Kind)
		if each.Why != "" {
			fmt.Fprintf(&b, "             %s\n", each.Why)
		}
		if each.Exempt != "" {
			fmt.Fprintf(&b, "             the door %s\n", each.Exempt)
		}
	}
	return b.String()
}

// above says whose policy lets in who is inherited.
var above = map[string]string{"iam": "by the project's policy", "iap": "by a policy above"}

// namedText lists who gets in at doors with one guard.
func namedText(guard string, named []report.Named, leftOff int, atLeast bool) string {
	var b strings.Builder
	for _, one := range named {
		fmt.Fprintf(&b, "    %s lets in %s", guard, one.Member)
		if one.Conditional {
			b.WriteString(", under a condition")
		}
		if one.Inherited {
			b.WriteString(", " + above[guard])
		}
		b.WriteString("\n")
	}
	if leftOff > 0 {
		fmt.Fprintf(&b, "    %s lets in %d more\n", guard, leftOff)
	}
	switch {
	case atLeast && len(named) == 0:
		fmt.Fprintf(&b, "    %s lets in nobody by name, and others may get in\n", guard)
	case atLeast:
		fmt.Fprintf(&b, "    %s lets in at least these, and others may get in\n", guard)
	}
	return b.String()
}

// callersText lists the callers that would be shut out, or might be, and counts the
// others. It leaves out a cure that the report's advice repeats.
func callersText(r report.Report) string {
	var b strings.Builder
	if len(r.Callers) > 0 {
		b.WriteString("  who calls the service now, and what becomes of them:\n")
	}
	stay := 0
	for _, c := range r.Callers {
		if c.Impact == caller.StaysIn {
			stay++
			continue
		}
		fmt.Fprintf(&b, "  %-8s %s\n           %s\n", c.Impact, c, c.Why)
		if !slices.ContainsFunc(r.Advice, func(line string) bool { return strings.Contains(line, c.Remedy) }) {
			fmt.Fprintf(&b, "           to keep it working: %s\n", c.Remedy)
		}
	}
	if stay > 0 {
		fmt.Fprintf(&b, "  stays    %s\n", counted(stay, "caller"))
	}
	return b.String()
}
