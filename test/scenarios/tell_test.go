package scenarios

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// shown is a report in the lines that a story compares: its outcome, what
// was found, each step, and what a person is to do. A started report has only
// what was found: its steps are those of the report that follows.
func shown(r report.Report) []string {
	lines := []string{string(r.Outcome)}
	var codes []string
	for _, finding := range r.Findings {
		codes = append(codes, string(finding.Code))
	}
	if len(codes) > 0 {
		lines[0] += ": " + strings.Join(codes, " ")
	}
	switch r.Exposed {
	case "yes":
		lines[0] += " (a door is open)"
	case "unknown":
		lines[0] += " (a door may be open)"
		if r.Accepted {
			lines[0] += ", as the policy accepts"
		}
	}
	if r.Policy != nil {
		for _, why := range r.Policy.SkippedRules {
			lines = append(lines, "- passed over: "+why)
		}
	}
	if r.Verdict != "" {
		lines = append(lines, "- "+r.Verdict+": "+timeless(people(r.Why)))
	}
	if r.WaitingFor != nil && r.WaitingFor.What != r.Why {
		lines = append(lines, "- waits: "+braking.ReplaceAllString(r.WaitingFor.What, "$1 until …:"))
	}
	if e := r.Exemption; e != nil {
		lines = append(lines, fmt.Sprintf("- excused: %s (%s, %s) until %s", e.Reason, e.Ticket, e.Owner,
			policy.LastDay(e.Expires)))
	}
	if r.Outcome == report.Started {
		return lines
	}
	for _, step := range r.Steps {
		lines = append(lines, fmt.Sprintf("- %s %s: %s", step.Result, step.Op, change(step)))
	}
	if c := r.Contest; c != nil {
		for _, actor := range c.Actors {
			lines = append(lines, fmt.Sprintf("- undone: %s, %d times, by %s with %s", c.Field, c.Rounds, actor.Principal,
				actor.UserAgent))
		}
		for line := range strings.Lines(c.Fix) {
			lines = append(lines, strings.TrimRight("- fix: "+line, "\n "))
		}
	}
	for _, each := range r.Evidence {
		if asked, ok := strings.CutPrefix(each.What, "a request without credentials to "); ok {
			lines = append(lines, fmt.Sprintf("- asked %s: %s", asked, each.Found))
		}
	}
	for _, finding := range r.Findings {
		if finding.Code == protection.ProbeOpen {
			lines = append(lines, "- because "+finding.Why)
		}
	}
	if r.Outcome != report.Blocked && r.Outcome != report.Failed && r.Verdict == "" {
		return lines
	}
	for _, finding := range r.Findings {
		if finding.Code == protection.SharedBackend {
			lines = append(lines, "- because "+finding.Why)
		}
	}
	for _, advice := range r.Advice {
		lines = append(lines, "- to do: "+timeless(people(advice)))
	}
	return lines
}

// changing are parts of a text that are other ones every time, and what a story
// shows for them.
var changing = []struct {
	part  *regexp.Regexp
	shown string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "…"},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+s ago`), "… ago"},
	{regexp.MustCompile(`closes it at …, in \d+ hours?`), "closes it at …"},
	{regexp.MustCompile(`([a-z0-9-]+-\d{5})-[a-z0-9]{3}\b`), "$1"},             // a revision's name
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "…"}, // a run's id
	{regexp.MustCompile(`\b\d{19}\b`), "…"},                                    // a resource's id
	// several are read at once, and the first that fails is reported
	{regexp.MustCompile(`reading the access policy of "[^"]+"`), `reading the access policy of "…"`},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:…"},
}

// braking is until when a hold, a limit or the circuit breaker stops writes.
var braking = regexp.MustCompile(`(is held|is used up|holds [a-z-]+) until [0-9T:-]+Z:`)

func timeless(text string) string {
	for _, each := range changing {
		text = each.part.ReplaceAllString(text, each.shown)
	}
	return text
}

func change(step report.Step) string {
	step.From, step.To = people(step.From), people(step.To)
	where := step.Resource[strings.LastIndex(step.Resource, "/")+1:]
	switch {
	case step.From == "":
		if step.Condition != nil {
			return where + " + " + step.To + " if " + step.Condition.String()
		}
		return where + " + " + step.To
	case step.To == "":
		return where + " - " + step.From
	}
	return timeless(fmt.Sprintf("%s %s %s -> %s", where, step.Field, step.From, step.To))
}

// people gives IAP's service agent the name that a story knows it by.
func people(members string) string {
	return strings.ReplaceAll(members, "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com",
		"IAP's agent")
}

// tellAll shows reports one after the other. What says the same as the one
// before is left out: several events report one change.
func tellAll(reports []report.Report) []string {
	var lines []string
	var last string
	for _, one := range reports {
		parts := shown(one)
		if text := strings.Join(parts, "\n"); text != last {
			lines, last = append(lines, parts...), text
		}
	}
	return lines
}

// doors shows the doors of a report, and what could not be read, by the names
// that stories know.
func doors(r report.Report) []string {
	var lines []string
	for _, door := range r.Doors {
		line := fmt.Sprintf("%s %s: %s", door.Kind, door.Address, door.Guard)
		if door.Why != "" {
			line += " (" + door.Why + ")"
		}
		if door.Exempt != "" {
			line += ", " + door.Exempt
		}
		lines = append(lines, line)
	}
	for _, unread := range r.Unread {
		lines = append(lines, "not read: "+unread.Why)
	}
	return lines
}
