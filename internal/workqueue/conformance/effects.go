package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/workqueue"
)

func oneAtATime(t *testing.T, factory Factory) {
	b := open(t, factory, answering(func(context.Context, look, int) (time.Time, error) {
		time.Sleep(2 * time.Millisecond) // long enough for another look to begin
		return time.Time{}, nil
	}))
	var taken []<-chan struct{}
	for i := range 10 {
		each := item("a", fmt.Sprint(i))
		each.Alone = true
		taken = append(taken, b.send(each))
	}
	b.await(taken...)
	b.until(10)
	looks, _, overlap := b.all()
	if len(looks) != 10 || overlap {
		t.Errorf("%d looks, overlapping: %t; want 10, one after the other", len(looks), overlap)
	}
}

func sideBySide(t *testing.T, factory Factory) {
	release := make(chan struct{})
	b := open(t, factory, answering(func(_ context.Context, l look, _ int) (time.Time, error) {
		if l.Key == "a" {
			<-release
		}
		return time.Time{}, nil
	}))
	slow, quick := b.send(item("a", "1")), b.send(item("b", "1"))
	b.await(quick)
	close(release)
	b.await(slow)
}

func notBefore(t *testing.T, factory Factory) {
	for name, each := range map[string]workqueue.Item{
		"the look asks for it": item("a", "1"),
		"the item says so":     {Key: "a", ID: "1", NotBefore: start.Add(workqueue.BlindAtMost)},
	} {
		t.Run(name, func(t *testing.T) {
			first := 1
			if !each.NotBefore.IsZero() {
				first = 0
			}
			b := open(t, factory, answering(func(_ context.Context, l look, _ int) (time.Time, error) {
				if due := start.Add(workqueue.BlindAtMost); l.at.Before(due) {
					return due, nil
				}
				return time.Time{}, nil
			}))
			taken := b.send(each)
			b.until(first)
			b.still(first)
			b.advance(workqueue.BlindAtMost - time.Second)
			b.still(first)
			b.advance(time.Second)
			b.await(taken)
			b.still(first + 1)
		})
	}
}

func longWait(t *testing.T, factory Factory) {
	b := open(t, factory, withRecords, deferredOnce(7*time.Minute))
	b.await(b.send(item("a", "1"))) // the record is stored: nobody waits
	b.eventually("a record", func() bool {
		due, _ := b.records.Due(t.Context(), start.Add(time.Hour))
		return len(due) == 1
	})
	b.await(b.send(item("a", "2"))) // it relies on the same record
	b.advance(6 * time.Minute)
	b.due()
	b.still(1)
	b.advance(5 * time.Minute) // four commands were missed
	b.due()
	b.until(2)
	b.still(2)
	looks, _, _ := b.all()
	if !looks[1].since.Equal(start) || !looks[1].GiveUpAt.Equal(start.Add(GiveUpAfter)) {
		t.Errorf("since %s, given up at %s: want both as they were first", looks[1].since, looks[1].GiveUpAt)
	}
	if left, _ := b.records.Due(t.Context(), start.Add(time.Hour)); len(left) > 0 {
		t.Errorf("records %v are left", left)
	}
}

func longWaitWithoutRecords(t *testing.T, factory Factory) {
	b := open(t, factory, deferredOnce(7*time.Minute))
	taken := b.send(item("a", "1"))
	b.until(1)
	b.advance(6 * time.Minute)
	b.still(1)
	b.advance(time.Minute)
	b.await(taken)
	b.still(2)
}

// failingRecords cannot store anything until they are repaired.
type failingRecords struct {
	workqueue.InProcess
	repaired atomic.Bool
}

func (f *failingRecords) Schedule(ctx context.Context, at time.Time, key string, payload []byte) error {
	if !f.repaired.Load() {
		return errors.New("the bucket is unavailable")
	}
	return f.InProcess.Schedule(ctx, at, key, payload)
}

func recordNotStored(t *testing.T, factory Factory) {
	records := &failingRecords{}
	later := factory
	factory = func(t *testing.T, processes []workqueue.Options) workqueue.Queue {
		for i := range processes {
			processes[i].Later = records
		}
		return later(t, processes)
	}
	b := open(t, factory, deferredOnce(7*time.Minute))
	taken := b.send(item("a", "1"))
	b.until(1)
	b.still(1)
	records.repaired.Store(true)
	b.await(taken)
	b.eventually("a record", func() bool {
		due, _ := records.Due(t.Context(), start.Add(time.Hour))
		return len(due) == 1
	})
	b.still(1)
}

func waitingTogether(t *testing.T, factory Factory) {
	b := open(t, factory, deferredOnce(30*time.Second))
	taken := []<-chan struct{}{b.send(item("a", "1"))}
	b.until(1)
	for _, id := range []string{"2", "3", "4"} {
		taken = append(taken, b.send(item("a", id)))
	}
	b.still(1)
	b.advance(30 * time.Second)
	b.until(2)
	b.await(taken...)
	b.still(2)
	looks, _, _ := b.all()
	if !looks[1].since.Equal(start) {
		t.Errorf("the look is for what waits since %s, want since the first item", looks[1].since)
	}
	b.advance(time.Second)
	b.await(b.send(item("a", "5")))
	b.until(3)
}

