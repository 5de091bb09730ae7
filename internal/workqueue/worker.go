package workqueue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
)

const (
	// HoldAtMost is the longest single wait that is held in a delivery.
	HoldAtMost = 60 * time.Second
	// HoldInAll bounds all waits of one delivery together. The caller of Deliver
	// bounds them by half of its sender's deadline, too.
	HoldInAll = 300 * time.Second
	// BlindAtMost is the longest time that passes after a look before another one is made
	// for an item that was accepted since then, also where the group waits for longer: what
	// the item reports is newer than what the look saw. A flood of items leads to one look in
	// that time. No longer wait is held without a look: a sender that keeps an order keeps
	// newer items of the key back meanwhile.
	BlindAtMost = 15 * time.Second
	// shortestWait is the pause between two looks, also when the time for the second
	// came while the first was still going on.
	shortestWait = 250 * time.Millisecond
)

// Options are what a Worker needs. All but Covered, Later and Again are required.
type Options struct {
	Clock clockwork.Clock
	// Look looks at the key of an item. since is when the oldest item that waits for
	// this look was accepted. next is when to look again; zero = the item is handled.
	// After an error the item is delivered again.
	Look func(ctx context.Context, item Item, since time.Time) (next time.Time, err error)
	// Covered takes note of an item that needs no look of its own: the last look began after
	// it was accepted, and another item led to it. After an error the item is delivered again;
	// nil = nobody takes note.
	Covered func(ctx context.Context, item Item) error
	// GiveUp ends an item whose time is over. After an error it is delivered again.
	GiveUp func(ctx context.Context, item Item) error
	// Later keeps what has to wait for longer than HoldAtMost; nil = such an item is
	// left to its sender.
	Later Later
	// Again keeps what Repeat stores. Only Repeat needs it.
	Again Later
}

// Worker handles delivered items.
type Worker struct {
	Options
	turns keyedMutex

	mu     sync.Mutex
	groups *lru.Cache[string, group]
	looked *lru.Cache[string, handled] // items that led to a look, by group and ID
	kept   *lru.Cache[string, kept]    // by group; what was stored, until the next look
	again  *lru.Cache[string, kept]    // by key; what Repeat stored last
	holds  map[string]chan struct{}    // by group; closed when the group changes
}

// group is what is known of the items that wait together.
type group struct {
	last    span      // when the last look went on
	covered span      // items that were accepted then are handled
	since   time.Time // when the oldest waiting item was accepted; zero = none waits
	until   time.Time // when the next look is due
	stored  bool      // a due record makes that look
}

// span is the time from one moment until just before another.
type span struct{ from, to time.Time }

