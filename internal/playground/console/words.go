package console

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/safetext"
)

// maxText bounds each text of an item.
const maxText = 300

// maxPoints bounds the reasons of an item, and the lines of its text.
const maxPoints = 14

func safe(text string) string { return safetext.Escape(text, maxText) }

// safe is the item with what others wrote made safe to show.
func (i item) safe() item {
	i.Text, i.Detail, i.Code = safe(i.Text), safe(i.Detail), safe(i.Code)
	i.Points, i.Block = safeLines(i.Points), safeLines(i.Block)
	return i
}

// safeLines are the first of some lines, and how many more there are.
func safeLines(lines []string) []string {
	var all []string
	for n, each := range lines {
		if n == maxPoints {
			return append(all, fmt.Sprintf("… and %d more", len(lines)-n))
		}
		all = append(all, safe(each))
	}
	return all
}

// happened are the kinds of causes in words.
var happened = map[event.Kind]string{
	event.RunServiceChanged: "changed the service", event.RunServiceReady: "A revision is ready",
	event.RunServiceDeleted: "deleted a service", event.RunIAMChanged: "changed who may invoke the service",
	event.RunRequestDenied: "Cloud Run refused a request", event.BackendServiceChanged: "changed a backend service",
	event.RoutingChanged: "changed a load balancer", event.IAPPolicyChanged: "changed who IAP lets in",
	event.IAPSettingsChanged: "changed settings of IAP", event.LBRequestDeniedByIAP: "IAP refused a request",
	event.ProjectIAMChanged: "changed a role in the project", event.APIDisabled: "switched an API off",
}

// logItem is a log entry.
func logItem(cause event.Cause) item {
	text := cmp.Or(happened[cause.Kind], strings.ReplaceAll(string(cause.Kind), "-", " "))
	if cause.Kind == event.RunServiceChanged && strings.Contains(cause.Method, "Create") {
		text = "deployed the service"
	}
	if cause.Principal != "" {
		text = cause.Principal + " " + text
	}
	one := item{Kind: logged, At: cause.At, Text: text, key: cause.Key,
		Code: method(cause.Method) + " " + path.Base(cmp.Or(cause.Service, cause.BackendService, cause.Resource))}
	if strings.Contains(cause.UserAgent, "erraform") {
		one.Detail = "with " + cause.UserAgent
	}
	if cause.Symptom != nil {
		one.Code, one.Detail = fmt.Sprintf("%d %s", cause.Symptom.Status, cause.Symptom.URL), cause.Symptom.Text
	}
	return one
}

// method is the last words of a method's name: the API and its version stand before them.
func method(name string) string {
	parts := strings.Split(path.Base(name), ".")
	return strings.Join(parts[max(0, len(parts)-2):], ".")
}

// callItem is a write of the function's.
func callItem(entry apiserver.CallEntry) item {
	one := item{Kind: called, Text: entry.Method, Code: resourceOf(entry.Resource)}
	if entry.Status >= 300 {
		one.Tone, one.Detail = bad, fmt.Sprintf("answered with %d", entry.Status)
	}
	return one
}

// outcomes are what the outcomes of reports mean, and how good that is.
var outcomes = map[report.Outcome]struct {
	text string
	tone tone
}{
	report.Compliant:  {"Nothing to do: every door is as the policy wants it", good},
	report.Protected:  {"Protected, and verified by reading again", good},
	report.Redeployed: {"Redeployed: one new revision", good},
	report.Exempt:     {"Exempt: the policy excuses this service", wait},
	report.Planned:    {"Planned: the policy lets a person decide", wait},
	report.Held:       {"Held: nothing is written", wait},
	report.Waiting:    {"Waiting: something outside has to come first", wait},
	report.Deferred:   {"Decided: not yet", wait},
	report.Started:    {"Decided: protect it", calm},
	report.Contested:  {"Contested: somebody keeps undoing this", bad},
	report.Blocked:    {"Blocked: this cannot be done", bad},
	report.Failed:     {"Failed, and will be tried again", bad},
	report.Rejected:   {"Rejected: the message cannot be read", bad},
	report.Uncovered:  {"No rule of the policy covers this service", wait},
}

// reportItem is a report: a decision before anything was done, or how the run ended.
func reportItem(r report.Report) item {
	says := outcomes[r.Outcome]
	one := item{Kind: reported, Text: cmp.Or(says.text, string(r.Outcome)), Tone: says.tone,
		key: r.RunID + string(r.Outcome)}
	switch r.Outcome {
	case report.Started:
		one.Kind = decided
		for _, step := range r.Steps {
			one.Points = append(one.Points, step.Op+": "+step.Why)
		}
		one.Text += ", in " + counted(len(r.Steps), "step")
		return one
	case report.Deferred:
		// Looks that end in the same words are one.
		one.Kind, one.key = decided, string(r.Outcome)
	}
	switch {
	case r.Contest != nil:
		one.Detail = fmt.Sprintf("%s was undone %s. The fix at its source:", r.Contest.Field,
			counted(r.Contest.Rounds, "time"))
		one.Block = strings.Split(strings.TrimSpace(r.Contest.Fix), "\n")
	case r.WaitingFor != nil:
		one.Detail = r.WaitingFor.What
	case r.Exemption != nil:
		one.Detail = r.Exemption.Reason
	case r.Why != "":
		one.Detail = r.Verdict + ": " + r.Why
	case len(r.Findings) > 0 && one.Kind == reported && one.Tone != good:
		one.Detail = r.Findings[0].Why
	}
	if one.Detail == "" && one.Kind == reported && one.Tone == good && r.Outcome != report.Compliant {
		one.Detail = fmt.Sprintf("%s and %s in %s", counted(len(r.Steps), "step"), counted(int(r.Calls), "API call"),
			(time.Duration(r.ElapsedMS) * time.Millisecond).Round(time.Millisecond))
	}
	if r.Exposed == door.Yes && one.Tone != good {
		one.Tone, one.Text = bad, one.Text+" (a door is open)"
	}
	return one
}

func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
