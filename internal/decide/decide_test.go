package decide

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// situation is one decision with everything that it rests on. The zero of a test
// is a public service behind a load balancer, an event, a policy that enforces
// without waits, nothing that was written before, nobody who calls.
type situation struct {
	facts   Facts
	rules   rules
	holds   Holds
	unread  error // why the holds cannot be read
	request Request
}

func deployed() *situation {
	p := posturetest.Protected()
	p.ObservedAt, p.Service.UID = noon, "uid"
	p.Service.Ingress, p.Service.CreatedAt = posture.IngressAll, noon.Add(-time.Hour)
	p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}
	p.Backends[0].IAPOn, p.Backends[0].Access = false, posture.Policy{Version: "a1"}
	p.Backends[0].Members[0].Invokers = p.Invokers
	settings := policy.DefaultSettings()
	settings.Rule, settings.Mode, settings.Access = "shops", policy.Enforce, []string{posturetest.Alice}
	settings.Settle, settings.Quiet, settings.Propagation = 0, 0, 0
	return &situation{
		facts: Facts{
			Posture: p, Self: ourselves(us), Run: Run{Began: noon, Round: 1},
			History: &History{}, Callers: &Callers{}, Slot: &Slot{}, Breaker: &memory.Breaker{},
		},
		rules:   rules{settings: settings},
		request: Request{Target: p.Target, Cause: event.Cause{Kind: event.RunServiceChanged, Key: "k", At: noon}},
	}
}

func (s *situation) decide() Decision {
	return Decide(s.facts, Settings{Policy: s.rules, Holds: s.holds, HoldsUnread: s.unread}, s.request, noon)
}

// protected makes the service one on which nothing is left to do.
func (s *situation) protected() {
	p := posturetest.Protected()
	p.ObservedAt, p.Service.UID = noon, "uid"
	s.facts.Posture = p
}

// did notes a step that the run has taken.
func (s *situation) did(step plan.Step, result report.Result, after string) {
	done := report.StepOf(step, result)
	done.At, done.VersionAfter = &noon, after
	s.facts.Run.Done, s.facts.Run.Round = append(s.facts.Run.Done, done), 2
}

type heldUntil time.Time

func (h heldUntil) Covering(subject policy.Subject, at time.Time) *policy.Hold {
	if until := time.Time(h); at.Before(until) {
		return &policy.Hold{Scope: posture.Scope(subject.Target), Until: until, Reason: "load test", By: "alice"}
	}
	return nil
}

var iapStep = plan.Step{Change: plan.EnableIAP{},
	Resource: "projects/demo-project/global/backendServices/hello-backend"}

