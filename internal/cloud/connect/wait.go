package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"

	"github.com/iapguard/iapguard/internal/fault"
)

// Sleep waits for d, or until the context ends, whose error it then returns.
type Sleep func(ctx context.Context, d time.Duration) error

func (c Config) sleep() Sleep {
	if c.Sleep == nil {
		return gax.Sleep
	}
	return c.Sleep
}

// Until asks for the end of a long-running operation until ask reports it, or
// fails. The APIs' own wait calls are best effort and may return at once, so a
// pause follows each: at random between nothing and a bound that doubles from
// 50 ms to 5 s. Errors of the context are returned as they are. An operation that does not
// end in its time is fault.OperationFailed: it may still end, so the call is not repeated.
func (c Config) Until(ctx context.Context, ask func(context.Context) (done bool, err error)) error {
	ctx = context.WithValue(ctx, patienceKey{}, waitPatience)
	clock := c.clock()
	began, paused := clock.Now(), time.Duration(0)
	sleep := c.sleep()
	pauses := gax.Backoff{Initial: 50 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2}
	for {
		if done, err := ask(ctx); done || err != nil {
			return err
		}
		if max(paused, clock.Since(began)) >= operationPatience {
			return &fault.Error{Kind: fault.OperationFailed, Open: true,
				Err: fmt.Errorf("the operation has not ended within %s", operationPatience)}
		}
		pause := pauses.Pause()
		paused += pause
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
