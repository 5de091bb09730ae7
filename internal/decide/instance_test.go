package decide

import (
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

func TestAnInstanceIsToldAndNeverChanged(t *testing.T) {
	exemption := &policy.Exemption{Owner: "o", Ticket: "t", Reason: "r", Expires: noon.Add(time.Hour)}
	for _, tc := range []struct {
		name    string
		change  func(*situation)
		outcome report.Outcome
		skipped bool
	}{
		{"an event under a rule", func(*situation) {}, report.Uncovered, false},
		{"a sweep", func(s *situation) { s.request.Cause.Kind = event.CommandReceived }, report.Uncovered, false},
		{"a person's apply", func(s *situation) { s.request.Consent = true }, report.Uncovered, false},
		{"a question why it refuses", func(s *situation) { s.request.Diagnose = true }, report.Uncovered, false},
		{"it is exempt", func(s *situation) { s.rules.settings.Exemption = exemption }, report.Exempt, false},
		{"an event that no rule covers", func(s *situation) { s.rules.outside = true }, "", true},
		{"a sweep where no rule covers it",
			func(s *situation) { s.rules.outside, s.request.Cause.Kind = true, event.CommandReceived }, report.Uncovered, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := deployed()
			s.facts.Posture.Target.Instance, s.facts.Posture.Backends = true, nil
			s.request.Target = s.facts.Posture.Target
			tc.change(s)
			got := s.decide()
			gap := func(f protection.Finding) bool { return f.Disposition != protection.Remarks || f.Change != nil }
			if got.Outcome != tc.outcome || got.OutOfScope != tc.skipped || got.Waves != nil ||
				slices.ContainsFunc(got.Findings, gap) || len(got.Plan.Steps) > 0 ||
				(len(got.Findings) > 0) == s.rules.outside {
				t.Errorf("outcome %q, out of scope %v, %d waves, findings %v; want %q, %v and nothing to do",
					got.Outcome, got.OutOfScope, len(got.Waves), got.Findings, tc.outcome, tc.skipped)
			}
		})
	}
}