func TestEveryOutcomeAndEveryStop(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*situation)
		want   report.Outcome
		waves  int    // how many are performed now
		says   string // a part of what the decision waits for or advises
	}{
		{"a public service", func(*situation) {}, report.Started, 6, ""},
		{"nothing is left to do", (*situation).protected, report.Compliant, 0, ""},
		{"the rest was done by this run", func(s *situation) {
			s.protected()
			s.did(iapStep, report.StepDone, "f1")
		}, report.Protected, 0, ""},
		{"a failed step took effect", func(s *situation) {
			s.protected()
			s.did(iapStep, report.StepFailed, "")
		}, report.Protected, 0, ""},
		{"a sweep found it", func(s *situation) {
			s.protected()
			s.did(iapStep, report.StepDone, "f1")
			s.request.Cause.Command = &event.Command{Name: "sweep"}
		}, report.Protected, 0, "found by a sweep"},

		{"report-only", func(s *situation) { s.rules.settings.Mode = policy.ReportOnly }, report.Planned, 0, ""},
		{"approve, without a plan's id", func(s *situation) {
			s.rules.settings.Mode = policy.Approve
			s.request.Cause.Command = &event.Command{Name: "apply"}
		}, report.Planned, 0, ""},
		{"a dry run", func(s *situation) { s.request.DryRun = true }, report.Planned, 0, ""},
		{"read-only", func(s *situation) { s.request.ReadOnly = true }, report.Planned, 0, ""},
		{"another plan's id in mode approve", func(s *situation) {
			s.rules.settings.Mode = policy.Approve
			s.request.Cause.Command = &event.Command{Name: "apply", PlanID: "0123456789abcdef"}
		}, report.Planned, 0, "the command names plan 0123456789abcdef"},
		{"another plan's id in mode enforce", func(s *situation) {
			s.request.Cause.Command = &event.Command{Name: "apply", PlanID: "0123456789abcdef"}
		}, report.Planned, 0, "the command names plan 0123456789abcdef"},
		{"older than its rule", func(s *situation) { s.rules.settings.Since = noon }, report.Planned, 0, "created since"},
		{"older than its rule, on a person's word", func(s *situation) {
			s.rules.settings.Since, s.request.Consent = noon, true
		}, report.Started, 6, ""},

		{"exempt", func(s *situation) {
			s.rules.settings.Exemption = &policy.Exemption{Owner: "o", Ticket: "T-1", Reason: "r",
				Expires: noon.Add(49 * time.Hour)}
		}, report.Exempt, 0, "2 days are left of the exemption T-1"},
		{"exempt until a moment ago", func(s *situation) {
			s.rules.settings.Exemption = &policy.Exemption{Owner: "o", Ticket: "T-1", Reason: "r", Expires: noon}
		}, report.Started, 6, ""},
		{"held", func(s *situation) { s.holds = heldUntil(noon.Add(time.Hour)) }, report.Held, 0,
			"is held until 2026-12-01T13:00:00Z: load test"},
		{"the hold has ended", func(s *situation) { s.holds = heldUntil(noon) }, report.Started, 6, ""},
		{"the holds cannot be read", func(s *situation) { s.unread = errors.New("denied") }, report.Held, 0,
			"while the holds cannot be read: denied"},
		{"holds unread, not guarded before", func(s *situation) {
			s.unread, s.holds = errors.New("denied"), heldUntil(noon)
		}, report.Held, 0, "while the holds cannot be read, only what was guarded before is written: denied"},
		{"holds unread, guarded before", func(s *situation) {
			s.unread, s.holds = errors.New("denied"), heldUntil(noon)
			s.facts.Memory = &memory.Service{GuardedSince: noon.Add(-time.Hour)}
		}, report.Started, 6, ""},
		{"holds unread, guarded before, and held by a last good one", func(s *situation) {
			s.unread, s.holds = errors.New("denied"), heldUntil(noon.Add(time.Hour))
			s.facts.Memory = &memory.Service{GuardedSince: noon.Add(-time.Hour)}
		}, report.Held, 0, "is held until 2026-12-01T13:00:00Z: load test"},
		{"holds unread, guarded before, and no good one is known", func(s *situation) {
			s.unread = errors.New("denied")
			s.facts.Memory = &memory.Service{GuardedSince: noon.Add(-time.Hour)}
		}, report.Held, 0, "nothing is written while the holds cannot be read: denied"},
		{"the hourly limit", func(s *situation) {
			s.protected()
			s.facts.Posture.Backends[0].IAPOn = false
			s.rules.settings.Private = policy.PrivateInclude
			s.facts.Slot = &Slot{UsedUp: "two were", Until: noon.Add(time.Hour)}
		}, report.Held, 0, "the hourly limit is used up until 2026-12-01T13:00:00Z: two were"},
		{"the circuit breaker", func(s *situation) {
			s.protected()
			s.facts.Posture.Backends[0].IAPOn = false
			s.rules.settings.Private = policy.PrivateInclude
			s.facts.Breaker.Failures = []memory.Failure{failure(0, hello.Project, hello.Name(), iapStep)}
		}, report.Held, 0, "the circuit breaker holds enable-iap until 2026-12-01T13:00:00Z"},

		{"no load balancer", func(s *situation) {
			s.facts.Posture.Backends = nil
			s.facts.Posture.Invokers.Bindings[0].Members = []string{posturetest.Agent, "allUsers"}
			s.facts.Posture.Service.Ingress = posture.IngressInternal
		}, report.Waiting, 0, "no load balancer's backend service leads to the service"},
		{"no load balancer before a private service", func(s *situation) {
			s.facts.Posture.Backends = nil
			s.facts.Posture.Invokers.Bindings[0].Members = []string{posturetest.Agent, posturetest.Alice}
			s.facts.Posture.Service.Ingress = posture.IngressAll
		}, report.Compliant, 0, ""},
		{"too early", func(s *situation) {
			s.rules.settings.Settle, s.rules.settings.Quiet = time.Minute, time.Minute
			s.facts.Posture.Service.UpdatedAt = noon.Add(-time.Second)
		}, report.Deferred, 0, ""},
		{"being deployed", func(s *situation) { s.facts.Posture.Service.Reconciling = true }, report.Deferred, 0,
			"still being deployed"},
		{"after too many rounds", func(s *situation) { s.facts.Run.Round = maxRounds + 1 }, report.Deferred, 0,
			"kept changing"},
		{"contested", func(s *situation) {
			s.facts.Memory = turnedOn(ago(10), ago(30), ago(20))
		}, report.Started, 4, ""},
		{"contested, and all else is done", func(s *situation) {
			s.protected()
			s.rules.settings.Private, s.facts.Posture.Backends[0].IAPOn = policy.PrivateInclude, false
			s.facts.Memory = turnedOn(ago(10), ago(30), ago(20))
		}, report.Contested, 0, "was undone 3 times in 24 hours, last by dev@example.com"},
		{"contested, and written again after the pause", func(s *situation) {
			s.protected()
			s.did(iapStep, report.StepDone, "f1")
			s.facts.Memory = turnedOn(ago(0), ago(90), ago(80), ago(70))
		}, report.Contested, 0, "was undone 3 times"},
		{"contested, and done as somebody asked", func(s *situation) {
			s.protected()
			s.did(iapStep, report.StepDone, "f1")
			s.facts.Memory = turnedOn(ago(0), ago(90), ago(80), ago(70))
			s.request.Consent = true
		}, report.Protected, 0, ""},
		{"contested in report-only", func(s *situation) {
			s.facts.Memory, s.rules.settings.Mode = turnedOn(ago(10), ago(30), ago(20)), policy.ReportOnly
		}, report.Contested, 0, ""},
		{"contested, and somebody asks to try", func(s *situation) {
			s.facts.Memory = turnedOn(ago(10), ago(30), ago(20))
			s.request.Cause.Kind, s.request.Cause.Command = event.CommandReceived, &event.Command{Name: "sweep"}
		}, report.Started, 6, ""},
		{"the audit log cannot be read", func(s *situation) {
			s.facts.History = &History{Unread: fault.New(fault.Denied, "denied")}
		}, report.Started, 6, ""},
		{"a write that did not hold", func(s *situation) {
			s.facts.Posture.Backends[0].Version = "f2"
			s.did(iapStep, report.StepDone, "f2")
		}, report.Started, 4, ""},

		{"Cloud CDN", func(s *situation) { s.facts.Posture.Backends[0].CDNOn = true }, report.Started, 3, ""},
		{"the consent was for another plan", func(s *situation) {
			s.request.Accept = func(plan.Plan, []report.Step) error { return errors.New("the plan is stale") }
		}, report.Blocked, 0, "the plan is stale"},
		{"the writer is not known", func(s *situation) {
			s.facts.Writers, s.facts.Posture.Ancestors.Unread = Writers{"folders/1": us}, "denied"
		}, report.Blocked, 0, ""},
		{"nobody writes", func(s *situation) { s.facts.Writers = Writers{} }, report.Planned, 0, ""},
		{"a caller would break", func(s *situation) {
			s.facts.Callers.Found = []caller.Caller{{
				Kind: caller.PushSubscription, Name: "projects/demo-project/subscriptions/s",
				Address: s.facts.Posture.Service.URLs[0],
			}}
			s.facts.Used = &Used{Names: map[string]bool{"projects/demo-project/subscriptions/s": true}}
		}, report.Started, 5, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := deployed()
			tc.change(s)
			got := s.decide()
			if got.Needs.Any() || got.OutOfScope {
				t.Fatalf("needs %+v, out of scope %t", got.Needs, got.OutOfScope)
			}
			if got.Outcome != tc.want || len(got.Waves) != tc.waves {
				t.Errorf("%s with %d waves, want %s with %d", got.Outcome, len(got.Waves), tc.want, tc.waves)
			}
			said := got.Advice
			if got.WaitingFor != nil {
				said = append(slices.Clone(said), got.WaitingFor.What)
			}
			if !slices.ContainsFunc(append(said, ""), func(line string) bool { return strings.Contains(line, tc.says) }) {
				t.Errorf("it says %q, want %q among it", said, tc.says)
			}
		})
	}
}

