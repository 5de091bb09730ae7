package decide

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/stuck"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/report"
)

// openFor72 is a service that no load balancer leads to, and that has been open for some
// hours. The rule closes it after three days.
func openFor72(hours int) *situation {
	s := deployed()
	s.facts.Posture.Backends = nil
	s.facts.Posture.Invokers.Bindings[0].Members = []string{posturetest.Agent, "allUsers"}
	s.rules.settings.WhenStuck = stuck.Rule{After: 72 * time.Hour, Do: stuck.Close}
	s.facts.SignIn = &SignIn{}
	s.facts.Memory = &memory.Service{UID: "uid"}
	for _, one := range door.Of(s.facts.Posture) {
		s.facts.Memory.SeeDoors(noon.Add(-time.Duration(hours)*time.Hour), []string{one.Key()}, nil)
	}
	return s
}

// sideObstacle puts a second load balancer with Cloud CDN before a service behind IAP whose
// public members are back.
func sideObstacle(s *situation) {
	p := posturetest.Protected()
	p.ObservedAt, p.Service.UID, p.Service.CreatedAt = noon, "uid", noon.Add(-1000*time.Hour)
	side := p.Backends[0]
	side.Name, side.CDNOn, side.IAPOn = "side", true, false
	side.Frontends = []posture.Frontend{{Resource: "side", Address: "203.0.113.9", HTTPS: true}}
	p.Backends = append(p.Backends, side)
	p.Invokers.Bindings[0].Members = append([]string{"allUsers"}, p.Invokers.Bindings[0].Members...)
	for i := range p.Backends {
		p.Backends[i].Members[0].Invokers = p.Invokers
	}
	s.facts.Posture = p
	s.facts.Memory.SeeDoors(noon.Add(-100*time.Hour), []string{"load-balancer https://203.0.113.9 side"}, nil)
}

func closingOps(d Decision) []plan.Op {
	var ops []plan.Op
	for _, wave := range d.Waves {
		for _, step := range wave {
			if step.Closes {
				ops = append(ops, step.Op())
			}
		}
	}
	return ops
}

