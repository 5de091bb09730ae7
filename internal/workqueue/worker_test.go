package workqueue_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/workqueue"
)

// always asks for another look after a while, for ever.
func always(clock clockwork.Clock, wait time.Duration, looks *int) workqueue.Options {
	return workqueue.Options{
		Clock: clock,
		Look: func(context.Context, workqueue.Item, time.Time) (time.Time, error) {
			*looks++
			return clock.Now().Add(wait), nil
		},
		GiveUp: func(context.Context, workqueue.Item) error { return nil },
	}
}

func TestWaitsHeldInOneDeliveryAreBounded(t *testing.T) {
	for _, tc := range []struct {
		name         string
		wait, hold   time.Duration
		looks, waits int
	}{
		{"short waits add up to five minutes", 50 * time.Second, workqueue.HoldInAll, 7, 6},
		{"a minute is short", time.Minute, workqueue.HoldInAll, 6, 5},
		{"more than a minute is not held", 61 * time.Second, workqueue.HoldInAll, 1, 0},
		{"the sender's deadline is shorter", 20 * time.Second, 50 * time.Second, 3, 2},
		{"nothing is held", time.Second, 0, 1, 0},
		{"a time that has passed is a short wait", -time.Hour, time.Second, 5, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clock, looks := clockwork.NewFakeClock(), 0
			worker := workqueue.NewWorker(always(clock, tc.wait, &looks))
			ended := make(chan error, 1)
			go func() { ended <- worker.Deliver(t.Context(), workqueue.Item{Key: "a", ID: "1"}, tc.hold) }()
			for range tc.waits {
				if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				clock.Advance(max(tc.wait, 250*time.Millisecond))
			}
			if err := <-ended; !errors.Is(err, workqueue.ErrNotYet) {
				t.Errorf("%v, want the item to be delivered again", err)
			}
			if looks != tc.looks {
				t.Errorf("%d looks, want %d", looks, tc.looks)
			}
		})
	}
}

func TestAHeldDeliveryEndsWithItsContext(t *testing.T) {
	clock, looks, stopping := clockwork.NewFakeClock(), 0, errors.New("the instance is stopping")
	worker := workqueue.NewWorker(always(clock, time.Minute, &looks))
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Deliver(ctx, workqueue.Item{Key: "a", ID: "1"}, workqueue.HoldInAll) }()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	err := worker.Deliver(t.Context(), workqueue.Item{Key: "a", ID: "2"}, workqueue.HoldInAll)
	if !errors.Is(err, workqueue.ErrNotYet) {
		t.Errorf("a second delivery: %v, want it not to be held beside the first", err)
	}
	cancel(stopping)
	if err := <-ended; !errors.Is(err, stopping) {
		t.Errorf("%v, want why the context ended", err)
	}
}

