package decide

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	alice    = "alice@example.com" // may break the glass
	stranger = "bob@example.com"   // may not
)

// opensIngress is a write of the ingress so many minutes ago, as the audit log has it.
func opensIngress(minutes int, who string, to posture.Ingress) event.Write {
	return event.Write{Cause: event.Cause{Kind: event.RunServiceChanged, Project: "demo-project", Location: "us-central1",
		Service: "hello", Principal: who, UserAgent: "gcloud/528", At: minutesAgo(minutes)}, Complete: true,
		Settings: map[string]string{"ingress": string(to)}}
}

func grantsPublic(minutes int, who string, members ...string) event.Write {
	return event.Write{Cause: event.Cause{Kind: event.RunIAMChanged, Project: "demo-project", Location: "us-central1",
		Service: "hello", Principal: who, UserAgent: "gcloud/528", At: minutesAgo(minutes)}, Complete: true,
		Policy: &posture.Policy{Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: members}}}}
}

// brokenInto is a service that was guarded, and whose ingress and public members are open.
func brokenInto(logged ...event.Write) *situation {
	s := deployed()
	s.protected()
	p := &s.facts.Posture
	p.Service.Ingress, p.Service.CreatedAt = posture.IngressAll, minutesAgo(60*24*30)
	p.Invokers.Bindings = append(slices.Clone(p.Invokers.Bindings),
		posture.Binding{Role: posture.RoleInvoker, Members: []string{"allUsers"}})
	s.facts.Memory = &memory.Service{UID: "uid", GuardedSince: minutesAgo(60 * 24), FirstSeen: minutesAgo(60 * 24)}
	s.facts.Recent = &History{Writes: logged}
	s.rules.settings.BreakGlass = []string{"user:" + alice}
	return s
}

func minutesAgo(n int) time.Time { return ago(60 * n) }

// closedBy are the operations that are performed now.
func closedBy(d Decision) string {
	var ops []string
	for _, step := range slices.Concat(d.Waves...) {
		ops = append(ops, string(step.Op()))
	}
	slices.Sort(ops)
	return strings.Join(ops, " ")
}

func TestOnlyWhoIsNamedBreaksTheGlass(t *testing.T) {
	const all, both = posture.IngressAll, "restrict-ingress revoke-public"
	const shut = posture.IngressInternalLoadBalancing
	aliceOpened := []event.Write{opensIngress(20, alice, all), grantsPublic(19, alice, "allUsers")}
	ingress := fieldOf(plan.Step{Change: plan.RestrictIngress{From: all, To: shut}, Resource: hello.Name()})
	for _, tc := range []struct {
		name   string
		change func(s *situation)
		want   string // what is closed now
	}{
		{"alice opened both fields", func(*situation) {}, ""},
		{"nobody is named", func(s *situation) { s.rules.settings.BreakGlass = nil }, both},
		{"bob opened both", func(s *situation) {
			s.log(opensIngress(20, stranger, all), grantsPublic(19, stranger, "allUsers"))
		}, both},
		{"bob opened one of them", func(s *situation) {
			s.log(opensIngress(20, alice, all), grantsPublic(19, stranger, "allUsers"))
		}, "revoke-public"},
		{"bob opened it, and alice wrote it again", func(s *situation) {
			s.log(opensIngress(30, stranger, all), opensIngress(20, alice, all), grantsPublic(19, alice, "allUsers"))
		}, "restrict-ingress"},
		{"alice opened it, and bob wrote it again", func(s *situation) {
			s.log(append(aliceOpened, opensIngress(5, stranger, all), grantsPublic(4, stranger, "allUsers"))...)
		}, ""},
		{"alice opened it, it was closed, and bob opened it", func(s *situation) {
			s.log(opensIngress(40, alice, all), opensIngress(30, us, shut), opensIngress(20, stranger, all),
				grantsPublic(19, alice, "allUsers"))
		}, "restrict-ingress"},
		{"alice opened it four hours ago", func(s *situation) {
			s.log(opensIngress(241, alice, all), grantsPublic(19, alice, "allUsers"))
		}, "restrict-ingress"},
		{"a message says that alice did", func(s *situation) {
			s.log()
			s.facts.History.Writes = aliceOpened
			s.request.Cause = aliceOpened[0].Cause
		}, both},
		{"the log cannot be read", func(s *situation) { s.facts.Recent = &History{Unread: errors.New("denied")} }, both},
		{"the log cannot be read, and the memory knows it", func(s *situation) {
			s.facts.Recent = &History{Unread: errors.New("denied")}
			s.broke(memory.BreakGlass{Field: ingress, By: alice, At: minutesAgo(20), Until: minutesAgo(-200)})
		}, "revoke-public"},
		{"the memory alone says so", func(s *situation) {
			s.log(opensIngress(20, stranger, all), grantsPublic(19, stranger, "allUsers"))
			s.broke(memory.BreakGlass{Field: ingress, By: alice, At: minutesAgo(20), Until: minutesAgo(-200)})
		}, both},
		{"the memory says so, and the log shows nobody", func(s *situation) {
			s.log()
			s.broke(memory.BreakGlass{Field: ingress, By: alice, At: minutesAgo(20), Until: minutesAgo(-200)})
		}, both},
		{"the memory says so of somebody who is not named", func(s *situation) {
			s.facts.Recent = &History{Unread: errors.New("denied")}
			s.broke(memory.BreakGlass{Field: ingress, By: stranger, At: minutesAgo(20), Until: minutesAgo(-200)})
		}, both},
		{"the memory says so for a week", func(s *situation) {
			s.facts.Recent = &History{Unread: errors.New("denied")}
			s.broke(memory.BreakGlass{Field: ingress, By: alice, At: minutesAgo(241), Until: minutesAgo(-10000)})
		}, both},
		{"a person ended it", func(s *situation) {
			s.broke(memory.BreakGlass{Field: ingress, By: alice, At: minutesAgo(20), Until: minutesAgo(1)})
		}, "restrict-ingress"},
		{"others' writes crowd the log", func(s *situation) {
			var crowd []event.Write
			for range mayLack {
				crowd = append(crowd, opensIngress(3, alice, all))
			}
			s.log(crowd...)
		}, both},
		{"they do, and the memory knows it", func(s *situation) {
			var crowd []event.Write
			for range mayLack {
				crowd = append(crowd, opensIngress(3, stranger, all))
			}
			s.log(crowd...)
			s.broke(memory.BreakGlass{Field: ingress, By: alice, At: minutesAgo(20), Until: minutesAgo(-200)})
		}, "revoke-public"},
		{"it was never guarded", func(s *situation) { s.facts.Memory = &memory.Service{UID: "uid"} }, both},
		{"no door is open", func(s *situation) {
			s.facts.Posture.Invokers.Bindings = s.facts.Posture.Invokers.Bindings[:1]
		}, "restrict-ingress"},
	} {
		s := brokenInto(aliceOpened...)
		tc.change(s)
		got := s.decide()
		if got.Needs.Any() {
			t.Fatalf("%s: needs %+v", tc.name, got.Needs)
		}
		if closed := closedBy(got); closed != tc.want {
			t.Errorf("%s: %s closes %q, want %q", tc.name, got.Outcome, closed, tc.want)
		}
	}
}

