package decide

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/traffic"
)

// stuckRevision is a protected service about which the request log has one refused request that
// nothing explains.
func stuckRevision() *situation {
	s := deployed()
	s.protected()
	s.rules.settings.Redeploy = policy.RedeployEnforce
	s.facts.Posture.Invokers.ChangedAt = noon.Add(-time.Hour)
	s.facts.Posture.Service.CreatedAt = noon.Add(-48 * time.Hour)
	serving := posture.Revision{Name: "hello-00001", Creator: "dev@example.com", CreatedAt: noon.Add(-48 * time.Hour)}
	s.facts.Examination = &posture.Examination{Rollout: posture.Rollout{Serving: serving, Newest: serving, OnLatest: true}}
	s.request.Diagnose = true
	s.request.Cause = event.Cause{Kind: event.RunRequestDenied, Key: "k", At: noon.Add(-10 * time.Minute),
		Symptom: &event.Symptom{Status: 403, URL: "https://hello.example.com/",
			Text: "The request was not authenticated. Either allow unauthenticated invocations or …"}}
	return s
}

func TestOneWitnessRedeploysNothing(t *testing.T) {
	denied := &posture.Unread{Resource: "projects/demo-project/timeSeries", Why: "denied", Permission: "monitoring.timeSeries.list"}
	recently := func(s *situation) { s.request.Cause.At = noon.Add(-time.Minute) }
	exempt := &policy.Exemption{Owner: "o", Ticket: "t", Reason: "r", Expires: noon.Add(time.Hour)}
	for _, tc := range []struct {
		name    string
		counted *doctor.Counted
		change  func(*situation)
		want    report.Outcome
		unread  int
	}{
		{"both agree", &doctor.Counted{Forbidden: 1}, nil, report.Started, 0},
		{"no 403 was counted", &doctor.Counted{}, nil, report.Planned, 0},
		{"no 403 was counted yet", &doctor.Counted{}, recently, report.Deferred, 0},
		{"the count may not be read", &doctor.Counted{Unread: denied}, nil, report.Planned, 1},
		{"a person asks", &doctor.Counted{}, func(s *situation) { s.request.Consent = true }, report.Planned, 0},
		{"a person asks past the limit", &doctor.Counted{}, func(s *situation) {
			s.request.Consent, s.request.OverLimit = true, true
		}, report.Planned, 0},
		{"the rule has people approve", &doctor.Counted{Forbidden: 1},
			func(s *situation) { s.rules.settings.Mode = policy.Approve }, report.Planned, 0},
		{"the service is exempt", nil, func(s *situation) { s.rules.settings.Exemption = exempt }, report.Exempt, 0},
	} {
		s := stuckRevision()
		s.facts.Forbidden = tc.counted
		if tc.change != nil {
			tc.change(s)
		}
		got := s.decide()
		if got.Needs.Any() || got.Outcome != tc.want || (len(got.Waves) > 0) != (tc.want == report.Started) {
			t.Errorf("%s: %s with needs %+v and %d waves (%+v), want %s", tc.name, got.Outcome, got.Needs, len(got.Waves),
				got.Diagnosis, tc.want)
		}
		if len(got.Run.Unread) != tc.unread {
			t.Errorf("%s: unread %+v", tc.name, got.Run.Unread)
		}
	}
}

// A slot is asked for only once both witnesses agree: forged entries take none.
func TestTheSecondWitnessIsAskedBeforeALimit(t *testing.T) {
	s := stuckRevision()
	s.facts.Slot, s.facts.Breaker = nil, nil
	backend := s.facts.Posture.Backends[0]
	way := traffic.Way{Rule: backend.Frontends[0].Resource, Backend: backend.Resource()}
	want := Needs{Forbidden: &doctor.Question{Ways: []traffic.Way{way}, From: noon.Add(-20 * time.Minute),
		To: noon}}
	if diff := cmp.Diff(want, s.decide().Needs); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	s.facts.Forbidden = &doctor.Counted{}
	if got := s.decide(); got.Needs.Any() {
		t.Errorf("without a second witness it needs %+v", got.Needs)
	}
	s.facts.Forbidden = &doctor.Counted{Forbidden: 1}
	if diff := cmp.Diff(Needs{Breaker: true}, s.decide().Needs); diff != "" {
		t.Errorf("with it (-want +got):\n%s", diff)
	}
	s.facts.Breaker = &memory.Breaker{}
	if got := s.decide().Needs; got.Slot == nil {
		t.Errorf("with the breaker it needs %+v, want a slot", got)
	}
}
