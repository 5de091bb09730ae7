package decide

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

func TestASlotIsNeededForWhatCanShutSomebodyOut(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*situation)
		again  bool
		none   bool
	}{
		{"a first protection", func(*situation) {}, false, false},
		{"guarded before", func(s *situation) { s.facts.Memory = &memory.Service{GuardedSince: ago(60)} }, true, false},
		{"its record is gone, and the log shows that we closed it", func(s *situation) {
			s.facts.History = &History{Writes: []event.Write{{
				Cause: event.Cause{Kind: event.RunServiceChanged, Location: hello.Location, Service: hello.Service, Principal: us,
					UserAgent: "iapguard/1", At: ago(60)},
				Settings: map[string]string{"ingress": string(posture.IngressInternalLoadBalancing)},
			}}}
		}, true, false},
		{"a new service", func(s *situation) { s.facts.Posture.Service.CreatedAt = noon.Add(-time.Minute) }, false, true},
		{"a young service that we saw late", func(s *situation) {
			s.facts.Posture.Service.CreatedAt = noon.Add(-5 * time.Minute)
		}, false, false},
		{"on a person's word, over the limit", func(s *situation) {
			s.request.Consent, s.request.OverLimit = true, true
		}, false, true},
		{"on a person's word", func(s *situation) { s.request.Consent = true }, false, false},
		{"grants alone are due", func(s *situation) {
			s.rules.settings.Propagation = time.Minute
			s.facts.Posture.Service.Ingress = posture.IngressInternalLoadBalancing
		}, false, true},
	} {
		s := deployed()
		s.facts.Slot = nil
		tc.change(s)
		got := s.decide().Needs.Slot
		if tc.none != (got == nil) || got != nil && (got.Again != tc.again || got.Rule != "shops") {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestOverTheLimitOnlyGrantsGoOn(t *testing.T) {
	s := deployed()
	s.facts.Slot = &Slot{UsedUp: "10 services of project demo-project were changed within an hour", Until: noon.Add(time.Minute)}
	got := s.decide()
	if got.Outcome != report.Started || len(got.Waves) != 3 {
		t.Fatalf("%s with %d waves, want the three grants", got.Outcome, len(got.Waves))
	}
	for _, wave := range got.Waves {
		s.did(wave[0], report.StepDone, "v")
	}
	p := &s.facts.Posture
	p.Invokers.Bindings[0].Members = append(p.Invokers.Bindings[0].Members, p.Agent())
	p.Backends[0].Members[0].Invokers = p.Invokers
	p.Backends[0].Access.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: s.rules.settings.Access}}
	got = s.decide()
	if got.Outcome != report.Held || len(got.Plan.Steps) != 3 ||
		!strings.HasPrefix(got.WaitingFor.What, "the hourly limit is used up until 2026-12-01T12:01:00Z: 10 services") {
		t.Errorf("%s with %d steps, waits %+v; want held with the three that are left", got.Outcome, len(got.Plan.Steps),
			got.WaitingFor)
	}
}

// failure is a write that did not hold some minutes ago, to a service of a project.
func failure(minutes int, project, service string, step plan.Step) memory.Failure {
	return memory.Failure{Project: project, Service: service, Resource: step.Resource, Field: step.Field(),
		Op: string(step.Op()), At: ago(60 * minutes)}
}