func (s span) contains(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// kept is an item that this process stored until it is due.
type kept struct {
	item   Item
	due    time.Time
	noted  time.Time // when the process noted this
	stored bool      // a due record leads to it
}

// handled says which acceptance of an item was handled; zero = a look was made, and
// the item waits.
type handled struct{ accepted time.Time }

// NewWorker returns a worker that has nothing to do.
func NewWorker(options Options) *Worker {
	return &Worker{
		Options: options, turns: keyedMutex{locks: map[string]*keyLock{}},
		groups: newMemory[group](), looked: newMemory[handled](), kept: newMemory[kept](),
		again: newMemory[kept](),
		holds: map[string]chan struct{}{},
	}
}

// Deliver handles one delivery of an item. It may wait, for at most hold altogether.
// After nil the item is done with; after an error it has to be delivered again, and
// ErrNotYet says that nothing is wrong with it.
func (w *Worker) Deliver(ctx context.Context, item Item, hold time.Duration) error {
	item = w.revive(item)
	for {
		until, err := w.attempt(ctx, item)
		if err != nil || until.IsZero() {
			return err
		}
		wait := max(until.Sub(w.Clock.Now()), shortestWait)
		switch {
		case w.isStored(item, until):
			return nil
		case wait > HoldAtMost && w.Later != nil && !item.Unstored:
			return w.schedule(ctx, item, until)
		case wait > min(hold, HoldAtMost) && item.Fleeting && w.Later != nil:
			return w.schedule(ctx, item, until)
		case wait > min(hold, HoldAtMost):
			return ErrNotYet
		}
		if parts := (wait + BlindAtMost - 1) / BlindAtMost; parts > 1 {
			wait, until = wait/parts, time.Time{}
		}
		began := w.Clock.Now()
		if err := w.wait(ctx, item, wait); err != nil {
			return err
		}
		waited := w.Clock.Now().Sub(began)
		if hold -= waited; until.IsZero() && waited >= wait {
			w.pull(item, w.Clock.Now())
		}
	}
}

// revive gives an item that nobody tried at the end of its time as much time once more: neither
// its sender nor a record led here then, or the clock jumped. Further deliveries do not, once a look
// was made.
func (w *Worker) revive(item Item) Item {
	now, last := w.Clock.Now(), w.group(item).last
	if item.Accepted.IsZero() || item.GiveUpAt.IsZero() || !now.After(item.GiveUpAt.Add(goneAfter)) ||
		last.from.After(item.GiveUpAt) && !now.Before(last.to) {
		return item
	}
	item.GiveUpAt = now.Add(item.GiveUpAt.Sub(item.Accepted))
	return item
}

// attempt looks at the item's key if that is due. until is when the next attempt is
// due; zero = the item is done with.
func (w *Worker) attempt(ctx context.Context, item Item) (until time.Time, err error) {
	unlock, err := w.turns.lock(ctx, item.Key)
	if err != nil {
		return time.Time{}, fmt.Errorf("waiting for other work on %s: %w", item.Key, err)
	}
	defer unlock()
	// Without the monotonic reading, what a look asked for compares as due records and messages do.
	now, known := w.Clock.Now().Round(0), w.group(item)
	if now.Before(known.last.to) {
		known = w.forget(item) // the clock went back: it says nothing of what was seen or waits
	}
	if known.isNewTo(item) {
		known = w.pull(item, known.last.to.Add(BlindAtMost))
	}
	switch {
	case w.isHandled(item):
		return time.Time{}, nil
	case known.covered.contains(item.Accepted):
		return time.Time{}, w.cover(ctx, item)
	case !item.GiveUpAt.IsZero() && now.After(item.GiveUpAt):
		// This is not a look: other items of the key are still tried.
		return time.Time{}, w.GiveUp(ctx, item)
	case now.Before(item.NotBefore):
		return item.NotBefore, nil
	case now.Before(known.until) && !w.jumps(item):
		return known.until, nil
	}
	since := known.oldest(item, now)
	next, err := w.Look(ctx, item, since)
	later := known
	later.last = span{now, w.Clock.Now().Round(0)}
	switch {
	case err != nil:
		w.note(item, later)
		return time.Time{}, err
	case next.IsZero():
		later.covered = known.waitedUntil(now)
		later.since, later.until, later.stored = time.Time{}, time.Time{}, false
		w.settle(item, later, handled{item.Accepted})
	default:
		later.since, later.until, later.stored = since, next, false
		w.settle(item, later, handled{})
	}
	return next, nil
}

// cover has note taken of an item that a look handled.
func (w *Worker) cover(ctx context.Context, item Item) error {
	if w.Covered == nil {
		return nil
	}
	return w.Covered(ctx, item)
}

// waitedUntil returns the span in which an item was accepted that had to wait for a
// look that begins now: the time since the group has waited, or else that of the last
// look.
func (g group) waitedUntil(now time.Time) span {
	if !g.since.IsZero() {
		return span{g.since, now}
	}
	return g.last
}

// isNewTo reports whether an item was accepted after the last look began.
func (g group) isNewTo(item Item) bool { return !item.Alone && item.Accepted.After(g.last.from) }

// isHandled reports whether an item is the redelivery of one that was handled.
func (w *Worker) isHandled(item Item) bool {
	done, known := w.looked.Get(item.group() + "\n" + item.ID)
	return known && item.ID != "" && !done.accepted.IsZero() && done.accepted.Equal(item.Accepted)
}

// goneAfter is longer than any pause between two deliveries of a message: after
// that, what a group waited for has ended elsewhere.
const goneAfter = 15 * time.Minute

// oldest returns when the oldest waiting item was accepted, this item included. It is not
// later than now, whatever the clock said then.
func (g group) oldest(item Item, now time.Time) time.Time {
	waits, oldest := !g.since.IsZero() && now.Before(g.until.Add(goneAfter)), item.Accepted
	if waits && (oldest.IsZero() || g.since.Before(oldest)) {
		oldest = g.since
	}
	if oldest.After(now) {
		return now
	}
	return oldest
}

// jumps reports whether an item is looked at although its group is not due. It jumps
// once, and then waits like any other item.
func (w *Worker) jumps(item Item) bool {
	return item.Urgent && !w.looked.Contains(item.group()+"\n"+item.ID)
}

func (w *Worker) group(item Item) group {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, _ := w.groups.Get(item.group())
	return known
}

// note keeps what is known of the item's group.
func (w *Worker) note(item Item, now group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups.Add(item.group(), now)
}

// forget drops what is known of the item's group. Its next look is made at once.
func (w *Worker) forget(item Item) group {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups.Remove(item.group())
	return group{}
}

// settle notes how a look at the item ended, and wakes the delivery that waits for
// its group.
func (w *Worker) settle(item Item, now group, how handled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups.Add(item.group(), now)
	w.looked.Add(item.group()+"\n"+item.ID, how)
	w.kept.Remove(item.group())
	w.wake(item)
}

// pull makes the item's group due at a time, where that is earlier than it is.
func (w *Worker) pull(item Item, earlier time.Time) group {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, _ := w.groups.Get(item.group())
	if earlier.Before(known.until) {
		known.until, known.stored = earlier, false
		w.groups.Add(item.group(), known)
		w.wake(item)
	}
	return known
}

// wake ends the hold of the delivery that waits for the item's group. The caller has the
// lock.
func (w *Worker) wake(item Item) {
	name := item.group()
	if changed, held := w.holds[name]; held {
		close(changed)
		delete(w.holds, name)
	}
}

// wait holds a delivery until its group is due, until a look at the group ended, or
// until the group is due earlier. It holds one delivery of a group. The others are
// delivered again, and find its look done.
func (w *Worker) wait(ctx context.Context, item Item, wait time.Duration) error {
	changed, free := w.hold(item.group())
	if !free {
		return ErrNotYet
	}
	defer w.release(item.group(), changed)
	select {
	case <-w.Clock.After(wait):
		return nil
	case <-changed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting until %s is due: %w", item.Key, context.Cause(ctx))
	}
}

func (w *Worker) hold(name string) (changed chan struct{}, free bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, held := w.holds[name]; held {
		return nil, false
	}
	changed = make(chan struct{})
	w.holds[name] = changed
	return changed, true
}

func (w *Worker) release(name string, changed chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holds[name] == changed {
		delete(w.holds, name)
	}
}

// Repeat stores that the item is to be handled once more at a time, as a new item that waits
// together with others of its key. Nothing waits for it until then. A look says when it wants the
// next one: that takes the place of what an earlier look wanted, and a zero time wants none. It is
// stored once, however often looks want the same.
func (w *Worker) Repeat(ctx context.Context, item Item, at time.Time) error {
	now := w.Clock.Now().Round(0)
	if !at.After(now) {
		w.again.Remove(item.Key)
		return nil
	}
	known, _ := w.again.Peek(item.Key)
	ahead := known.stored && known.due.After(now) // else its record has led to this look
	if ahead && !at.Before(known.due) && known.due.Truncate(time.Minute).Equal(at.Truncate(time.Minute)) {
		return nil
	}
	id, _, _ := strings.Cut(item.ID, "@")
	item = Item{Key: item.Key, ID: id + "@" + strconv.FormatInt(at.Unix(), 10), Payload: item.Payload}
	w.again.Add(item.Key, kept{item: item, due: at, noted: now})
	data, err := item.store()
	if err != nil {
		return err
	}
	if err := w.Again.Schedule(ctx, at, item.recordKey(), data); err != nil {
		return fmt.Errorf("storing that %s is looked at again at %s: %w", item.Key, at.UTC().Format(time.RFC3339), err)
	}
	w.again.Add(item.Key, kept{item, at, now, true})
	return nil
}

// isStored reports whether a due record makes the look at the item's group.
func (w *Worker) isStored(item Item, until time.Time) bool {
	known := w.group(item)
	return known.stored && known.until.Equal(until)
}

// schedule stores that the item is due later. Once that is stored, other items of
// its group rely on the record.
func (w *Worker) schedule(ctx context.Context, item Item, until time.Time) error {
	data, err := item.store()
	if err != nil {
		return err
	}
	if err := w.Later.Schedule(ctx, until, item.recordKey(), data); err != nil {
		return fmt.Errorf("storing that %s is due at %s: %w", item.Key, until.UTC().Format(time.RFC3339), err)
	}
	if !item.GiveUpAt.IsZero() && until.After(item.GiveUpAt) {
		return nil // the record leads to no look
	}
	w.kept.Add(item.group(), kept{item, until, w.Clock.Now().Round(0), true})
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, _ := w.groups.Get(item.group()); known.until.Equal(until) {
		known.stored = true
		w.groups.Add(item.group(), known)
	}
	return nil
}
