package decide

import (
	"errors"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/report"
)

func TestANewServiceIsProtectedWithoutPropagation(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*situation)
		waves  int // 6 = it is new, 4 = IAP and the public wait
	}{
		{"created a minute ago", func(*situation) {}, 6},
		{"created eleven minutes ago, and open for two", func(s *situation) {
			created := noon.Add(-11 * time.Minute)
			s.facts.Memory = &memory.Service{FirstSeen: created, WantedSince: noon.Add(-2 * time.Minute)}
			s.facts.Posture.Service.CreatedAt = created
		}, 6},
		{"created and open half an hour ago", func(s *situation) {
			created := noon.Add(-30 * time.Minute)
			s.facts.Memory = &memory.Service{FirstSeen: created, WantedSince: created}
			s.facts.Posture.Service.CreatedAt = created
		}, 4},
		{"created eleven minutes ago", func(s *situation) {
			s.facts.Memory = &memory.Service{FirstSeen: noon.Add(-11 * time.Minute)}
			s.facts.Posture.Service.CreatedAt = noon.Add(-11 * time.Minute)
		}, 4},
		{"created nine minutes ago and seen at once", func(s *situation) {
			s.facts.Memory = &memory.Service{FirstSeen: noon.Add(-8 * time.Minute)}
			s.facts.Posture.Service.CreatedAt = noon.Add(-9 * time.Minute)
		}, 6},
		{"created nine minutes ago and seen late", func(s *situation) {
			s.facts.Memory = &memory.Service{FirstSeen: noon.Add(-6 * time.Minute)}
			s.facts.Posture.Service.CreatedAt = noon.Add(-9 * time.Minute)
		}, 4},
		{"created three minutes ago and never seen", func(s *situation) {
			s.facts.Posture.Service.CreatedAt = noon.Add(-3 * time.Minute)
		}, 4},
		{"created at a time that is not known", func(s *situation) {
			s.facts.Posture.Service.CreatedAt = time.Time{}
		}, 4},
		{"another one of its name a week ago", func(s *situation) {
			s.facts.Memory = &memory.Service{FirstSeen: noon, Predecessor: &memory.Predecessor{WrittenAt: noon.Add(-7 * 24 * time.Hour)}}
		}, 4},
		{"another one of its name a year ago", func(s *situation) {
			s.facts.Memory = &memory.Service{FirstSeen: noon, Predecessor: &memory.Predecessor{WrittenAt: noon.Add(-365 * 24 * time.Hour)}}
		}, 6},
		{"the memory cannot be read", func(s *situation) { s.facts.MemoryUnread = true }, 4},
		{"its host was answered before", func(s *situation) { s.facts.Traffic.Served = true }, 4},
		{"nobody knows whether its host was", func(s *situation) { s.facts.Traffic.Unread = errors.New("forbidden") }, 4},
	} {
		s := deployed()
		s.rules.settings.Propagation = 2 * time.Minute
		s.facts.Posture.Service.CreatedAt, s.facts.Traffic = noon.Add(-time.Minute), &Traffic{}
		tc.change(s)
		if got := s.decide(); len(got.Waves) != tc.waves {
			t.Errorf("%s: %d waves, want %d", tc.name, len(got.Waves), tc.waves)
		}
	}
}

