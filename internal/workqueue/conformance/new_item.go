package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/workqueue"
)

// newItem checks an item that is accepted while its key waits for long: what it reports
// is newer than what the last look saw.
func newItem(t *testing.T, factory Factory) {
	for name, wait := range map[string]time.Duration{"held": 50 * time.Second, "stored": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			b := open(t, factory, withRecords, answering(func(_ context.Context, _ look, n int) (time.Time, error) {
				if n < 3 {
					return start.Add(wait), nil
				}
				return time.Time{}, nil
			}))
			first := b.send(item("a", "1"))
			b.until(1)
			b.advance(4 * time.Second)
			second := b.send(item("a", "2"))
			third := b.send(item("a", "3"))
			b.still(1)
			b.advance(workqueue.BlindAtMost - 4*time.Second) // a sender that keeps an order has its look by then
			b.until(2)
			b.still(2) // one look for both, which wait like the first now
			b.advance(wait - workqueue.BlindAtMost)
			b.due()
			b.until(3)
			b.await(first, second, third)
			b.due()
			b.still(3)
		})
	}
}
