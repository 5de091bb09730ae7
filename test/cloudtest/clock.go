package cloudtest

import (
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// tick is how often a clock looks whether something that waits on it is due.
const tick = 5 * time.Millisecond

// Clock is a clock that goes on with the machine's and that a test moves ahead. What
// waits on it wakes when its time has come, either way.
type Clock struct {
	*clockwork.FakeClock
	began time.Time

	mu       sync.Mutex
	ahead    time.Duration // of the machine's clock
	advanced time.Duration // of the fake clock since it began
}

// NewClock starts a clock that ends with its test.
func NewClock(t *testing.T) *Clock {
	c := &Clock{began: time.Now()}
	c.FakeClock = clockwork.NewFakeClockAt(c.began)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	go func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				c.catchUp(0)
			case <-ended:
				return
			}
		}
	}()
	return c
}

// Now is the machine's time, and as much later as the test has moved it.
func (c *Clock) Now() time.Time {
	c.catchUp(0)
	return c.FakeClock.Now()
}

// Later moves the clock ahead.
func (c *Clock) Later(by time.Duration) { c.catchUp(by) }

func (c *Clock) catchUp(further time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += further
	if behind := time.Since(c.began) + c.ahead - c.advanced; behind > 0 {
		c.advanced += behind
		c.Advance(behind)
	}
}