func TestTheBreakerHoldsAStepAKindInAProjectOrAKind(t *testing.T) {
	elsewhere := iapStep
	elsewhere.Resource = "projects/demo-project/global/backendServices/other"
	three := func(step plan.Step, services, projects string) []memory.Failure {
		var list []memory.Failure
		for i := range 3 {
			list = append(list, failure(i+1, projects[i:i+1], services[i:i+1], step))
		}
		return list
	}
	for _, tc := range []struct {
		name     string
		project  string
		failures []memory.Failure
		closed   time.Time // when a person closed the breaker
		until    int       // minutes from now; 0 = it is closed
	}{
		{"nothing", "p", nil, time.Time{}, 0},
		{"the same step", "p", []memory.Failure{failure(1, "p", "s", iapStep)}, time.Time{}, 59},
		{"the same step, twice", "p",
			[]memory.Failure{failure(30, "p", "s", iapStep), failure(10, "p", "s", iapStep)}, time.Time{}, 50},
		{"another resource", "p", []memory.Failure{failure(1, "p", "s", elsewhere)}, time.Time{}, 0},
		{"another kind on the same service", "p", []memory.Failure{failure(1, "p", "s", narrow)}, time.Time{}, 0},
		{"two services of the project", "p", three(elsewhere, "abb", "ppp"), time.Time{}, 0},
		{"three services of the project", "p", three(elsewhere, "abc", "ppp"), time.Time{}, 59},
		{"three services of another project", "p", three(elsewhere, "abc", "qqq"), time.Time{}, 0},
		{"three services in two projects", "p", three(elsewhere, "abc", "qqr"), time.Time{}, 0},
		{"three projects", "p", three(elsewhere, "abc", "qrs"), time.Time{}, 59},
		{"three projects, another kind", "p", three(narrow, "abc", "qrs"), time.Time{}, 0},
		{"an hour ago", "p", []memory.Failure{failure(60, "p", "s", iapStep)}, time.Time{}, 0},
		{"a time that lies ahead", "p", []memory.Failure{failure(-1, "p", "s", iapStep)}, time.Time{}, 0},
		{"a person closed it since", "p", []memory.Failure{failure(2, "p", "s", iapStep)}, ago(60), 0},
		{"a person closed it before", "p", []memory.Failure{failure(1, "p", "s", iapStep)}, ago(120), 59},
		{"closed at a time that lies ahead", "p", []memory.Failure{failure(1, "p", "s", iapStep)}, ago(-60), 59},
	} {
		b := memory.Breaker{Failures: tc.failures, ClosedAt: tc.closed}
		got := openFor(iapStep, tc.project, RecentFailures(b, noon))
		if (got == nil) != (tc.until == 0) || got != nil && !got.Until.Equal(noon.Add(time.Duration(tc.until)*time.Minute)) {
			t.Errorf("%s: %+v, want until minute %d", tc.name, got, tc.until)
		}
	}
}

func TestTheBreakerStopsNoClosingWhileADoorIsOpen(t *testing.T) {
	s := deployed()
	public := plan.Step{Change: plan.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}, Resource: hello.Name()}
	s.facts.Breaker = &memory.Breaker{Failures: []memory.Failure{
		failure(1, hello.Project, hello.Name(), narrow), failure(1, hello.Project, hello.Name(), public),
	}}
	if got := s.decide(); len(got.Waves) != 6 {
		t.Errorf("%s with %d waves, want all six: the service is open", got.Outcome, len(got.Waves))
	}
	s.facts.Breaker.Failures = []memory.Failure{failure(1, hello.Project, hello.Name(), iapStep)}
	got := s.decide()
	for _, wave := range got.Waves {
		if op := wave[0].Op(); op == enableIAP || op == revokePublic {
			t.Errorf("it takes %s, although IAP does not hold", op)
		}
	}
	if len(got.Waves) == 0 {
		t.Errorf("%s: the other steps are held too", got.Outcome)
	}
}

func TestAWriteThatDidNotHoldIsCountedWhereItsVersionStands(t *testing.T) {
	for _, tc := range []struct {
		name, after, version string
		counted              bool
	}{
		{"the version of our write", "f2", "f2", true},
		{"somebody wrote since", "f2", "f3", false},
		{"the API returns no version", "", "f2", false},
	} {
		s := deployed()
		s.facts.Posture.Backends[0].Version = tc.version
		s.did(iapStep, report.StepDone, tc.after)
		got := s.decide()
		if counted := len(got.Run.Unheld) == 1; counted != tc.counted {
			t.Errorf("%s: counted %t, want %t", tc.name, counted, tc.counted)
		}
		for _, wave := range got.Waves {
			if wave[0].Op() == enableIAP && tc.counted {
				t.Errorf("%s: it is written again at once", tc.name)
			}
		}
	}
}

func TestAFullLimitNamesWhoUsedItUp(t *testing.T) {
	many := make([]string, 12)
	for i := range many {
		many[i] = fmt.Sprintf("sandbox/junk-%02d", i)
	}
	for _, tc := range []struct {
		name    string
		project string
		takers  []string
		want    string
	}{
		{"nobody is known", "", nil, "(limits of rule r)"},
		{"of a project", "shop", []string{"shop/cart", "shop/till"}, "(limits of rule r): cart, till"},
		{"many of a project", "sandbox", many, ": junk-00, junk-01, junk-02, junk-03, junk-04, junk-05, junk-06, junk-07, " +
			"junk-08, junk-09 and 2 more"},
		{"of all projects", "", append(many, "shop/cart", "shop/till", "blog/a"),
			": 12 of project sandbox, 2 of project shop, 1 of project blog"},
	} {
		full := memory.Full{Limit: memory.Limit{Name: "limits", Project: tc.project, Most: 2}, Takers: tc.takers}
		if got := UsedUp(full, "r"); !strings.HasSuffix(got, tc.want) {
			t.Errorf("%s: %q, want %q at its end", tc.name, got, tc.want)
		}
	}
}
