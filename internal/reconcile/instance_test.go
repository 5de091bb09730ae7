package reconcile

import (
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
)

func TestGuardingAgainHasPausesBeyondItsBound(t *testing.T) {
	start := time.Unix(0, 0)
	a := &Again{}
	for i := range againInProject {
		if slot := a.Take("p", fmt.Sprint(i), start); slot.UsedUp != "" {
			t.Fatalf("service %d has to wait: %+v", i+1, slot)
		}
	}
	for _, tc := range []struct {
		name, project, uid string
		at                 time.Duration
		until              time.Duration // 0 = it goes on
	}{
		{"one that counts already", "p", "7", time.Second, 0},
		{"the first beyond", "p", "a", time.Second, 0},
		{"the next", "p", "b", 2 * time.Second, 61 * time.Second},
		{"another project", "q", "a", 2 * time.Second, 0},
		{"a minute later", "p", "b", 61 * time.Second, 0},
		{"an hour later", "p", "c", time.Hour, 0},
	} {
		slot := a.Take(tc.project, tc.uid, start.Add(tc.at))
		if (slot.UsedUp == "") != (tc.until == 0) || tc.until != 0 && !slot.Until.Equal(start.Add(tc.until)) {
			t.Errorf("%s: %+v, want it until %v", tc.name, slot, tc.until)
		}
	}
}

func TestAFailureThatTheMemoryDoesNotStoreIsKeptForTheWindow(t *testing.T) {
	s := newInstance(memory.New(memory.NewInProcess(), memory.Options{Clock: clockwork.NewFakeClock()}))
	at := time.Unix(0, 0)
	s.fail([]memory.Failure{{Op: "a", At: at}})
	if got := s.failures(at.Add(decide.Window - time.Second)); len(got) != 1 {
		t.Errorf("within the window: %v, want one", got)
	}
	if got := s.failures(at.Add(decide.Window)); len(got) != 0 {
		t.Errorf("after it: %v, want none", got)
	}
}

func TestAnEngineIsCompleteOrAnError(t *testing.T) {
	_, err := NewEngine(Surroundings{Version: "1"})
	const want = "building the engine: it lacks Cloud, Publisher, Policy, Clock, Log, History, Memory"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