func (s *situation) log(writes ...event.Write) {
	s.facts.Recent = &History{Writes: writes}
}

func (s *situation) broke(glass ...memory.BreakGlass) { s.facts.Memory.BreakGlass = glass }

func TestBrokenGlassIsToldUntilItIsClosedAgain(t *testing.T) {
	s := brokenInto(opensIngress(20, alice, posture.IngressAll), grantsPublic(10, alice, "allUsers"))
	got := s.decide()
	until := minutesAgo(20 - 240)
	if got.Outcome != report.Held || got.WaitingFor == nil || got.WaitingFor.Who != alice || !got.WaitingFor.Until.Equal(until) ||
		!got.ClosesAt.Equal(until) || !got.LookAgain.Equal(until) {
		t.Errorf("%s, waiting for %+v, closes at %s, looked at again at %s; want held until %s", got.Outcome, got.WaitingFor,
			got.ClosesAt, got.LookAgain, until)
	}
	var why []string
	for _, finding := range got.Findings {
		if finding.Code == protection.BreakGlass {
			why = append(why, finding.Why)
		}
	}
	if len(why) != 2 || !strings.Contains(why[0], "alice@example.com opened ingress at 2026-") {
		t.Errorf("findings %q", why)
	}
	if seen := got.Remember.BreakGlass; len(seen) != 2 || len(got.Remember.Undone) > 0 {
		t.Errorf("remembers %+v, and rounds %+v", seen, got.Remember.Undone)
	}
	s.broke(got.Remember.BreakGlass...)
	if again := s.decide(); len(again.Remember.BreakGlass) > 0 || again.Outcome != report.Held {
		t.Errorf("%s: a second look notes %+v", again.Outcome, again.Remember.BreakGlass)
	}
	s.request.Cause = event.Cause{Kind: event.CommandReceived, Command: &event.Command{Name: "plan"}}
	s.request.ReadOnly = true
	if asked := s.decide(); asked.ClosesAt.IsZero() || len(asked.Waves) > 0 {
		t.Errorf("asked for the plan: %s, closes at %s", asked.Outcome, asked.ClosesAt)
	}
}

func TestBrokenGlassIsNoRoundOfAContest(t *testing.T) {
	const all = posture.IngressAll
	for name, tc := range map[string]struct {
		who   string
		glass bool
		want  int
	}{"on purpose": {alice, true, 0}, "by somebody else": {stranger, false, 1}} {
		s := brokenInto(opensIngress(300, tc.who, all), grantsPublic(300, tc.who, "allUsers"))
		s.facts.Memory.Wrote = []memory.Write{{Run: "r", Op: string(restrictIngress), Resource: hello.Name(), Field: "ingress",
			At: minutesAgo(1000)}}
		if step := (plan.Step{Change: plan.RestrictIngress{From: all}, Resource: hello.Name()}); tc.glass {
			s.broke(memory.BreakGlass{Field: fieldOf(step), By: alice, At: minutesAgo(300), Until: minutesAgo(60)})
		}
		got := s.decide()
		rounds := slices.DeleteFunc(slices.Clone(got.Remember.Undone),
			func(u memory.Undo) bool { return !strings.Contains(u.Field, "ingress") })
		if len(rounds) != tc.want || !strings.Contains(closedBy(got), "restrict-ingress") {
			t.Errorf("%s: closes %q with rounds %+v, want %d", name, closedBy(got), rounds, tc.want)
		}
	}
}

func TestBrokenGlassKeepsWhatIsStuckOpen(t *testing.T) {
	s := brokenInto(opensIngress(20, alice, posture.IngressAll), grantsPublic(10, alice, "allUsers"))
	s.rules.settings.WhenStuck.After, s.rules.settings.WhenStuck.Do = time.Hour, "close"
	s.facts.Memory.Doors = []memory.Door{{Key: "k", OpenSince: minutesAgo(600)}}
	s.facts.Memory.ContestedSince, s.facts.SignIn = minutesAgo(600), &SignIn{}
	if got := s.decide(); len(got.Waves) > 0 {
		t.Errorf("%s closes %q", got.Outcome, closedBy(got))
	}
}
