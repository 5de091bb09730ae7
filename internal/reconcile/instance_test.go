package reconcile

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestTwoRunsCannotTakeTheLastSlot(t *testing.T) {
	const limit = 5
	s := newInstance()
	now := time.Unix(0, 0)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			target := posture.Target{Project: "p", Location: "l", Service: fmt.Sprint("s", i)}
			for { // as the loop does: count, then take, and count again where another was quicker
				taken, count := s.slots.snapshot(now)
				if len(taken) >= limit || s.slots.take(target, count, now) {
					return
				}
			}
		})
	}
	group.Wait()
	if taken, _ := s.slots.snapshot(now); len(taken) != limit {
		t.Errorf("%d services took a slot, want %d", len(taken), limit)
	}
	if taken, _ := s.slots.snapshot(now.Add(decide.Window)); len(taken) != 0 {
		t.Errorf("after the window %d slots are taken, want none", len(taken))
	}
}

func TestAFailedVerificationIsKeptForTheWindow(t *testing.T) {
	s := newInstance()
	at := time.Unix(0, 0)
	s.fail("a", at)
	if got := s.failures(at.Add(decide.Window - time.Second)); len(got["a"]) != 1 {
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
