package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

// strangers counts how often it is asked, and is let in everywhere or nowhere.
type strangers struct {
	asked int
	in    bool
}

func (s *strangers) Probe(_ context.Context, knocks []door.ProbeRequest) []door.Answer {
	s.asked++
	answers := make([]door.Answer, len(knocks))
	for i := range answers {
		answers[i] = door.Answer{Status: 302, FromIAP: true}
		if s.in {
			answers[i] = door.Answer{Status: 200}
		}
	}
	return answers
}

func TestDoorsAreAskedOnlyWhereThatIsWantedAndSomethingChanged(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name    string
		change  func(r *run, v *view, outcome *report.Outcome, s *strangers)
		asked   int
		outcome report.Outcome
	}{
		{"an event a minute ago", func(*run, *view, *report.Outcome, *strangers) {}, 1, report.Compliant},
		{"the rule does not want it", func(_ *run, v *view, _ *report.Outcome, _ *strangers) { v.settings.Probe = policy.ProbeOff }, 0, report.Compliant},
		{"nobody can ask", func(r *run, _ *view, _ *report.Outcome, _ *strangers) { r.Prober = nil }, 0, report.Compliant},
		{"a plan", func(r *run, _ *view, _ *report.Outcome, _ *strangers) { r.request.DryRun = true }, 0, report.Compliant},
		{"a look", func(r *run, _ *view, _ *report.Outcome, _ *strangers) { r.request.ReadOnly = true }, 0, report.Compliant},
		{"not protected yet", func(_ *run, _ *view, o *report.Outcome, _ *strangers) { *o = report.Waiting }, 0, report.Waiting},
		{"an event of long ago", func(r *run, _ *view, _ *report.Outcome, _ *strangers) { r.request.Cause.At = now.Add(-time.Hour) }, 0, report.Compliant},
		{"a service changed since", func(r *run, v *view, _ *report.Outcome, _ *strangers) {
			r.request.Cause.At, v.posture.Service.UpdatedAt = now.Add(-time.Hour), now.Add(-time.Minute)
		}, 1, report.Compliant},
		{"a command is no change", func(r *run, _ *view, _ *report.Outcome, _ *strangers) {
			r.request.Cause.Command = &event.Command{Name: "sweep"}
		}, 0, report.Compliant},
		{"found kept since", func(r *run, _ *view, _ *report.Outcome, _ *strangers) { r.Memory.keep(shop, now.Add(-time.Second)) }, 0, report.Compliant},
		{"found kept before", func(r *run, _ *view, _ *report.Outcome, _ *strangers) { r.Memory.keep(shop, now.Add(-time.Hour)) }, 1, report.Compliant},
		{"found kept since, and written to just now", func(r *run, _ *view, _ *report.Outcome, _ *strangers) {
			r.Memory.keep(shop, now)
			r.done = []report.Step{{Op: string(plan.EnableIAP), Result: report.StepDone, At: &now}}
		}, 1, report.Compliant},
		{"open within the propagation time", func(_ *run, _ *view, _ *report.Outcome, s *strangers) { s.in = true }, 1, report.Deferred},
		{"open after it", func(_ *run, v *view, _ *report.Outcome, s *strangers) {
			s.in, v.settings.Propagation = true, time.Second
		}, 1, report.Compliant},
	} {
		s := &strangers{}
		r := &run{Engine: &Engine{Prober: s, Memory: &Memory{}, Now: func() time.Time { return now }}, meter: &report.Meter{}}
		r.request.Cause.At = now.Add(-time.Minute)
		v := view{posture: protectedShop(), settings: policy.Settings{Probe: policy.ProbeOn, Propagation: 2 * time.Minute}}
		outcome := report.Compliant
		tc.change(r, &v, &outcome, s)
		got := r.probed(t.Context(), v, r.report(v, outcome))
		if s.asked != tc.asked || got.Outcome != tc.outcome {
			t.Errorf("%s: asked %d times and %s, want %d and %s", tc.name, s.asked, got.Outcome, tc.asked, tc.outcome)
		}
		if told := got.Exposed && got.Doors[0].Guard == door.GuardOpen && len(got.Findings) == 1; told != (s.in && tc.outcome == report.Compliant) {
			t.Errorf("%s: the open door is told: %t (%+v)", tc.name, told, got)
		}
		if tc.asked > 0 && len(got.Evidence) == 0 {
			t.Errorf("%s: no evidence is told", tc.name)
		}
	}
}