func TestWaitsForQuietEndByTheFirstOpenDoor(t *testing.T) {
	since := func(ago time.Duration) *memory.Service { return &memory.Service{WantedSince: noon.Add(-ago)} }
	private := func(s *situation) { s.facts.Posture.Invokers.Bindings, s.facts.Posture.Backends = nil, nil }
	for _, tc := range []struct {
		name   string
		change func(*situation)
		want   time.Time
	}{
		{"wanted from now on", func(*situation) {}, noon.Add(2 * time.Minute)},
		{"wanted for a minute", func(s *situation) { s.facts.Memory = since(time.Minute) }, noon.Add(time.Minute)},
		{"wanted longer than the bound", func(s *situation) { s.facts.Memory = since(3 * time.Minute) }, noon.Add(-time.Minute)},
		{"wanted yesterday: another deployment", func(s *situation) { s.facts.Memory = since(24 * time.Hour) },
			noon.Add(2 * time.Minute)},
		{"wanted tomorrow, says the memory", func(s *situation) { s.facts.Memory = since(-24 * time.Hour) },
			noon.Add(2 * time.Minute)},
		{"a message that waits longer", func(s *situation) { s.request.Since = noon.Add(-90 * time.Second) },
			noon.Add(30 * time.Second)},
		{"a long settle time", func(s *situation) { s.rules.settings.Settle = 10 * time.Minute }, noon.Add(10 * time.Minute)},
		{"a short settle time, and a quiet time", func(s *situation) {
			s.rules.settings.Settle, s.rules.settings.Quiet = time.Second, 10*time.Second
		}, noon.Add(10 * time.Second)},
		{"no settle time: a roll-out is waited for", func(s *situation) { s.rules.settings.Settle = 0 }, noon.Add(2 * time.Minute)},
		{"no door is open", func(s *situation) {
			private(s)
			s.request.Since, s.facts.Memory = noon, since(3*time.Minute)
		}, noon.Add(10 * time.Minute)},
		{"no door is open, and nothing waits", private, time.Time{}},
	} {
		s := deployed()
		s.rules.settings.Settle = 30 * time.Second
		tc.change(s)
		d := &decider{facts: s.facts, request: s.request, now: noon}
		if got := d.quietBy(s.facts.Posture, s.rules.settings); !got.Equal(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestTheClockOfTheWaitsRunsWhileStepsAreWanted(t *testing.T) {
	earlier := noon.Add(-time.Minute)
	for _, tc := range []struct {
		name   string
		change func(*situation)
		want   time.Time
	}{
		{"a public service", func(*situation) {}, noon},
		{"a public service since a minute", func(s *situation) {
			s.facts.Memory = &memory.Service{WantedSince: earlier}
		}, earlier},
		{"a protected service", (*situation).protected, time.Time{}},
		{"report-only", func(s *situation) { s.rules.settings.Mode = policy.ReportOnly }, time.Time{}},
	} {
		s := deployed()
		tc.change(s)
		if got := s.decide().Remember.WantedSince; !got.Equal(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestOurOwnWritesStartNoWait(t *testing.T) {
	p := posturetest.Protected()
	ours := memory.Write{Op: string(revokePublic), Resource: p.Target.Name(), At: noon.Add(-time.Minute)}
	future := memory.Write{Op: string(restrictIngress), Resource: p.Target.Name(), At: noon.Add(time.Hour)}
	step := report.StepOf(plan.Step{Change: plan.RestrictIngress{}, Resource: p.Target.Name()}, report.StepDone)
	at := noon.Add(-time.Second)
	step.At = &at
	d := &decider{now: noon, facts: Facts{Posture: p, Self: ourselves(us), Run: Run{Done: []report.Step{step}},
		Memory: &memory.Service{Wrote: []memory.Write{ours, future}, Bindings: []memory.Binding{
			{Resource: "r", Role: posture.RoleInvoker, Member: "m", FirstSeen: at}}}}}
	d.request.Cause = event.Cause{Kind: event.BackendServiceChanged, At: noon, Principal: us, UserAgent: "iapguard/1"}
	got := d.clocks(p, policy.DefaultSettings())
	if !got.Wrote[p.Target.Name()].Equal(at) || !got.Wrote[p.Target.Name()+":iamPolicy"].Equal(ours.At) {
		t.Errorf("our writes: %v", got.Wrote)
	}
	if seen := got.Seen[policy.Grant{Resource: "r", Role: posture.RoleInvoker, Members: "m"}]; !seen.Equal(at) {
		t.Errorf("grants: %v", got.Seen)
	}
	if !got.TouchedAt.IsZero() {
		t.Errorf("our own write of a backend service counts as somebody else's")
	}
	d.request.Cause.Principal = "dev@example.com"
	if got := d.clocks(p, policy.DefaultSettings()); !got.TouchedAt.Equal(noon) {
		t.Errorf("somebody else's write of a backend service: %v", got.TouchedAt)
	}
}
