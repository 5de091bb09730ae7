package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/safetext"
)

const (
	// mostMarkdown bounds a comment, in bytes: GitHub takes 65,536 characters.
	mostMarkdown = 60_000
	// mostApprovals bounds how many plans a comment has the command for.
	mostApprovals = 20
)

// markdown is plans as a comment of a pull request. What others wrote stands in code alone,
// where it is neither markup nor a mention.
func markdown(plans []report.Report, file string, flags []string) string {
	e := effectOf(plans)
	var b strings.Builder
	switch e.steps {
	case 0:
		fmt.Fprintf(&b, "## iapguard: nothing to write to %s\n\n", counted(len(plans), "service"))
	default:
		fmt.Fprintf(&b, "## iapguard: %s to %s\n\n", counted(e.steps, "step"), counted(e.services, "service"))
	}
	b.WriteString("Worst first. Nothing was written.\n\n")
	for _, each := range e.lines(time.Now()) {
		fmt.Fprintf(&b, "- **%s** %s\n", strings.TrimSpace(each.lead), inCode(each.text))
	}
	if e.steps > 0 {
		b.WriteString("\n")
	}
	approvals := approvalText(plans, e, file, flags)
	details := plain(planLines(plans))
	if room := mostMarkdown - b.Len() - len(approvals); len(details) > room {
		cut := strings.LastIndex(details[:room], "\n")
		details = details[:cut+1] + "… the rest does not fit a comment: iapguard plan -o FILE has all\n"
	}
	fmt.Fprintf(&b, "<details><summary>What is done, and why</summary>\n\n%s\n</details>\n\n%s", codeBlock(details), approvals)
	return b.String()
}

// approvalText is how a reviewer has the plans carried out.
func approvalText(plans []report.Report, e effect, file string, flags []string) string {
	if e.steps == 0 {
		return "There is nothing to approve.\n"
	}
	var ids, services []string
	for _, r := range plans {
		if !r.WouldAct {
			continue
		}
		services = append(services, r.Subject())
		if r.Mode == policy.Approve && r.PlanID != "" {
			ids = append(ids, shellCommand("approve", []string{r.PlanID}, nil)+"  # "+r.Subject())
		}
	}
	var b strings.Builder
	if len(ids) > 0 {
		b.WriteString("**To approve**, as an approver whom the policy names, once the function has reported the same plan:\n\n")
		b.WriteString(codeBlock(strings.Join(firstsOf(ids, mostApprovals), "\n") + "\n"))
		b.WriteString("\n")
	}
	what := []string{cmp.Or(file, "")}
	if file == "" {
		what = firstsOf(services, mostApprovals)
	}
	b.WriteString("**To apply it by hand**, exactly as it is shown:\n\n")
	if file == "" {
		b.WriteString("(`iapguard plan -o FILE` keeps the plan, so that nothing else is carried out.)\n\n")
	}
	b.WriteString(codeBlock(applyCommand(what, flags) + "\n"))
	return b.String()
}

func firstsOf(list []string, most int) []string { return list[:min(len(list), most)] }

// codeBlock is text in which nothing is markup.
func codeBlock(text string) string {
	fence := fenceFor(text, 3)
	return fence + "\n" + text + fence + "\n"
}

// inCode is a text within a line in which nothing is markup.
func inCode(text string) string {
	text = safetext.Escape(text, mostMarkdown)
	fence := fenceFor(text, 1)
	if fence == "`" {
		return "`" + text + "`"
	}
	return fence + " " + text + " " + fence
}

// fenceFor is a row of backticks that is longer than any in a text.
func fenceFor(text string, shortest int) string {
	longest, row := 0, 0
	for _, r := range text {
		if row++; r != '`' {
			row = 0
		}
		longest = max(longest, row)
	}
	return strings.Repeat("`", max(shortest, longest+1))
}
