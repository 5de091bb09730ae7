package connect

import (
	"context"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// Sleep waits for d, or until the context ends, whose error it then returns.
type Sleep func(ctx context.Context, d time.Duration) error

// Until asks for the end of a long-running operation until ask reports it, or
// fails. The APIs' own wait calls are best effort and may return at once, so a
// pause follows each: at random between nothing and a bound that doubles from
// 50 ms to 5 s. Errors of the context are returned as they are.
func (c Config) Until(ctx context.Context, ask func(context.Context) (done bool, err error)) error {
	sleep := c.Sleep
	if sleep == nil {
		sleep = gax.Sleep
	}
	pauses := gax.Backoff{Initial: 50 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2}
	for {
		if done, err := ask(ctx); done || err != nil {
			return err
		}
		if err := sleep(ctx, pauses.Pause()); err != nil {
			return err
		}
	}
}
