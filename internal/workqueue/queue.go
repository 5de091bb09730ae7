package workqueue

import (
	"context"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/errgroup"
)

// ErrNotYet means that an item is not due and has to be delivered again. It is
// not a failure.
var ErrNotYet = errors.New("not due yet")

// Queue takes items.
type Queue interface {
	// Add takes one item. After nil the item is safe: it was handled, or it is
	// stored outside of this process. After an error its sender delivers it again.
	Add(ctx context.Context, item Item) error
}

// mostAtOnce bounds how many items of one event are added at once.
const mostAtOnce = 16

// AddAll adds the items of one event. It tries every item, also after one has to wait
// or fails, and joins their errors.
func AddAll(ctx context.Context, queue Queue, items []Item) error {
	return sideBySide(len(items), func(i int) error { return queue.Add(ctx, items[i]) })
}

// sideBySide calls do for each of n, a bounded number at once, and joins what goes
// wrong.
func sideBySide(n int, do func(i int) error) error {
	var group errgroup.Group // without a context: one error must not cancel the rest
	group.SetLimit(mostAtOnce)
	problems := make([]error, n)
	for i := range n {
		group.Go(func() error {
			problems[i] = do(i)
			return nil
		})
	}
	_ = group.Wait()
	return Join(problems...)
}

// Join joins errors as errors.Join does. ErrNotYet counts only where nothing else
// is wrong, so that it hides no failure.
func Join(problems ...error) error {
	var failed []error
	waits := false
	for _, problem := range problems {
		switch {
		case problem == nil:
		case errors.Is(problem, ErrNotYet):
			waits = true
		default:
			failed = append(failed, problem)
		}
	}
	if waits && len(failed) == 0 {
		return ErrNotYet
	}
	return errors.Join(failed...)
}

// mostRemembered bounds each memory of a process. Beyond it the oldest entries are
// forgotten, and work is done twice.
const mostRemembered = 50_000

// Acceptance fixes when an item was first accepted and until when it is tried. It
// recognises the items that this process has accepted, also when their event is
// delivered again.
type Acceptance struct {
	clock       clockwork.Clock
	giveUpAfter time.Duration
	first       *lru.Cache[string, time.Time] // by key and ID
}

// NewAcceptance returns an Acceptance that has seen no item. giveUpAfter is how long
// an item is tried.
func NewAcceptance(clock clockwork.Clock, giveUpAfter time.Duration) *Acceptance {
	return &Acceptance{clock, giveUpAfter, newMemory[time.Time]()}
}

// Stamp sets Accepted and GiveUpAt of an item that was not accepted before.
func (a *Acceptance) Stamp(item Item) Item {
	if !item.Accepted.IsZero() {
		return item
	}
	item.Accepted = a.clock.Now()
	if item.ID != "" {
		// A redelivery comes while the item is tried, or shortly after.
		name, forgetAfter := item.Key+"\n"+item.ID, 2*a.giveUpAfter
		first, known, _ := a.first.PeekOrAdd(name, item.Accepted)
		if known && item.Accepted.Sub(first) < forgetAfter {
			item.Accepted = first
		} else if known {
			a.first.Add(name, item.Accepted)
		}
	}
	item.GiveUpAt = item.Accepted.Add(a.giveUpAfter)
	return item
}

// newMemory returns a bounded cache. Its entries do not expire by themselves: the
// injected clock decides, which the library's expirable cache does not take.
func newMemory[V any]() *lru.Cache[string, V] {
	memory, err := lru.New[string, V](mostRemembered)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return memory
}

// Inline is the queue that does the work before Add returns: the sender of the
// event waits, and redelivers what is not due. Nothing is held in a delivery, since
// an event's sender may wait for a few seconds only.
type Inline struct {
	worker     *Worker
	acceptance *Acceptance
}

// NewInline returns the queue that hands items to a worker.
func NewInline(worker *Worker, acceptance *Acceptance) *Inline { return &Inline{worker, acceptance} }

// Add handles an item.
func (q *Inline) Add(ctx context.Context, item Item) error {
	return q.worker.Deliver(ctx, q.acceptance.Stamp(item), 0)
}