func TestAStuckServiceIsClosedWhenItsTimeIsOver(t *testing.T) {
	both := []plan.Op{restrictIngress, revokePublic}
	for _, tc := range []struct {
		name   string
		hours  int // since it was first seen open
		change func(*situation)
		want   []plan.Op
		in     time.Duration // until it is closed; 0 = now or never
		says   string        // a part of the advice
	}{
		{"for 71 hours", 71, func(*situation) {}, nil, time.Hour, "closes it at 2026-12-01T13:00:00Z, in 1 hour:"},
		{"for 72 hours", 72, func(*situation) {}, both, 0, ""},
		{"for 90 hours, out of the window", 90, func(s *situation) {
			s.rules.settings.WhenStuck.Window = stuck.Window{From: 14 * time.Hour, To: 15 * time.Hour}
		}, nil, 2 * time.Hour, "closes it at 2026-12-01T14:00:00Z"},
		{"for 90 hours, in the window", 90, func(s *situation) {
			s.rules.settings.WhenStuck.Window = stuck.Window{From: 11 * time.Hour, To: 13 * time.Hour}
		}, both, 0, ""},
		{"only seen now", 0, func(s *situation) { s.facts.Memory = nil }, nil, 72 * time.Hour, "in 72 hours"},
		{"at a time that lies ahead", -9, func(*situation) {}, nil, 72 * time.Hour, ""},
		{"another door was open before it", 1, func(s *situation) {
			s.facts.Memory.SeeDoors(noon.Add(-80*time.Hour), []string{"a door that is gone"}, nil)
		}, both, 0, ""},
		{"the memory cannot be read", 0, func(s *situation) { s.facts.Memory, s.facts.MemoryUnread = nil, true }, nil, 0,
			"it stays open until this can be read: since when a door is open is not known"},
		{"the rule reports", 90, func(s *situation) { s.rules.settings.WhenStuck.Do = stuck.Report }, nil, 0,
			"it stays open until a person acts: rule shops says whenStuck: report"},
		{"the rule says nothing", 90, func(s *situation) { s.rules.settings.WhenStuck = stuck.Rule{} }, nil, 0,
			"it stays open until a person acts: rule shops has no whenStuck"},

		{"a side obstacle", 0, sideObstacle, []plan.Op{revokePublic}, 0, ""},
		{"a side obstacle, for an hour", 0, func(s *situation) {
			sideObstacle(s)
			s.facts.Memory.Doors = []memory.Door{{Key: "side", OpenSince: ago(3600)}}
		}, nil, 71 * time.Hour, "who made the obstacle at projects/demo-project/global/backendServices/side, and whether"},
		{"a caller breaks by it", 90, func(s *situation) {
			s.facts.Posture = deployed().facts.Posture
			s.facts.Memory.SeeDoors(noon.Add(-90*time.Hour), []string{door.Of(s.facts.Posture)[0].Key()}, nil)
			s.facts.Callers.Found, s.facts.Used = pushing(s.facts.Posture), &Used{}
		}, both, 0, ""},
		{"others undo it again and again", 0, func(s *situation) {
			s.facts.Memory = turnedOn(ago(10), ago(40), ago(30), ago(20))
			s.facts.Memory.ContestedSince = noon.Add(-73 * time.Hour)
			s.facts.Posture = deployed().facts.Posture
		}, both, 0, ""},
		{"IAP may not be turned on", 90, func(s *situation) {
			s.facts.Posture = deployed().facts.Posture
			s.facts.Memory.SeeDoors(noon.Add(-90*time.Hour), []string{door.Of(s.facts.Posture)[0].Key()}, nil)
			s.facts.Run.Failed = []FailedStep{{Step: iapStep, Err: errors.New("denied")}}
		}, both, 0, ""},
		{"the protection is under way", 90, func(s *situation) {
			s.facts.Posture = deployed().facts.Posture
		}, nil, 0, ""},

		{"on a person's word", 90, func(s *situation) { s.request.Consent = true }, nil, 0, ""},
		{"a dry run", 90, func(s *situation) { s.request.DryRun = true }, nil, 0, ""},
		{"a look alone", 90, func(s *situation) { s.request.ReadOnly = true }, nil, 0, "closes it at 2026-12-01T12:00:00Z:"},
		{"mode approve", 90, func(s *situation) { s.rules.settings.Mode = policy.Approve }, nil, 0, ""},
		{"older than its rule", 90, func(s *situation) { s.rules.settings.Since = noon }, nil, 0, ""},
		{"exempt", 90, func(s *situation) {
			s.rules.settings.Exemption = &policy.Exemption{Expires: noon.Add(time.Hour)}
		}, nil, 0, ""},
		{"held", 90, func(s *situation) { s.holds = heldUntil(noon.Add(time.Hour)) }, nil, 0, ""},
		{"a command that names another plan", 90, func(s *situation) {
			s.request.Cause.Command = &event.Command{Name: "apply", PlanID: "0123456789abcdef"}
		}, nil, 0, ""},
		{"the rule keeps its public members", 90, func(s *situation) { s.rules.settings.KeepInvokers = true },
			[]plan.Op{restrictIngress}, 0, ""},
		{"the rule keeps both", 90, func(s *situation) {
			s.rules.settings.KeepInvokers, s.rules.settings.KeepIngress = true, true
		}, nil, 0, "neither its ingress nor its public members keep the door open, or the rule keeps them"},
		{"IAP signs external identities in there", 90, func(s *situation) {
			s.facts.SignIn.Hosts = []string{posture.HostOf(s.facts.Posture.Service.URLs[0])}
		}, nil, 0, "it stays open until a person acts: IAP signs external identities in at "},
		{"sign-in pages are not known", 90, func(s *situation) { s.facts.SignIn.Unread = errors.New("denied") }, nil, 0,
			"whether IAP signs visitors in there is not known: denied"},
		{"the limit is used up", 90, func(s *situation) {
			s.facts.Slot = &Slot{UsedUp: "two were", Until: noon.Add(time.Hour)}
		}, nil, 0, ""},
		{"load balancers are hidden", 90, func(s *situation) {
			s.facts.Posture.APIsOff = []string{"compute.googleapis.com"}
			s.facts.Memory.SeeBalanced(ago(60))
		}, both, 0, ""},
	} {
		s := openFor72(tc.hours)
		s.facts.Side = &Side{Served: map[string]int64{"projects/demo-project/global/backendServices/side": 1}}
		tc.change(s)
		got := s.decide()
		if got.Needs.Any() {
			t.Fatalf("%s: it needs %+v", tc.name, got.Needs)
		}
		if diff := cmp.Diff(tc.want, closingOps(got)); diff != "" {
			t.Errorf("%s: closes (-want +got):\n%s", tc.name, diff)
		}
		if tc.in > 0 && got.ClosesAt.Sub(noon) != tc.in || tc.in == 0 && got.ClosesAt.After(noon) {
			t.Errorf("%s: %s, closes at %s, want in %s", tc.name, got.Outcome, got.ClosesAt, tc.in)
		}
		if advice := strings.Join(got.Advice, "\n"); !strings.Contains(advice, tc.says) {
			t.Errorf("%s: %q, want %q", tc.name, advice, tc.says)
		}
		if tc.want == nil && got.Outcome == report.Started {
			for _, wave := range got.Waves {
				if wave[0].Closes {
					t.Errorf("%s: it takes %s", tc.name, wave[0].Op())
				}
			}
		}
	}
}

