package workqueue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/workqueue"
)

// jumps are how far a clock jumps while work waits.
var jumps = []time.Duration{time.Hour, 3 * time.Hour, 30 * time.Hour}

// waiting is a queue whose first look asks for another one after a while.
type waiting struct {
	t             *testing.T
	clock         *clockwork.FakeClock
	worker        *workqueue.Worker
	accepts       *workqueue.Acceptance
	records       *workqueue.InProcess
	looks, gaveUp int
	fails         error // what looks come to from now on
}

func waitsFor(t *testing.T, wait time.Duration) *waiting {
	w := &waiting{t: t, clock: clockwork.NewFakeClock(), records: &workqueue.InProcess{}}
	w.accepts = workqueue.NewAcceptance(w.clock, 45*time.Minute)
	w.worker = workqueue.NewWorker(workqueue.Options{Clock: w.clock, Later: w.records,
		Look: func(context.Context, workqueue.Item, time.Time) (time.Time, error) {
			if w.looks++; w.looks == 1 {
				return w.clock.Now().Add(wait), nil
			}
			return time.Time{}, w.fails
		},
		GiveUp: func(context.Context, workqueue.Item) error { w.gaveUp++; return nil },
	})
	return w
}

// delivered delivers an event, and checks how many looks and items given up there are then.
func (w *waiting) delivered(item workqueue.Item, looks, gaveUp int) error {
	w.t.Helper()
	err := w.worker.Deliver(w.t.Context(), item, 0)
	if w.looks != looks || w.gaveUp != gaveUp {
		w.t.Fatalf("item %s: %d looks and %d given up, want %d and %d", item.ID, w.looks, w.gaveUp, looks, gaveUp)
	}
	return err
}

func (w *waiting) event(id string) workqueue.Item {
	return w.accepts.Stamp(workqueue.Item{Key: "a", ID: id})
}

func TestAClockThatGoesBackPutsNoWorkOff(t *testing.T) {
	for _, back := range jumps {
		t.Run(back.String(), func(t *testing.T) {
			w := waitsFor(t, 50*time.Second)
			first := w.event("1")
			if err := w.delivered(first, 1, 0); !errors.Is(err, workqueue.ErrNotYet) {
				t.Fatal(err)
			}
			w.clock.Advance(-back)
			if err := w.delivered(w.event("2"), 2, 0); err != nil {
				t.Errorf("a new event: %v, want it handled", err)
			}
			// The first one is looked at once more, or was seen by that look.
			if err := w.worker.Deliver(t.Context(), first, 0); err != nil || w.gaveUp > 0 {
				t.Errorf("the event that waited: %v, %d given up, want it handled", err, w.gaveUp)
			}
			if due, err := w.records.Due(t.Context(), w.clock.Now().Add(1000*time.Hour)); err != nil || len(due) > 0 {
				t.Errorf("stored for later: %v, error %v", due, err)
			}
		})
	}
}

func TestAnEventAfterAJumpIsNotTakenAsSeen(t *testing.T) {
	for _, ahead := range jumps[1:] { // within an hour somebody may have tried it
		t.Run(ahead.String(), func(t *testing.T) {
			w := waitsFor(t, 50*time.Second)
			first := w.event("1")
			if err := w.delivered(first, 1, 0); !errors.Is(err, workqueue.ErrNotYet) {
				t.Fatal(err)
			}
			w.clock.Advance(ahead)
			if err := w.delivered(first, 2, 0); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Minute - ahead) // it was wrong, and is set
			if err := w.delivered(w.event("2"), 3, 0); err != nil {
				t.Errorf("%v, want a look of its own", err)
			}
		})
	}
}

func TestAClockThatJumpsAheadGivesNoWorkUp(t *testing.T) {
	for _, ahead := range jumps[1:] { // within an hour somebody may have tried it
		t.Run(ahead.String(), func(t *testing.T) {
			w := waitsFor(t, 50*time.Second)
			event := w.event("1")
			if err := w.delivered(event, 1, 0); !errors.Is(err, workqueue.ErrNotYet) {
				t.Fatal(err)
			}
			w.clock.Advance(ahead)
			w.fails = errors.New("out of luck")
			if err := w.delivered(event, 2, 0); !errors.Is(err, w.fails) {
				t.Errorf("%v, want a look", err)
			}
			w.clock.Advance(time.Second)
			if err := w.delivered(event, 2, 1); err != nil {
				t.Errorf("%v, want it given up after that look", err)
			}
		})
	}
}

func TestWorkThatIsRevivedMayWaitOnceMore(t *testing.T) {
	w := waitsFor(t, 20*time.Minute)
	event := w.event("1")
	w.clock.Advance(3 * time.Hour) // nobody delivers it
	if err := w.delivered(event, 1, 0); err != nil {
		t.Fatalf("%v, want it stored", err)
	}
	w.clock.Advance(20 * time.Minute)
	queue := workqueue.NewInline(w.worker, w.accepts)
	if added, err := workqueue.AddDue(t.Context(), queue, w.records, w.clock.Now()); added != 1 || err != nil {
		t.Errorf("%d added, %v; want the stored one", added, err)
	}
	if w.looks != 2 || w.gaveUp != 0 {
		t.Errorf("%d looks and %d given up, want two looks", w.looks, w.gaveUp)
	}
}