func TestAWaitForTheTurnEndsWithItsContext(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	worker := workqueue.NewWorker(workqueue.Options{
		Clock: clockwork.NewFakeClock(),
		Look: func(context.Context, workqueue.Item, time.Time) (time.Time, error) {
			close(inside)
			<-release
			return time.Time{}, nil
		},
	})
	ended := make(chan error, 1)
	go func() { ended <- worker.Deliver(t.Context(), workqueue.Item{Key: "a"}, 0) }()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := worker.Deliver(ctx, workqueue.Item{Key: "a"}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestARecordThatCannotBeReadStays(t *testing.T) {
	clock, looks, records := clockwork.NewFakeClock(), 0, &workqueue.InProcess{}
	worker := workqueue.NewWorker(always(clock, time.Hour, &looks))
	queue := workqueue.NewInline(worker, workqueue.NewAcceptance(clock, time.Hour))
	for _, payload := range []string{"rubbish", `{"payload":"aGVsbG8="}`} {
		if err := records.Schedule(t.Context(), clock.Now(), payload, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	added, err := workqueue.AddDue(t.Context(), queue, records, clock.Now())
	if left, _ := records.Due(t.Context(), clock.Now()); added != 0 || err == nil || len(left) != 2 || looks > 0 {
		t.Errorf("%d added with %d looks, error %v, records left %v; want both left, and an error", added, looks, err, left)
	}
}

func TestJoinHidesNoFailureBehindAWait(t *testing.T) {
	failure := errors.New("out of luck")
	for _, tc := range []struct {
		name     string
		problems []error
		want     error
		notYet   bool
	}{
		{"nothing", []error{nil, nil}, nil, false},
		{"a wait", []error{nil, workqueue.ErrNotYet}, workqueue.ErrNotYet, true},
		{"a wait and a failure", []error{workqueue.ErrNotYet, failure}, failure, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := workqueue.Join(tc.problems...)
			if !errors.Is(got, tc.want) || errors.Is(got, workqueue.ErrNotYet) != tc.notYet {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// A record that somebody else wrote must not pass for an item that its sender delivers.
func TestAnUnstoredItemStaysWithItsSender(t *testing.T) {
	clock, records := clockwork.NewFakeClock(), &workqueue.InProcess{}
	var seen []workqueue.Item
	options := workqueue.Options{Clock: clock, Later: records, Look: func(_ context.Context, item workqueue.Item, _ time.Time) (
		time.Time, error) {
		if seen = append(seen, item); len(seen)%2 == 1 {
			return clock.Now().Add(5 * time.Minute), nil
		}
		return time.Time{}, nil
	}}
	queue := workqueue.NewInline(workqueue.NewWorker(options), workqueue.NewAcceptance(clock, time.Hour))
	for _, unstored := range []bool{true, false} {
		seen = nil
		item := workqueue.Item{Key: "a", ID: fmt.Sprint(unstored), Alone: true, Unstored: unstored}
		sent, err := workqueue.ParseItem(nil, item.Attributes()) // as Pub/Sub carries it
		if err != nil {
			t.Fatal(err)
		}
		if err := queue.Add(t.Context(), sent); errors.Is(err, workqueue.ErrNotYet) != unstored {
			t.Errorf("unstored %t: %v", unstored, err)
		}
		clock.Advance(5 * time.Minute)
		added, err := workqueue.AddDue(t.Context(), queue, records, clock.Now())
		if err != nil || added == 1 == unstored {
			t.Errorf("unstored %t: %d came from a record, %v", unstored, added, err)
		}
		if unstored {
			if err := queue.Add(t.Context(), sent); err != nil {
				t.Error(err)
			}
		}
		if len(seen) != 2 || seen[0].Restored || seen[1].Restored == unstored {
			t.Errorf("unstored %t: looks at %+v; want the second to know whether a record led to it", unstored, seen)
		}
	}
}

// A record that somebody deleted, or that cannot be read, must not end a wait.
func TestWhatAWorkerStoredIsNotLostWithItsRecord(t *testing.T) {
	for _, tc := range []struct {
		name    string
		deleted bool
		looks   int // two minutes after the record's time
	}{{"the record is there", false, 2}, {"the record is gone", true, 2}} {
		t.Run(tc.name, func(t *testing.T) {
			clock, looks, records := clockwork.NewFakeClock(), 0, &workqueue.InProcess{}
			options := always(clock, 7*time.Minute, &looks)
			options.Look = func(context.Context, workqueue.Item, time.Time) (next time.Time, err error) {
				if looks++; looks == 1 {
					next = clock.Now().Add(7 * time.Minute)
				}
				return next, nil
			}
			options.Later = records
			worker := workqueue.NewWorker(options)
			queue := workqueue.NewInline(worker, workqueue.NewAcceptance(clock, time.Hour))
			if err := queue.Add(t.Context(), workqueue.Item{Key: "a", ID: "1"}); err != nil {
				t.Fatal(err)
			}
			if tc.deleted {
				forget(t, records, clock.Now().Add(time.Hour))
			}
			for minute := range 9 {
				clock.Advance(time.Minute)
				if _, err := workqueue.AddDue(t.Context(), queue, records, clock.Now()); err != nil {
					t.Fatal(err)
				}
				if _, err := worker.AddLost(t.Context(), queue); err != nil {
					t.Fatal(err)
				}
				if minute == 5 && looks != 1 {
					t.Fatalf("%d looks before the time", looks)
				}
			}
			if looks != tc.looks {
				t.Errorf("%d looks, want %d", looks, tc.looks)
			}
		})
	}
}

// A look that is wanted later must not be lost with its record, nor come twice.
func TestWhatIsLookedAtAgainIsNotLostWithItsRecord(t *testing.T) {
	const hold = 12 * time.Minute
	for _, tc := range []struct {
		name    string
		deleted bool
		ended   bool // a look at the third minute wants none any more
		looks   int
	}{
		{"the record is there", false, false, 3}, {"the record is gone", true, false, 3},
		{"an earlier look wanted it", true, true, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clock, looks, records := clockwork.NewFakeClock(), 0, &workqueue.InProcess{}
			var worker *workqueue.Worker
			until, options := clock.Now().Add(hold), always(clock, hold, &looks)
			options.Look = func(ctx context.Context, item workqueue.Item, _ time.Time) (next time.Time, err error) {
				wanted := until
				if looks++; looks == 2 && tc.ended {
					wanted = time.Time{}
				}
				return time.Time{}, worker.Repeat(ctx, item, wanted)
			}
			options.Again = records
			worker = workqueue.NewWorker(options)
			queue := workqueue.NewInline(worker, workqueue.NewAcceptance(clock, time.Hour))
			for minute := range 20 {
				if minute == 0 || minute == 3 {
					if err := queue.Add(t.Context(), workqueue.Item{Key: "a", ID: strconv.Itoa(minute)}); err != nil {
						t.Fatal(err)
					}
				}
				if minute == 5 && tc.deleted {
					forget(t, records, until)
				}
				if minute == 11 && looks != 2 {
					t.Fatalf("%d looks before the time", looks)
				}
				clock.Advance(time.Minute)
				if _, err := workqueue.AddDue(t.Context(), queue, records, clock.Now()); err != nil {
					t.Fatal(err)
				}
				if _, err := worker.AddLost(t.Context(), queue); err != nil {
					t.Fatal(err)
				}
			}
			if looks != tc.looks {
				t.Errorf("%d looks, want %d", looks, tc.looks)
			}
		})
	}
}

// forget deletes the one record that is due by a time.
func forget(t *testing.T, records *workqueue.InProcess, until time.Time) {
	t.Helper()
	due, err := records.Due(t.Context(), until)
	if err != nil || len(due) != 1 {
		t.Fatalf("%d records, %v; want one", len(due), err)
	}
	if err := due[0].Done(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A look that a record leads to may want the next one within the same minute.
func TestTheNextLookOfTheSameMinuteIsStored(t *testing.T) {
	clock, looks, records := clockwork.NewFakeClock(), 0, &workqueue.InProcess{}
	began := clock.Now().Truncate(time.Minute)
	clock.Advance(began.Add(time.Minute).Sub(clock.Now()))
	first, second := clock.Now().Add(time.Minute+time.Second), clock.Now().Add(time.Minute+15*time.Second)
	var worker *workqueue.Worker
	options := always(clock, time.Hour, &looks)
	options.Look = func(ctx context.Context, item workqueue.Item, _ time.Time) (next time.Time, err error) {
		looks++
		wanted := []time.Time{first, second, {}}[min(looks-1, 2)]
		return time.Time{}, worker.Repeat(ctx, item, wanted)
	}
	options.Again = records
	worker = workqueue.NewWorker(options)
	queue := workqueue.NewInline(worker, workqueue.NewAcceptance(clock, time.Hour))
	if err := queue.Add(t.Context(), workqueue.Item{Key: "a", ID: "1"}); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		clock.Advance(time.Minute + time.Second)
		if _, err := workqueue.AddDue(t.Context(), queue, records, clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if looks != 3 {
		t.Errorf("%d looks, want 3", looks)
	}
}
