package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/report"
)

// lost are the settings while no policy can be read and none is known.
func lost() policy.Settings {
	settings, _ := policy.Policy{}.Unreadable("the file is broken").For(policy.Subject{})
	settings.Settle, settings.Quiet, settings.Propagation = 0, 0, 0
	return settings
}

func TestWithoutAPolicyOnlyWhatWasGuardedIsWritten(t *testing.T) {
	was := &memory.Service{GuardedSince: noon.Add(-time.Hour)}
	accessor := posture.Policy{Version: "a1", Bindings: []posture.Binding{
		{Role: posture.RoleAccessor, Members: []string{posturetest.Alice}}}}
	for _, tc := range []struct {
		name   string
		change func(*situation)
		want   report.Outcome
		iap    bool // IAP goes on
	}{
		{"never guarded", func(s *situation) {
			s.facts.Memory, s.facts.Posture.Backends[0].Access = &memory.Service{}, accessor
		}, report.Planned, false},
		{"nothing is known of it", func(s *situation) { s.facts.Posture.Backends[0].Access = accessor }, report.Planned, false},
		{"guarded before, and somebody has access", func(s *situation) {
			s.facts.Memory, s.facts.Posture.Backends[0].Access = was, accessor
		}, report.Started, true},
		{"guarded before, and nobody is known to have access", func(s *situation) { s.facts.Memory = was },
			report.Started, false},
		{"guarded before, and it is guarded", func(s *situation) {
			s.protected()
			s.facts.Memory = was
		}, report.Compliant, false},
		{"guarded before, and not open: its ingress may have been kept", func(s *situation) {
			s.protected()
			s.facts.Memory, s.facts.Posture.Service.Ingress = was, posture.IngressAll
		}, report.Compliant, false},
		{"guarded before, held", func(s *situation) {
			s.facts.Memory, s.holds = was, heldUntil(noon.Add(time.Hour))
		}, report.Held, false},
	} {
		s := deployed()
		s.rules.settings = lost()
		tc.change(s)
		decision := s.decide()
		outcome := decision.Outcome
		iap := false
		for _, wave := range decision.Waves {
			outcome = report.Started
			for _, step := range wave {
				_, on := step.Change.(plan.EnableIAP)
				iap = iap || on
				if _, grants := step.Change.(plan.GrantAccess); grants {
					t.Errorf("%s: %+v lets somebody in", tc.name, step)
				}
			}
		}
		for _, step := range decision.Plan.Steps {
			_, on := step.Change.(plan.EnableIAP)
			iap = iap || on && len(decision.Waves) > 0
		}
		if outcome != tc.want || iap != tc.iap {
			t.Errorf("%s: %s, IAP goes on: %t; want %s and %t", tc.name, outcome, iap, tc.want, tc.iap)
		}
		if said := strings.Join(decision.Advice, "\n"); !strings.Contains(said, "the file is broken") {
			t.Errorf("%s: the report does not say that no policy is known: %q", tc.name, said)
		}
	}
}

func TestReportsThatSomebodyAskedForHaveTheNotice(t *testing.T) {
	for _, asked := range []bool{true, false} {
		s := deployed()
		s.protected()
		s.rules.settings.Notice = "policy abc waits for an approver"
		if asked {
			s.request.Cause = event.Cause{Kind: event.CommandReceived, Command: &event.Command{Name: "sweep"}}
		}
		decision := s.decide()
		if got := strings.Contains(strings.Join(decision.Advice, "\n"), "policy abc waits"); got != asked ||
			door.Exposed(door.Of(decision.Posture)) != door.No {
			t.Errorf("asked %t: %q", asked, decision.Advice)
		}
	}
}

func TestAModeForWhatWasGuardedIsOfNothingElse(t *testing.T) {
	for _, was := range []bool{true, false} {
		s := deployed()
		s.rules.settings.Mode, s.rules.settings.ModeAgain = policy.ReportOnly, policy.Enforce
		if was {
			s.facts.Memory = &memory.Service{GuardedSince: noon.Add(-time.Hour)}
		}
		if got := len(s.decide().Waves) > 0; got != was {
			t.Errorf("guarded before %t: written %t", was, got)
		}
	}
}
