package decide

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

const bob = "user:bob@example.com"

// published is a service that was private, and that was first seen open as long ago.
func published(since time.Duration) *situation {
	s := deployed()
	s.rules.settings.Settle, s.rules.settings.Propagation = 30*time.Second, 2*time.Minute
	s.facts.Posture.Invokers.ChangedAt = noon.Add(-since)
	s.facts.Memory = &memory.Service{
		FirstSeen: noon.Add(-50 * time.Minute), PrivateSince: noon.Add(-50 * time.Minute),
		Doors: []memory.Door{{Key: "k", OpenSince: noon.Add(-since)}},
	}
	return s
}

func TestThePublicGoesFirstFromWhatWasPrivate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		since  time.Duration
		change func(*situation)
		first  bool // the public goes now, before IAP
	}{
		{"open for the settle time", 30 * time.Second, func(*situation) {}, true},
		{"open for less", 29 * time.Second, func(*situation) {}, false},
		{"open for ten minutes", 10*time.Minute - time.Second, func(*situation) {}, true},
		{"open for longer", 10*time.Minute + time.Second, func(*situation) {}, false},
		{"open for less, and written before that", 20 * time.Second, func(s *situation) {
			s.facts.Posture.Invokers.ChangedAt = noon.Add(-30 * time.Second)
		}, true},
		{"open for long enough, and written again", 30 * time.Second, func(s *situation) {
			s.facts.Posture.Invokers.ChangedAt = noon.Add(-time.Second)
		}, true},
		{"never seen private", time.Minute, func(s *situation) { s.facts.Memory.PrivateSince = time.Time{} }, false},
		{"seen private after it was open", time.Minute, func(s *situation) { s.facts.Memory.PrivateSince = noon }, false},
		{"guarded once", time.Minute, func(s *situation) { s.facts.Memory.GuardedSince = noon.Add(-time.Hour) }, false},
		{"the memory cannot be read", time.Minute, func(s *situation) {
			s.facts.Memory, s.facts.MemoryUnread = nil, true
		}, false},
		{"its policy was written before it was private", time.Minute, func(s *situation) {
			s.facts.Posture.Invokers.ChangedAt = noon.Add(-55 * time.Minute)
		}, false},
		{"its policy was written long ago", time.Minute, func(s *situation) {
			s.facts.Posture.Invokers.ChangedAt = noon.Add(-11 * time.Minute)
		}, false},
		{"nobody knows when its policy was written", time.Minute, func(s *situation) {
			s.facts.Posture.Invokers.ChangedAt = time.Time{}
		}, false},
		{"nothing leads to it", time.Minute, func(s *situation) { s.facts.Posture.Backends = nil }, false},
		{"no door is open", time.Minute, func(s *situation) {
			s.facts.Posture.Service.Ingress, s.facts.Posture.Backends = posture.IngressInternal, nil
		}, false},
		{"a person applies the recipe", time.Minute, func(s *situation) { s.request.Consent = true }, false},
	} {
		s := published(tc.since)
		tc.change(s)
		got := s.decide()
		first := len(got.Waves) > 0 && got.Waves[0][0].Op() == revokePublic
		if first != tc.first {
			t.Errorf("%s: the public goes first: %t, want %t (%v)", tc.name, first, tc.first, got.Waves)
		}
	}
}

func TestNothingIsWrittenToWhatWasJustPublished(t *testing.T) {
	got := published(10 * time.Second).decide()
	if len(got.Waves) > 0 {
		t.Errorf("waves: %v", got.Waves)
	}
	due := noon.Add(20 * time.Second)
	if first := got.Plan.Steps[0]; first.Op() != revokePublic || !first.NotBefore.Equal(due) {
		t.Errorf("first step: %v, due at %s, want at %s", first.Op(), first.NotBefore, due)
	}
	for _, step := range got.Plan.Steps {
		if step.NotBefore.Before(due) {
			t.Errorf("%s is due at %s", step.Op(), step.NotBefore)
		}
	}
}

func TestTheInvokerCheckOfAPublishedServiceGoesOnFirst(t *testing.T) {
	s := published(time.Minute)
	p := &s.facts.Posture
	p.Invokers.Bindings, p.Service.InvokerCheckOff = nil, true
	p.Service.UpdatedAt = noon.Add(-time.Minute)
	p.Backends[0].Members[0].Invokers = p.Invokers
	if got := s.decide(); len(got.Waves) == 0 || got.Waves[0][0].Op() != requireInvoker {
		t.Errorf("waves: %v", got.Waves)
	}
}