func TestAStuckServiceIsLookedAtAgainWhereTheMemoryIsUnread(t *testing.T) {
	for name, change := range map[string]func(*situation){
		"its clock":      func(s *situation) { s.facts.Memory, s.facts.MemoryUnread = nil, true },
		"a sign-in page": func(s *situation) { s.facts.SignIn.Unread = errors.New("denied") },
	} {
		s := openFor72(90)
		change(s)
		if got := s.decide(); got.LookAgain.IsZero() || got.LookAgain.After(noon.Add(readAgain)) {
			t.Errorf("%s: it is looked at again at %s, want within %s", name, got.LookAgain, readAgain)
		}
	}
}

func TestWhatWasClosedIsClosedAgainAtOnce(t *testing.T) {
	s := openFor72(0)
	s.rules.settings.WhenStuck.Window = stuck.Window{From: 1 * time.Hour, To: 2 * time.Hour}
	s.facts.Memory.SeeClosed(ago(3600))
	s.facts.Slot = nil
	if got := s.decide().Needs.Slot; got == nil || !got.Again {
		t.Errorf("needs %+v, want a slot for what is guarded again", got)
	}
	s.facts.Slot = &Slot{}
	if got := closingOps(s.decide()); len(got) != 2 {
		t.Errorf("it takes %v, want both although it is out of the window", got)
	}
	s.rules.settings.WhenStuck = stuck.Rule{}
	if got := closingOps(s.decide()); got != nil {
		t.Errorf("it takes %v, although the rule does not close any more", got)
	}
}

func TestTheClosingIsReportedThreeTimesBefore(t *testing.T) {
	at := noon.Add(100 * time.Hour)
	for _, tc := range []struct{ left, want time.Duration }{
		{100 * time.Hour, 72 * time.Hour}, {72 * time.Hour, 24 * time.Hour}, {25 * time.Hour, 24 * time.Hour},
		{24 * time.Hour, time.Hour}, {time.Hour, 0}, {time.Minute, 0},
	} {
		if got := at.Sub(nextNotice(at, at.Add(-tc.left))); got != tc.want {
			t.Errorf("%s before: the next look is %s before, want %s", tc.left, got, tc.want)
		}
	}
	got := openFor72(1).decide()
	if want := got.ClosesAt.Add(-24 * time.Hour); !got.LookAgain.Equal(want) || got.Outcome != report.Waiting {
		t.Errorf("%s, looks again at %s, want %s", got.Outcome, got.LookAgain, want)
	}
}