func TestWhatNoRuleCoversIsOutOfScope(t *testing.T) {
	s := deployed()
	s.rules.outside = true
	if got := s.decide(); !got.OutOfScope || len(got.Waves) > 0 {
		t.Errorf("%+v, want it out of scope", got)
	}
}

func TestADecisionNamesTheFactsThatItMisses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*situation)
		want   Needs
	}{
		{"nothing is left to do", (*situation).protected, Needs{}},
		{"a plan that can shut somebody out", func(*situation) {}, Needs{Callers: true, Breaker: true}},
		{"the same, with callers and breaker", func(s *situation) {
			s.facts.Breaker, s.facts.Callers = &memory.Breaker{}, &Callers{}
		}, Needs{History: true}},
		{"the same, with the history", func(s *situation) {
			s.facts.Callers, s.facts.Breaker, s.facts.History = &Callers{}, &memory.Breaker{}, &History{}
		}, Needs{Slot: &SlotRequest{Rule: "shops", Limits: policy.DefaultSettings().Limits}}},
		{"a plan that is held", func(s *situation) { s.holds = heldUntil(noon.Add(time.Hour)) },
			Needs{Callers: true}},
		{"a dry run", func(s *situation) { s.request.DryRun = true }, Needs{Callers: true}},
		{"a new service, whose grants would have to propagate", func(s *situation) {
			s.rules.settings.Propagation, s.facts.Posture.Service.CreatedAt = time.Minute, noon.Add(-time.Minute)
		}, Needs{Callers: true, Breaker: true, Traffic: true}},
		{"a refused request", func(s *situation) {
			s.protected()
			s.request.Diagnose = true
		}, Needs{Examination: true}},
	} {
		s := deployed()
		s.facts.History, s.facts.Callers, s.facts.Slot, s.facts.Breaker = nil, nil, nil, nil
		tc.change(s)
		if diff := cmp.Diff(tc.want, s.decide().Needs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAWaveIsOneStep(t *testing.T) {
	for i, wave := range deployed().decide().Waves {
		if len(wave) != 1 {
			t.Errorf("wave %d has %d steps, want one", i+1, len(wave))
		}
	}
}

func TestADecisionChangesNoFacts(t *testing.T) {
	s, twin := deployed(), deployed()
	first, second := s.decide(), s.decide()
	if diff := cmp.Diff(twin.facts.Posture, s.facts.Posture); diff != "" {
		t.Errorf("the posture was changed (-before +after):\n%s", diff)
	}
	if first.Plan.ID() != second.Plan.ID() || first.Outcome != second.Outcome {
		t.Errorf("the same facts lead to %s (%s) and %s (%s)", first.Outcome, first.Plan.ID(), second.Outcome,
			second.Plan.ID())
	}
}

func TestADiagnosisIsMadeOnceInARun(t *testing.T) {
	s := deployed()
	s.request.Diagnose, s.facts.Examination = true, &posture.Examination{}
	first := s.decide()
	if first.Diagnosis == nil || first.Diagnosis.Remedy == doctor.Redeploy || len(first.Waves) == 0 {
		t.Fatalf("diagnosis %+v with %d waves, want one that the recipe cures", first.Diagnosis, len(first.Waves))
	}
	s.protected()
	s.facts.Run, s.facts.Examination = first.Run, nil
	s.did(iapStep, report.StepDone, "f1")
	second := s.decide()
	if second.Needs.Any() || second.Outcome != report.Protected || second.Diagnosis.Verdict != first.Diagnosis.Verdict {
		t.Errorf("%s with needs %+v and verdict %v, want protected with %s", second.Outcome, second.Needs, second.Diagnosis,
			first.Diagnosis.Verdict)
	}
}

func TestAnErrorOfAWriteDecidesTheOutcome(t *testing.T) {
	for kind, want := range map[fault.Kind]report.Outcome{
		fault.Denied: report.Blocked, fault.Unavailable: report.Failed, fault.OperationFailed: report.Failed,
		fault.Busy: report.Deferred, fault.Canceled: report.Deferred, fault.Conflict: report.Failed,
	} {
		s := deployed()
		s.facts.WriteErr = fault.New(kind, "text of Google's")
		got := s.decide()
		if got.Outcome != want {
			t.Errorf("%s: %s, want %s", kind, got.Outcome, want)
		}
	}
}

func TestAConstraintThatForbidsAWriteIsAFinding(t *testing.T) {
	s := deployed()
	s.facts.WriteErr = &fault.Error{Kind: fault.OrgPolicy, Constraint: "iap.requireGlobalIapWebDisabled",
		Err: errors.New("text of Google's")}
	got := s.decide()
	at := slices.IndexFunc(got.Findings, func(f protection.Finding) bool { return f.Code == protection.OrgPolicy })
	if got.Outcome != report.Blocked || at < 0 {
		t.Fatalf("%s with findings %+v, want blocked with %s", got.Outcome, got.Findings, protection.OrgPolicy)
	}
	const command = "gcloud org-policies describe iap.requireGlobalIapWebDisabled --effective --project=demo-project"
	if found := got.Findings[at]; !strings.Contains(found.Why, "text of Google's") ||
		!strings.Contains(found.Remedy, command) {
		t.Errorf("why %q, remedy %q, want Google's text and %s", found.Why, found.Remedy, command)
	}
}

func TestNoStepFailsTwiceInOneDelivery(t *testing.T) {
	s := deployed()
	refused := fault.New(fault.Denied, "denied")
	for range 10 {
		got := s.decide()
		if len(got.Waves) == 0 {
			if got.Outcome != report.Blocked || got.Err == nil {
				t.Errorf("ends %s with %v, want blocked with the first refusal", got.Outcome, got.Err)
			}
			return
		}
		step := got.Waves[0][0]
		if s.facts.Run.failed(step) {
			t.Fatalf("%s is taken again although it failed", step.Op())
		}
		s.did(step, report.StepFailed, "")
		s.facts.Run.Failed = append(s.facts.Run.Failed, FailedStep{Step: step, Err: refused})
	}
	t.Error("it goes on for ever")
}
