package decide

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

// offered is a deployed service whose plan waits for an approval, and the plan.
func offered(t *testing.T) (*situation, Offer) {
	t.Helper()
	s := deployed()
	s.rules.settings.Mode = policy.Approve
	s.facts.Memory = &memory.Service{FirstSeen: noon.Add(-time.Hour)}
	got := s.decide()
	if got.Outcome != report.Planned || got.Offer == nil || len(got.Offer.Steps) != len(got.Plan.Steps) {
		t.Fatalf("%s, offer %+v of %d steps", got.Outcome, got.Offer, len(got.Plan.Steps))
	}
	return s, *got.Offer
}

func TestAnApprovalIsForThePlanAndForOneRun(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(s *situation, a *memory.Approval)
		acts   bool
	}{
		{"of the plan", func(*situation, *memory.Approval) {}, true},
		{"that has expired", func(_ *situation, a *memory.Approval) { a.Expires = noon }, false},
		{"of tomorrow", func(_ *situation, a *memory.Approval) { a.At = noon.Add(time.Hour) }, false},
		{"of a plan without one of its steps", func(_ *situation, a *memory.Approval) { a.Steps = a.Steps[1:] }, false},
		{"of a plan against another version", func(_ *situation, a *memory.Approval) { a.Steps[0].Version = "older" }, false},
		{"that another run used", func(_ *situation, a *memory.Approval) { a.UsedAt, a.Run = ago(10), "another" }, false},
		{"that the open run used, at versions of before", func(s *situation, a *memory.Approval) {
			a.UsedAt, a.Run, a.Steps[0].Version = ago(10), "mine", "older"
			s.facts.Memory.Run = &memory.Run{ID: "mine", Since: ago(10)}
		}, true},
		{"that the open run used the day before yesterday", func(s *situation, a *memory.Approval) {
			a.UsedAt, a.Run = noon.Add(-48*time.Hour), "mine"
			s.facts.Memory.Run = &memory.Run{ID: "mine", Since: a.UsedAt}
		}, false},
		{"in mode report-only", func(s *situation, _ *memory.Approval) { s.rules.settings.Mode = policy.ReportOnly }, false},
		{"while it is held", func(s *situation, _ *memory.Approval) { s.holds = heldUntil(noon.Add(time.Hour)) }, false},
	} {
		s, plan := offered(t)
		a := memory.Approval{PlanID: plan.PlanID, Steps: plan.Steps, By: "approver@example.com", At: ago(5),
			Expires: noon.Add(time.Hour)}
		tc.change(s, &a)
		s.facts.Memory.Approvals = []memory.Approval{a}
		got := s.decide()
		if acts := len(got.Waves) > 0; acts != tc.acts || acts && (got.Approval == nil || got.Offer != nil) {
			t.Errorf("an approval %s: %s with %d waves, approval %v, offer %v", tc.name, got.Outcome, len(got.Waves), got.Approval,
				got.Offer)
		}
	}
}

func TestAnApprovalOverTheLimitNeedsNoSlot(t *testing.T) {
	for _, over := range []bool{false, true} {
		s, plan := offered(t)
		s.facts.Memory.Approvals = []memory.Approval{{PlanID: plan.PlanID, Steps: plan.Steps, OverLimit: over, At: ago(5),
			Expires: noon.Add(time.Hour)}}
		s.facts.Slot = nil
		if got := s.decide().Needs.Slot; (got == nil) != over {
			t.Errorf("over the limit %t: asks for %+v", over, got)
		}
	}
}
