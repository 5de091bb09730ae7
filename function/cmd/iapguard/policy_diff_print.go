package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/policy/change"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// policyDiff is what another policy changes, the riskiest services first.
type policyDiff struct {
	oldDigest, newDigest string
	services             []changes
}

// diffFormats print what another policy changes.
var diffFormats = map[string]func(io.Writer, *policyDiff) error{
	"text": printDiffText,
	"json": func(out io.Writer, d *policyDiff) error {
		for _, each := range d.services {
			if err := json.NewEncoder(out).Encode(each); err != nil {
				return err
			}
		}
		return nil
	},
	"md": printDiffMarkdown,
}

// status is the exit status as an error.
func (d *policyDiff) status(exitCode bool) error {
	failed := func(c changes) bool {
		return c.Old.Outcome == string(report.Failed) || c.New.Outcome == string(report.Failed)
	}
	switch {
	case slices.ContainsFunc(d.services, failed):
		return statusError(exitFailed)
	case exitCode && d.count(change.None) < len(d.services):
		return statusError(exitPending)
	}
	return nil
}

func (d *policyDiff) count(risk change.Risk) int {
	n := 0
	for _, each := range d.services {
		if each.Risk == risk {
			n++
		}
	}
	return n
}

// riskWords are the risks as people read them.
var riskWords = map[change.Risk]string{
	change.Loses: "loses protection", change.Unknown: "not known", change.Loosened: "loosened",
	change.Tightened: "tightened", change.Otherwise: "otherwise",
}

// headline counts the services of each risk, the worst first.
func (d *policyDiff) headline() string {
	var parts []string
	for _, risk := range change.Risks() {
		n, words := d.count(risk), riskWords[risk]
		if risk == change.Loses && n != 1 {
			words = "lose protection"
		}
		if risk != change.None && (n > 0 || risk != change.Unknown) {
			parts = append(parts, fmt.Sprintf("%d %s", n, words))
		}
	}
	changed := len(d.services) - d.count(change.None)
	verb := "change"
	if changed == 1 {
		verb = "changes"
	}
	return fmt.Sprintf("%d of %s %s: %s", changed, counted(len(d.services), "service"), verb, strings.Join(parts, ", "))
}

// alike are services for which the policies change the same.
type alike struct {
	changes
	names []string
}

// groups joins the services that change in the same way, in the order of the risks.
func (d *policyDiff) groups() []*alike {
	var groups []*alike
	for _, each := range d.services {
		if each.Risk == change.None {
			continue
		}
		at := slices.IndexFunc(groups, func(g *alike) bool {
			return g.Risk == each.Risk && g.why() == each.why() && g.Old.String() == each.Old.String() &&
				g.New.String() == each.New.String()
		})
		if at < 0 {
			groups, at = append(groups, &alike{changes: each}), len(groups)
		}
		groups[at].names = append(groups[at].names, each.Service)
	}
	return groups
}

// why says in what a service is looser or stricter.
func (c changes) why() string {
	var parts []string
	if c.Why != "" {
		parts = append(parts, posture.Shown(c.Why))
	}
	for _, each := range []struct {
		word string
		keys []string
	}{{"looser in", c.Looser}, {"stricter in", c.Tighter}, {"different in", c.Other}} {
		if len(each.keys) > 0 {
			parts = append(parts, each.word+" "+strings.Join(each.keys, ", "))
		}
	}
	if len(parts) == 0 {
		return "by the services beside it, or by another rule that says the same"
	}
	return strings.Join(parts, "; ")
}

// mostAlike bounds how many services of one group are named to people.
const mostAlike = 10

// shown are the names of a group, and how many more there are.
func (a *alike) shown() (names []string, more int) {
	n := min(len(a.names), mostAlike)
	return a.names[:n], len(a.names) - n
}

// riskStyles are the styles of the risks.
var riskStyles = map[change.Risk]style{change.Loses: red, change.Unknown: yellow, change.Loosened: yellow, change.Tightened: green}

func printDiffText(out io.Writer, d *policyDiff) error {
	lines := []line{textLine("%s", d.headline())}
	for _, group := range d.groups() {
		lines = append(lines, line{}, line{lead: riskWords[group.Risk] + ": ", text: group.why(), style: riskStyles[group.Risk],
			hang: 2})
		names, more := group.shown()
		for _, name := range names {
			lines = append(lines, textLine("  %s", name))
		}
		if more > 0 {
			lines = append(lines, textLine("  and %d more; --format json names all", more))
		}
		lines = append(lines, group.Old.lines("  old: ")...)
		lines = append(lines, group.New.lines("  new: ")...)
	}
	newScreen(out).print(lines...)
	return nil
}

func (e prediction) lines(lead string) []line {
	all := textLines(e.String())
	all[0].lead, all[0].hang = lead, 0
	return all
}

func printDiffMarkdown(out io.Writer, d *policyDiff) error {
	if _, err := fmt.Fprintf(out, "### iapguard policy: %s\n\nFrom %s to %s.\n", d.headline(), code(d.oldDigest),
		code(d.newDigest)); err != nil {
		return err
	}
	groups := d.groups()
	if len(groups) == 0 {
		return nil
	}
	fmt.Fprint(out, "\n| risk | services | why | old | new |\n|---|---|---|---|---|\n")
	room, left := mostMarkdown, 0 // the riskiest come first
	for _, group := range groups {
		names, more := group.shown()
		var cells []string
		for _, name := range names {
			cells = append(cells, code(name))
		}
		if more > 0 {
			cells = append(cells, fmt.Sprintf("and %d more", more))
		}
		risk := riskWords[group.Risk]
		if group.Risk == change.Loses || group.Risk == change.Unknown {
			risk = "**" + risk + "**"
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s |\n", risk, strings.Join(cells, "<br>"), code(group.why()),
			code(group.Old.String()), code(group.New.String()))
		if room -= len(row); room < 0 {
			left += len(group.names)
			continue
		}
		fmt.Fprint(out, row)
	}
	if left > 0 {
		fmt.Fprintf(out, "\nAnd %s more: `iapguard policy diff` names all, with `--format json`.\n", counted(left, "service"))
	}
	return nil
}

// code is a text as code in a cell of a table: nothing in it is read as Markdown, HTML or a
// name of somebody.
func code(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return "<code>" + strings.NewReplacer("|", "&#124;", "@", "&#64;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "~", "&#126;",
		"[", "&#91;", "\\", "&#92;", "://", "&#58;//").Replace(html.EscapeString(text)) + "</code>"
}