func duringALook(t *testing.T, factory Factory) {
	release := make(chan struct{})
	b := open(t, factory, answering(func(_ context.Context, _ look, n int) (time.Time, error) {
		if n == 1 {
			<-release
		}
		return time.Time{}, nil
	}))
	taken := []<-chan struct{}{b.send(item("a", "1"))}
	b.until(1)
	b.advance(time.Second)
	for _, id := range []string{"2", "3", "4"} {
		taken = append(taken, b.send(item("a", id)))
	}
	b.still(1)
	b.advance(time.Second)
	close(release)
	b.await(taken...)
	b.until(2)
	b.still(2)
}

func alone(t *testing.T, factory Factory) {
	b := open(t, factory, answering(func(_ context.Context, l look, _ int) (time.Time, error) {
		if !l.Alone && l.at.Before(start.Add(30*time.Second)) {
			return start.Add(30 * time.Second), nil
		}
		return time.Time{}, nil
	}))
	waits := b.send(item("a", "1"))
	b.until(1)
	b.advance(time.Second)
	for i, id := range []string{"one", "two"} {
		command := item("a", id)
		command.Alone = true
		b.await(b.send(command))
		b.until(2 + i)
	}
	b.still(3)
	b.advance(30 * time.Second)
	b.await(waits)
	b.until(4)
}

func urgent(t *testing.T, factory Factory) {
	b := open(t, factory, answering(func(_ context.Context, l look, _ int) (time.Time, error) {
		if l.ID == "ready" {
			return time.Time{}, nil
		}
		return l.at.Add(50 * time.Second), nil
	}))
	waits := b.send(item("a", "1"))
	b.until(1)
	b.advance(time.Second)
	ready := item("a", "ready")
	ready.Urgent = true
	b.await(b.send(ready))
	b.await(waits) // the urgent item's look was one for this item, too
	b.still(2)
}

func failure(t *testing.T, factory Factory) {
	b := open(t, factory, answering(func(_ context.Context, _ look, n int) (time.Time, error) {
		if n < 3 {
			return time.Time{}, errors.New("out of luck")
		}
		return time.Time{}, nil
	}))
	b.await(b.send(item("a", "1")))
	b.until(3)
	b.still(3)
}

func otherProcess(t *testing.T, factory Factory) {
	b := open(t, factory, twoProcesses)
	for range 6 {
		b.await(b.send(item("a", "1")))
		b.advance(time.Second)
	}
	b.until(2)
	b.still(2)
}

func giveUp(t *testing.T, factory Factory) {
	b := open(t, factory, answering(func(context.Context, look, int) (time.Time, error) {
		return time.Time{}, errors.New("out of luck")
	}))
	taken := b.send(item("a", "1"))
	for range 5 {
		b.until(len(b.made()) + 2)
		b.advance(10 * time.Minute)
	}
	b.eventually("giving up", func() bool { _, gaveUp, _ := b.all(); return len(gaveUp) > 0 })
	b.await(taken)
	looks, gaveUp, _ := b.all()
	want := start.Add(GiveUpAfter)
	for _, each := range looks {
		if !each.GiveUpAt.Equal(want) {
			t.Fatalf("at %s an item is to be given up at %s, want %s at every look", each.at, each.GiveUpAt, want)
		}
		if each.at.After(want) {
			t.Errorf("a look at %s, after giving up", each.at)
		}
	}
	if diff := cmp.Diff([]string{"a 1"}, ids(gaveUp)); diff != "" {
		t.Errorf("given up (-want +got):\n%s", diff)
	}
}

func giveUpOne(t *testing.T, factory Factory) {
	var repaired atomic.Bool
	b := open(t, factory, answering(func(context.Context, look, int) (time.Time, error) {
		if !repaired.Load() {
			return time.Time{}, errors.New("out of luck")
		}
		return time.Time{}, nil
	}))
	old := b.send(item("a", "old"))
	b.until(2)
	b.advance(GiveUpAfter - time.Minute)
	b.until(len(b.made()) + 2)
	young := b.send(item("a", "young"))
	b.advance(2 * time.Minute)
	b.await(old)
	repaired.Store(true)
	b.await(young)
	b.eventually("a look at what is left", func() bool { made := b.made(); return made[len(made)-1] == "a young" })
	if _, gaveUp, _ := b.all(); !slices.Equal(ids(gaveUp), []string{"a old"}) {
		t.Errorf("given up: %v, want the old one only", ids(gaveUp))
	}
}

func ids(items []workqueue.Item) []string {
	names := make([]string, len(items))
	for i, each := range items {
		names[i] = each.Key + " " + each.ID
	}
	return names
}

func apart(t *testing.T, factory Factory) {
	deferred := make(chan struct{})
	var canceled atomic.Bool
	b := open(t, factory, answering(func(ctx context.Context, l look, n int) (time.Time, error) {
		if l.Key == "deferred" {
			if n == 1 {
				close(deferred)
				return l.at.Add(7 * time.Minute), nil
			}
			return time.Time{}, nil
		}
		<-deferred
		select { // long enough for the deferred item to come back to its sender
		case <-ctx.Done():
			canceled.Store(true)
		case <-time.After(quiet):
		}
		return time.Time{}, ctx.Err()
	}))
	event := b.send(item("deferred", "1"), item("b", "1"), item("c", "1"))
	b.until(3)
	b.still(3)
	if canceled.Load() {
		t.Error("an item was canceled because another one is deferred")
	}
	b.advance(7 * time.Minute)
	b.await(event)
	b.until(4)
	b.still(4)
	made := b.made()
	slices.Sort(made)
	if diff := cmp.Diff([]string{"b 1", "c 1", "deferred 1", "deferred 1"}, made); diff != "" && len(made) < mostShown {
		t.Errorf("looks (-want +got):\n%s", diff)
	}
}
