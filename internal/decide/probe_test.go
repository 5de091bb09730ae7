package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

// probeCase is a run that came to its end, and what answers at the doors.
type probeCase struct {
	decision Decision
	request  Request
	keptAt   time.Time
	in       bool // a stranger gets in everywhere
}

// strangers are the answers that a stranger gets.
func strangers(probes []door.ProbeRequest, in bool) []door.Answer {
	var answers []door.Answer
	for _, probe := range probes {
		answer := door.Answer{To: probe, Status: 302, FromIAP: true}
		if in {
			answer = door.Answer{To: probe, Status: 200}
		}
		answers = append(answers, answer)
	}
	return answers
}

func TestDoorsAreAskedOnlyWhereThatIsWantedAndSomethingChanged(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name    string
		change  func(c *probeCase)
		asked   bool
		outcome report.Outcome
	}{
		{"an event a minute ago", func(c *probeCase) {}, true, report.Compliant},
		{"the rule does not want it", func(c *probeCase) { c.decision.Settings.Probe = policy.ProbeOff }, false,
			report.Compliant},
		{"a plan", func(c *probeCase) { c.request.DryRun = true }, false, report.Compliant},
		{"a look", func(c *probeCase) { c.request.ReadOnly = true }, false, report.Compliant},
		{"not protected yet", func(c *probeCase) { c.decision.Outcome = report.Waiting }, false, report.Waiting},
		{"an event of long ago", func(c *probeCase) { c.request.Cause.At = now.Add(-time.Hour) }, false, report.Compliant},
		{"a service changed since", func(c *probeCase) {
			c.request.Cause.At, c.decision.Posture.Service.UpdatedAt = now.Add(-time.Hour), now.Add(-time.Minute)
		}, true, report.Compliant},
		{"a command changes nothing", func(c *probeCase) {
			c.request.Cause.Command = &event.Command{Name: "sweep"}
		}, false, report.Compliant},
		{"found kept since", func(c *probeCase) { c.keptAt = (now.Add(-time.Second)) }, false, report.Compliant},
		{"found kept before", func(c *probeCase) { c.keptAt = (now.Add(-time.Hour)) }, true, report.Compliant},
		{"found kept since, and written to just now", func(c *probeCase) {
			c.keptAt = (now)
			c.decision.Run.Done = []report.Step{{Op: string(enableIAP), Result: report.StepDone, At: &now}}
		}, true, report.Compliant},
		{"open within the propagation time", func(c *probeCase) { c.in = true }, true, report.Deferred},
		{"open after it", func(c *probeCase) {
			c.in, c.decision.Settings.Propagation = true, time.Second
		}, true, report.Compliant},
	} {
		c := &probeCase{decision: Decision{
			Outcome: report.Compliant, Posture: protectedShop(),
			Settings: policy.Settings{Probe: policy.ProbeOn, Propagation: 2 * time.Minute},
		}}
		c.request.Cause.At = now.Add(-time.Minute)
		tc.change(c)
		probes := Probes(c.decision, c.request, c.keptAt, now)
		if asked := len(probes) > 0; asked != tc.asked {
			t.Errorf("%s: asked %t, want %t", tc.name, asked, tc.asked)
		}
		if len(probes) == 0 {
			continue
		}
		got := WithAnswers(c.decision, c.request, strangers(probes, c.in), now)
		doors := got.Doors(door.Of(c.decision.Posture))
		open := door.Exposed(doors) == door.Yes && doors[0].Guard == door.GuardOpen && len(got.Decision.Findings) == 1
		if got.Decision.Outcome != tc.outcome || open != (c.in && tc.outcome == report.Compliant) || len(got.Evidence) == 0 {
			t.Errorf("%s: %s, open %t with %d pieces of evidence, want %s", tc.name, got.Decision.Outcome, open,
				len(got.Evidence), tc.outcome)
		}
	}
}
