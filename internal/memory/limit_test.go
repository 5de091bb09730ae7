package memory_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

// limits are two services in a project, and three overall.
func limits(project string) []memory.Limit {
	return []memory.Limit{
		{Name: "in a project", Project: project, Key: "rule", Most: 2}, {Name: "overall", Key: "rule", Most: 3},
	}
}

func TestASlotIsTakenOnceAnHour(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Date(2026, 12, 1, 12, 50, 0, 0, time.UTC))
	m := memory.New(memory.NewInProcess(), memory.Options{Clock: clock})
	begin := clock.Now()
	for _, tc := range []struct {
		name         string
		minute       int // of the story
		project, uid string
		full         string // the limit that is used up, "" = none
		until        int    // minute
		takers       string // of that limit
	}{
		{"the first", 0, "p", "a", "", 0, ""},
		{"the same again", 1, "p", "a", "", 0, ""},
		{"the second", 2, "p", "b", "", 0, ""},
		{"the third of a project", 3, "p", "c", "in a project", 60, "p/a p/b"},
		{"of another project", 4, "q", "d", "", 0, ""},
		{"the fourth overall", 5, "r", "e", "overall", 60, "p/a p/b q/d"},
		{"the hour has changed", 20, "p", "c", "in a project", 60, "p/a p/b"},
		{"one that has a slot in the hour before", 21, "p", "b", "", 0, ""},
		{"the first one's slot has ended", 60, "p", "c", "", 0, ""},
		{"and is taken by another", 61, "r", "e", "overall", 62, "p/b p/c q/d"},
		{"the second one's has ended", 62, "r", "e", "", 0, ""},
	} {
		clock.Advance(begin.Add(time.Duration(tc.minute) * time.Minute).Sub(clock.Now()))
		full, err := m.TakeSlot(t.Context(), memory.Taker{UID: tc.uid, Name: tc.project + "/" + tc.uid}, limits(tc.project))
		switch {
		case err != nil:
			t.Fatalf("%s: %v", tc.name, err)
		case (full == nil) != (tc.full == ""):
			t.Errorf("%s: %+v, want %q", tc.name, full, tc.full)
		case full != nil && (full.Name != tc.full || !full.Until.Equal(begin.Add(time.Duration(tc.until)*time.Minute))):
			t.Errorf("%s: %s until %v, want %s until minute %d", tc.name, full.Name, full.Until.Sub(begin), tc.full, tc.until)
		case full != nil && strings.Join(full.Takers, " ") != tc.takers:
			t.Errorf("%s: used up by %v, want %s", tc.name, full.Takers, tc.takers)
		}
	}
}

// A refusal overall leaves no slot behind that the project would miss.
func TestARefusedServiceUsesUpNoOtherLimit(t *testing.T) {
	m := memory.New(memory.NewInProcess(), memory.Options{Clock: clockwork.NewFakeClock()})
	for i, project := range []string{"p", "q", "r"} {
		if full, err := m.TakeSlot(t.Context(), memory.Taker{UID: fmt.Sprint(i)}, limits(project)); full != nil || err != nil {
			t.Fatal(full, err)
		}
	}
	for range 5 {
		if full, err := m.TakeSlot(t.Context(), memory.Taker{UID: "x"}, limits("s")); err != nil || full == nil || full.Name != "overall" {
			t.Fatalf("%+v, %v; want overall used up", full, err)
		}
	}
	counts, err := m.Slots(t.Context(), "s")
	if err != nil || counts["rule"] != 0 {
		t.Errorf("%v slots of project s, %v; want none", counts, err)
	}
}

func TestTwoInstancesCannotTakeTheLastSlot(t *testing.T) {
	store, clock := memory.NewInProcess(), clockwork.NewRealClock()
	var taken atomic.Int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			m := memory.New(store, memory.Options{Clock: clock})
			full, err := m.TakeSlot(t.Context(), memory.Taker{UID: fmt.Sprint(i)}, limits("p"))
			if err != nil {
				t.Error(err)
			}
			if full == nil {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	if taken.Load() != 2 {
		t.Errorf("%d services took a slot, want 2", taken.Load())
	}
}

func TestAnUnreadableHourIsNotAnEmptyOne(t *testing.T) {
	m := open(&faulty{Store: memory.NewInProcess(), get: always(fault.Denied)})
	if full, err := m.TakeSlot(t.Context(), memory.Taker{UID: "a"}, limits("p")); err == nil {
		t.Errorf("%+v without an error, want one", full)
	}
}
