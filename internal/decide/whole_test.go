package decide

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/report"
)

// leftPrivate is a private service that its rule leaves. IAP, which is off before it, lets in a
// member that the rule does not name.
func leftPrivate(mode policy.Mode) *situation {
	s := deployed()
	s.rules.settings.Private, s.rules.settings.Mode = policy.PrivateLeave, mode
	p := &s.facts.Posture
	p.Invokers.Bindings = nil
	p.Backends[0].Members[0].Invokers = p.Invokers
	p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: []string{"domain:example.org"}}}
	s.facts.Memory = &memory.Service{FirstSeen: noon.Add(-time.Hour)}
	return s
}

// asked makes the look one for which an operator asked: for the plan of the whole recipe.
func (s *situation) asked() *situation {
	s.request.Whole, s.request.ReadOnly, s.request.By = true, true, "operator@example.com"
	s.request.Cause = event.Cause{Kind: event.CommandReceived, Key: "c", Command: &event.Command{Name: "plan"}}
	return s
}

func TestOnlyAPersonIsOfferedTheWholeRecipe(t *testing.T) {
	var crowd []string
	for i := range mostLetIn + 1 {
		crowd = append(crowd, fmt.Sprintf("user:u%d@example.org", i))
	}
	for _, tc := range []struct {
		name   string
		mode   policy.Mode
		change func(s *situation)
		offers bool
		says   string
	}{
		{"a person asks", policy.Approve, func(s *situation) { s.asked() }, true, "gets in newly: domain:example.org"},
		{"a person asks in mode enforce", policy.Enforce, func(s *situation) { s.asked() }, true, "other than operator@example.com"},
		{"a person asks in mode report-only", policy.ReportOnly, func(s *situation) { s.asked() }, false, "report-only"},
		{"an event", policy.Approve, func(*situation) {}, false, ""},
		{"a sweep", policy.Enforce, func(s *situation) {
			s.request.Cause = event.Cause{Kind: event.CommandReceived, Key: "c", Command: &event.Command{Name: "sweep"}}
		}, false, ""},
		{"a plan of what the rule wants", policy.Approve, func(s *situation) { s.asked().request.Whole = false }, false, ""},
		{"whom IAP lets in is not known", policy.Approve, func(s *situation) {
			s.asked().facts.Posture.Backends[0].Access.Unread = "denied"
		}, false, "not known"},
		{"more get in than a plan names", policy.Approve, func(s *situation) {
			s.asked().facts.Posture.Backends[0].Access.Bindings[0].Members = crowd
		}, false, "1 more get in newly"},
	} {
		s := leftPrivate(tc.mode)
		tc.change(s)
		got := s.decide()
		said := strings.Join(got.Advice, "\n")
		if (got.Offer != nil) != tc.offers || len(got.Waves) > 0 || !strings.Contains(said, tc.says) {
			t.Errorf("%s: %s with %d waves, offer %+v, says %q; want an offer: %t, and %q", tc.name, got.Outcome, len(got.Waves),
				got.Offer, said, tc.offers, tc.says)
		}
	}
}

func TestTheWholeRecipeTakesAnApprovalAndItsCommand(t *testing.T) {
	for _, tc := range []struct {
		name   string
		mode   policy.Mode
		change func(s *situation, a *memory.Approval)
		acts   bool
	}{
		{"of the plan, by its command", policy.Approve, func(*situation, *memory.Approval) {}, true},
		{"in mode enforce", policy.Enforce, func(*situation, *memory.Approval) {}, true},
		{"in mode report-only", policy.ReportOnly, func(*situation, *memory.Approval) {}, false},
		{"of a plan of what the rule wants", policy.Enforce, func(_ *situation, a *memory.Approval) { a.Whole = false }, false},
		{"of another plan", policy.Approve, func(_ *situation, a *memory.Approval) { a.PlanID = "another" }, false},
		{"that has expired", policy.Enforce, func(_ *situation, a *memory.Approval) { a.Expires = noon }, false},
		{"that a run used which has ended", policy.Enforce, func(_ *situation, a *memory.Approval) {
			a.UsedAt, a.Run = ago(10), "mine"
		}, false},
		{"at an event", policy.Enforce, func(s *situation, _ *memory.Approval) {
			s.request.Whole, s.request.Cause = false, event.Cause{Kind: event.RunServiceChanged, Key: "k", At: noon}
		}, false},
		{"by a command that does not say so", policy.Approve, func(s *situation, _ *memory.Approval) { s.request.Whole = false }, false},
		{"without who gets in by now", policy.Approve, func(_ *situation, a *memory.Approval) { a.LetsIn = nil }, false},
		{"with whom IAP lets in unread", policy.Approve, func(s *situation, _ *memory.Approval) {
			s.facts.Posture.Project.Unread = "denied"
		}, false},
	} {
		s := leftPrivate(policy.Approve)
		offer := s.asked().decide().Offer
		if offer == nil {
			t.Fatal("there is no offer")
		}
		s.rules.settings.Mode, s.request.ReadOnly = tc.mode, false
		s.request.Cause.Command = &event.Command{Name: "approve", PlanID: offer.PlanID, WholeRecipe: true}
		a := memory.Approval{PlanID: offer.PlanID, Steps: offer.Steps, Whole: true, LetsIn: offer.LetsIn, At: ago(5),
			Expires: noon.Add(time.Hour)}
		tc.change(s, &a)
		s.facts.Memory.Approvals = []memory.Approval{a}
		if got := s.decide(); (len(got.Waves) > 0) != tc.acts || got.Offer != nil {
			t.Errorf("an approval %s: %s with %d waves, offer %v; want it to act: %t", tc.name, got.Outcome, len(got.Waves), got.Offer,
				tc.acts)
		}
	}
}

func TestWhatAnApprovedRunGrantedIsLeftMeanwhile(t *testing.T) {
	for _, open := range []bool{true, false} {
		s := leftPrivate(policy.Enforce)
		p := &s.facts.Posture
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{posturetest.Agent}}}
		p.Backends[0].Members[0].Invokers = p.Invokers
		s.facts.Memory.AddWrite(memory.Write{Run: "r", Op: string(grantInvoker), Resource: p.Target.Name(),
			Field: "roles/run.invoker", Value: posturetest.Agent, At: ago(10)})
		s.facts.Memory.Approvals = []memory.Approval{{PlanID: "p", Whole: true, UsedAt: ago(20), Run: "r"}}
		if open {
			s.facts.Memory.Run = &memory.Run{ID: "r", Since: ago(20)}
		}
		got := s.decide()
		withdraws := len(got.Waves) > 0 && got.Waves[0][0].Op() == withdrawInvoker
		if withdraws == open || open && got.Outcome != report.Compliant {
			t.Errorf("the run is open %t: %s, takes the grant back %t", open, got.Outcome, withdraws)
		}
	}
}
