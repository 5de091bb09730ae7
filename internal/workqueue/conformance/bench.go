package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/workqueue"
)

const (
	// patience bounds how long a test waits for what must come.
	patience = 30 * time.Second
	// quiet is how long a test watches that something does not come.
	quiet = 50 * time.Millisecond
	// redelivery is the pause of a sender before it delivers an event again.
	redelivery = 2 * time.Millisecond
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// look is one look that a queue made.
type look struct {
	workqueue.Item
	since, at time.Time
}

// bench is a queue under test, with the looks that it made.
type bench struct {
	t       *testing.T
	clock   *clockwork.FakeClock
	records *workqueue.InProcess // nil = waits are not stored
	queue   workqueue.Queue

	mu      sync.Mutex
	answer  func(ctx context.Context, l look, n int) (time.Time, error)
	looks   []look
	inside  map[string]int
	overlap bool
	gaveUp  []workqueue.Item
}

// open starts a queue. answer says what the nth look comes to, counted from 1 for
// each key; nil = the item is handled.
func open(t *testing.T, factory Factory, setup ...func(*bench, *int)) *bench {
	t.Helper()
	b := &bench{t: t, clock: clockwork.NewFakeClockAt(start), inside: map[string]int{}}
	processes := 1
	for _, each := range setup {
		each(b, &processes)
	}
	options := workqueue.Options{Clock: b.clock, Look: b.look, GiveUp: b.giveUp}
	if b.records != nil {
		options.Later = b.records
	}
	b.queue = factory(t, slices.Repeat([]workqueue.Options{options}, processes))
	return b
}

// withRecords lets the queue store what has to wait for long.
func withRecords(b *bench, _ *int) { b.records = &workqueue.InProcess{} }

// twoProcesses lets two workers that know nothing of each other take turns.
func twoProcesses(_ *bench, processes *int) { *processes = 2 }

// answering says what looks come to.
func answering(answer func(ctx context.Context, l look, n int) (time.Time, error)) func(*bench, *int) {
	return func(b *bench, _ *int) { b.answer = answer }
}

// deferredOnce lets the first look at each key ask for another one after a while.
func deferredOnce(wait time.Duration) func(*bench, *int) {
	return answering(func(_ context.Context, l look, n int) (time.Time, error) {
		if n == 1 {
			return l.at.Add(wait), nil
		}
		return time.Time{}, nil
	})
}

func (b *bench) look(ctx context.Context, item workqueue.Item, since time.Time) (time.Time, error) {
	made := look{item, since, b.clock.Now()}
	b.mu.Lock()
	b.looks = append(b.looks, made)
	n := 0
	for _, each := range b.looks {
		if each.Key == item.Key {
			n++
		}
	}
	b.inside[item.Key]++
	b.overlap = b.overlap || b.inside[item.Key] > 1
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.inside[item.Key]--
	}()
	if b.answer == nil {
		return time.Time{}, nil
	}
	return b.answer(ctx, made, n)
}

func (b *bench) giveUp(_ context.Context, item workqueue.Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gaveUp = append(b.gaveUp, item)
	return nil
}

// item is one cause.
func item(key, id string) workqueue.Item {
	return workqueue.Item{Key: key, ID: id, Payload: []byte(key + " " + id)}
}

// send adds the items of one event, as a sender does: an event that the queue did
// not take is delivered again. taken is closed once the queue took it.
func (b *bench) send(items ...workqueue.Item) (taken <-chan struct{}) {
	done := make(chan struct{})
	ctx := b.t.Context()
	go func() {
		for ctx.Err() == nil {
			if err := workqueue.AddAll(ctx, b.queue, items); err == nil {
				close(done)
				return
			}
			time.Sleep(redelivery)
		}
	}()
	return done
}

// await waits until an event was taken.
func (b *bench) await(taken ...<-chan struct{}) {
	b.t.Helper()
	for i, each := range taken {
		select {
		case <-each:
		case <-time.After(patience):
			b.t.Fatalf("event %d of %d is not taken; looks: %v", i+1, len(taken), b.shown())
		}
	}
}

// until waits for so many looks.
func (b *bench) until(looks int) {
	b.t.Helper()
	b.eventually(fmt.Sprintf("%d looks", looks), func() bool { return len(b.made()) >= looks })
}

func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s never came; looks: %v", what, b.shown())
		}
	}
}

// still watches that no further look comes.
func (b *bench) still(looks int) {
	b.t.Helper()
	time.Sleep(quiet)
	if made := b.made(); len(made) != looks {
		b.t.Errorf("%d looks, want %d: %v", len(made), looks, b.shown())
	}
}

// advance moves the clock. What waits on it runs.
func (b *bench) advance(d time.Duration) { b.clock.Advance(d) }

// due does what the command due does.
func (b *bench) due() {
	b.t.Helper()
	_, err := workqueue.AddDue(b.t.Context(), b.queue, b.records, b.clock.Now())
	if err != nil && !errors.Is(err, workqueue.ErrNotYet) {
		b.t.Errorf("handling what is due: %v", err)
	}
}

// mostShown bounds the looks that a failure lists: a queue that tries too often makes
// thousands.
const mostShown = 20

// shown returns the last looks in short.
func (b *bench) shown() []string {
	made := b.made()
	return made[max(0, len(made)-mostShown):]
}

// made returns the looks in short.
func (b *bench) made() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	made := make([]string, len(b.looks))
	for i, each := range b.looks {
		made[i] = each.Key + " " + each.ID
	}
	return made
}

func (b *bench) all() (looks []look, gaveUp []workqueue.Item, overlap bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.looks), slices.Clone(b.gaveUp), b.overlap
}
