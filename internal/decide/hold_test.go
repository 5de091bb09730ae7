package decide

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestEachWaveAsksForHoldsThatWereRead(t *testing.T) {
	unread := errors.New("denied")
	for _, tc := range []struct {
		name     string
		again    bool // the service was guarded before
		settings Settings
		want     bool
	}{
		{"no holds are kept", false, Settings{}, false},
		{"none is in force", false, Settings{Holds: heldUntil(noon)}, false},
		{"one is in force", false, Settings{Holds: heldUntil(noon.Add(time.Hour))}, true},
		{"they became unreadable", false, Settings{Holds: heldUntil(noon), HoldsUnread: unread}, true},
		{"unreadable, and it was guarded before", true, Settings{Holds: heldUntil(noon), HoldsUnread: unread}, false},
		{"unreadable, and a last good one holds", true,
			Settings{Holds: heldUntil(noon.Add(time.Hour)), HoldsUnread: unread}, true},
		{"unreadable, and no good one is known", true, Settings{HoldsUnread: unread}, true},
	} {
		s := deployed()
		decision := Decision{Posture: s.facts.Posture, Again: tc.again}
		if got := HeldNow(decision, tc.settings, noon); got != tc.want {
			t.Errorf("%s: held %t, want %t", tc.name, got, tc.want)
		}
	}
}

// below has the holds say which subject they were asked about.
type below struct{ asked *policy.Subject }

func (b below) Covering(subject policy.Subject, _ time.Time) *policy.Hold {
	*b.asked = subject
	return nil
}

func TestHoldsAreAskedWithWhatIsAboveTheProject(t *testing.T) {
	folder := posture.Ancestors{Known: true, Folders: []string{"folders/1"}}
	for _, tc := range []struct {
		name     string
		outside  bool // the project is in no organization
		above    posture.Ancestors
		of       string // the service's project
		isKnown  bool
		ancestor int
	}{
		{"known", false, folder, "demo-project", true, 1},
		{"unread", false, posture.Ancestors{Unread: "denied"}, "demo-project", false, 0},
		{"in no organization", true, posture.Ancestors{}, "demo-project", true, 0},
		{"of another project", false, folder, "other-project", false, 0},
	} {
		s := deployed()
		p := s.facts.Posture
		p.NoOrganization, p.Ancestors = tc.outside, tc.above
		target := p.Target
		target.Project = tc.of
		var asked policy.Subject
		heldIn(p, Settings{Holds: below{&asked}}, noon)(target)
		if asked.Target != target || asked.Ancestors.Known != tc.isKnown || len(asked.Ancestors.Folders) != tc.ancestor {
			t.Errorf("%s: asked about %+v", tc.name, asked)
		}
	}
}

func TestTheReportOfAHeldServiceSaysWhy(t *testing.T) {
	for _, tc := range []struct {
		name string
		hold policy.Hold
		want []string
	}{
		{"a folder", policy.Hold{Above: "folders/1", Reason: "incident"}, []string{
			"folders/1 is held until 2026-12-01T13:00:00Z: incident", "after iapguard resume folders/1"}},
		{"perhaps below a folder", policy.Hold{Above: "folders/1", Reason: "incident", Doubt: "denied"}, []string{
			"may lie below folders/1 (what is above it is not known: denied), which is held until 2026-12-01T13:00:00Z"}},
		{"cut short", policy.Hold{Scope: posture.Scope{Project: "demo-project"}, Cut: "it lasts at most 7 days"}, []string{
			"it lasts at most 7 days"}},
	} {
		s := deployed()
		tc.hold.Until = noon.Add(time.Hour)
		s.holds = always{&tc.hold}
		decision := s.decide()
		if decision.WaitingFor == nil {
			t.Fatalf("%s: %s waits for nothing", tc.name, decision.Outcome)
		}
		said := strings.Join(append(decision.Advice, decision.WaitingFor.What), "\n")
		for _, want := range tc.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q, want %q", tc.name, said, want)
			}
		}
	}
}

// always gives one hold.
type always struct{ hold *policy.Hold }

func (a always) Covering(policy.Subject, time.Time) *policy.Hold { return a.hold }

func TestReportsSayThatTheLastGoodHoldsCount(t *testing.T) {
	s := deployed()
	s.unread, s.holds = errors.New("denied"), heldUntil(noon)
	s.facts.Memory = &memory.Service{GuardedSince: noon.Add(-time.Hour)}
	if said := strings.Join(s.decide().Advice, "\n"); !strings.Contains(said, "the last good ones stay in force") ||
		!strings.Contains(said, "denied") {
		t.Errorf("%q", said)
	}
	s.unread = nil
	if said := strings.Join(s.decide().Advice, "\n"); strings.Contains(said, "last good") {
		t.Errorf("while they can be read: %q", said)
	}
}