func TestALongContestIsEndedByAnotherField(t *testing.T) {
	// Direct IAP, turned off by others for two minutes each time.
	fought := func(rounds int, each time.Duration) *situation {
		s := deployed()
		p := &s.facts.Posture
		p.Backends, p.Service.InvokerCheckOff = nil, true
		p.Invokers.Bindings = []posture.Binding{{Role: posture.RoleInvoker, Members: []string{posturetest.Agent}}}
		p.DirectAccess.Bindings = []posture.Binding{{Role: posture.RoleAccessor, Members: s.rules.settings.Access}}
		s.rules.settings.Recipe = policy.RecipeDirect
		s.facts.Memory = &memory.Service{UID: "uid"}
		step := plan.Step{Change: plan.EnableDirectIAP{}, Resource: hello.Name()}
		for i := range rounds {
			at := noon.Add(-time.Duration(i+1) * 5 * time.Minute)
			s.facts.Memory.AddUndo(memory.Undo{Field: fieldOf(step), At: at, OpenSince: at.Add(-each)})
		}
		s.facts.Memory.AddWrite(memory.Write{Run: "r", Op: string(enableDirectIAP), Resource: hello.Name(),
			Field: step.Field(), At: ago(90)})
		s.request.Cause.At = ago(80)
		return s
	}
	for _, tc := range []struct {
		name   string
		rounds int
		each   time.Duration
		change func(*situation)
		want   []plan.Op
	}{
		{"for less than a tenth of an hour", 4, time.Minute, func(*situation) {}, nil},
		{"for more", 4, 2 * time.Minute, func(*situation) {}, []plan.Op{requireInvoker}},
		{"it is not contested", 1, 20 * time.Minute, func(*situation) {}, nil},
		{"the agent may not invoke", 4, 2 * time.Minute, func(s *situation) {
			s.facts.Posture.Invokers.Bindings = nil
		}, nil},
		{"an obstacle stops it", 4, 2 * time.Minute, func(s *situation) {
			s.facts.Posture.APIsOff = []string{plan.IAPAPI}
			s.rules.settings.Access, s.facts.Posture.DirectAccess.Bindings = nil, nil
		}, nil},
		{"a load balancer leads there too", 4, 2 * time.Minute, func(s *situation) {
			s.facts.Posture.Backends = deployed().facts.Posture.Backends
		}, []plan.Op{restrictIngress, requireInvoker}},
		{"mode approve", 4, 2 * time.Minute, func(s *situation) { s.rules.settings.Mode = policy.Approve }, nil},
	} {
		s := fought(tc.rounds, tc.each)
		tc.change(s)
		if diff := cmp.Diff(tc.want, closingOps(s.decide())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestOnlyTheLastHourOfAContestCounts(t *testing.T) {
	round := func(at, open int) memory.Undo {
		return memory.Undo{At: ago(60 * at), OpenSince: ago(60 * open)}
	}
	for _, tc := range []struct {
		name   string
		rounds []memory.Undo
		want   time.Duration
	}{
		{"none", nil, 0},
		{"two", []memory.Undo{round(10, 12), round(5, 6)}, 3 * time.Minute},
		{"nobody knows for how long", []memory.Undo{{At: ago(60)}}, 0},
		{"before the hour", []memory.Undo{round(61, 90)}, 0},
		{"partly before", []memory.Undo{round(55, 90)}, 5 * time.Minute},
		{"the wrong way round", []memory.Undo{round(20, 10)}, 0},
	} {
		if got := openWithin(tc.rounds, noon); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestAContestLastsAsLongAsADayHasThreeRounds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		rounds []int // seconds ago
		before time.Time
		want   time.Time
	}{
		{"two rounds", []int{20, 10}, ago(999), time.Time{}},
		{"three", []int{30, 20, 10}, time.Time{}, ago(30)},
		{"since earlier", []int{30, 20, 10}, noon.Add(-50 * time.Hour), noon.Add(-50 * time.Hour)},
		{"long ago", []int{90000, 90001, 90002}, noon.Add(-50 * time.Hour), time.Time{}},
	} {
		known := &memory.Service{ContestedSince: tc.before}
		for _, seconds := range tc.rounds {
			known.AddUndo(memory.Undo{Field: "f", At: ago(seconds)})
		}
		d := &decider{facts: Facts{Memory: known}, now: noon}
		if got := d.contestedSince(); !got.Equal(tc.want) {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// pushing are the callers of a service to which Pub/Sub pushes at its own address.
func pushing(p posture.Posture) []caller.Caller {
	return []caller.Caller{{Kind: caller.PushSubscription, Name: "projects/demo-project/subscriptions/s",
		Address: p.Service.URLs[0]}}
}