// It is not private by what we took, and the recipe goes on. The log has to show both who let
// the public in, and that we took it.
func TestWhatWeTookThePublicFromStaysPublic(t *testing.T) {
	at := func(minutes int, principal, agent string, members ...string) event.Write {
		return event.Write{
			Cause: event.Cause{Kind: event.RunIAMChanged, Project: hello.Project, Location: hello.Location,
				Service: hello.Service, Principal: principal, UserAgent: agent, At: ago(minutes)},
			Policy: &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}},
		}
	}
	let, took := at(2, "dev@example.com", "gcloud", bob, "allUsers"), at(1, us, "iapguard/0.1.0", bob)
	theirs := at(1, "dev@example.com", "gcloud", bob)
	revoked := []memory.Write{{Op: string(revokePublic), Resource: hello.Name(), At: ago(1)}}
	done := report.StepOf(plan.Step{Change: plan.RevokePublic{}, Resource: hello.Name()}, report.StepDone)
	done.At = new(ago(1))
	for _, tc := range []struct {
		name   string
		wrote  []memory.Write
		writes []event.Write
		done   []report.Step
		joined int // how many of done the memory has of an earlier delivery
		want   bool
	}{
		{"the log shows that we took it", revoked, []event.Write{let, took}, nil, 0, true},
		{"this run took it", nil, nil, []report.Step{done}, 0, true},
		{"the memory alone says so", revoked, nil, nil, 0, false},
		{"the memory says that an earlier delivery took it", nil, nil, []report.Step{done}, 1, false},
		{"somebody else took it", revoked, []event.Write{let, theirs}, nil, 0, false},
		{"nobody had let it in", revoked, []event.Write{theirs, took}, nil, 0, false},
		{"it was let in again, and somebody else took it", revoked, []event.Write{took, let, theirs}, nil, 0, false},
		{"somebody wrote in the moment in which we took it", revoked, []event.Write{let, theirs, took}, nil, 0, true},
		{"it was let in and taken in one moment before", revoked, []event.Write{let, at(2, "dev@example.com", "gcloud", bob), took},
			nil, 0, true},
		{"the memory does not know", nil, []event.Write{let, took}, nil, 0, false},
	} {
		s := published(time.Minute)
		p := s.facts.Posture
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{bob}}}
		p.Backends[0].Members[0].Invokers = p.Invokers
		s.rules.settings.Private = policy.PrivateLeave
		s.facts.Posture, s.facts.Memory.Wrote, s.facts.Run.Done = p, tc.wrote, tc.done
		s.facts.Run.Joined = tc.joined
		s.facts.Memory.Doors, s.facts.History = nil, &History{Writes: tc.writes}
		var ops []plan.Op
		for _, step := range slices.Concat(s.decide().Waves...) {
			ops = append(ops, step.Op())
		}
		want := []plan.Op(nil)
		if tc.want {
			want = []plan.Op{provision, grantInvoker, grantAccess} // bob keeps his way in until they hold
		}
		if diff := cmp.Diff(want, ops); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestTheLogIsAskedAgainWhereAnEntryMayBeMissing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		took  time.Time
		again bool
	}{
		{"we took the public from it a minute ago", ago(60), true},
		{"we took the public from it an hour ago", ago(3600), false},
	} {
		s := published(time.Minute)
		p := s.facts.Posture
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{bob}}}
		p.Backends[0].Members[0].Invokers = p.Invokers
		s.rules.settings.Private = policy.PrivateLeave
		s.facts.Posture, s.facts.Memory.Doors, s.facts.History = p, nil, &History{}
		s.facts.Memory.Wrote = []memory.Write{{Op: string(revokePublic), Resource: hello.Name(), At: tc.took}}
		if got := s.decide().LookAgain; got.IsZero() == tc.again {
			t.Errorf("%s: looks again at %s", tc.name, got)
		}
	}
}

func TestWithoutARecordTheLogSaysWhatWeTookThePublicFrom(t *testing.T) {
	write := func(seconds int, principal, agent string, members ...string) event.Write {
		return event.Write{
			Cause: event.Cause{Kind: event.RunIAMChanged, Project: hello.Project, Location: hello.Location,
				Service: hello.Service, Principal: principal, UserAgent: agent, At: ago(seconds)},
			Policy: &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}},
		}
	}
	let, took := write(60, "dev@example.com", "gcloud", bob, "allUsers"), write(30, us, "iapguard/0.1.0", bob)
	for name, tc := range map[string]struct {
		writes []event.Write
		acts   bool
	}{
		"we took it": {[]event.Write{let, took}, true}, "nobody did": {[]event.Write{write(60, "dev@example.com", "gcloud", bob)}, false},
	} {
		s := published(time.Minute)
		p := s.facts.Posture
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{bob}}}
		p.Backends[0].Members[0].Invokers = p.Invokers
		s.rules.settings.Private = policy.PrivateLeave
		s.facts.Posture, s.facts.Memory, s.facts.History = p, nil, &History{Writes: tc.writes}
		if got := s.decide(); len(got.Waves) > 0 != tc.acts {
			t.Errorf("%s: %s with %d waves", name, got.Outcome, len(got.Waves))
		}
	}
}
