// Package timeout bounds calls by the injected clock.
//
// It stands in for clockwork.WithTimeout, whose context does not serve on a fake
// clock: its Deadline is a fake time, which net/http compares with the machine's,
// and its Err blocks until the clock reaches the deadline.
package timeout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"
)

// expired is the cause of a context that reached its time-out. It is a
// context.DeadlineExceeded.
type expired struct {
	party string
	after time.Duration
}

func (e *expired) Error() string { return fmt.Sprintf("%s did not answer within %s", e.party, e.after) }

func (e *expired) Unwrap() error { return context.DeadlineExceeded }

// With returns a context that ends when the clock has advanced by after. Its cause
// then says that party ("the metadata server") did not answer, and wraps
// context.DeadlineExceeded. The context has no Deadline, and its Err is
// context.Canceled. The caller calls the CancelFunc when the call has returned.
func With(ctx context.Context, clock clockwork.Clock, after time.Duration, party string) (
	context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := clock.AfterFunc(after, func() { cancel(&expired{party, after}) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// Expired reports whether an error, such as the cause of a context's end, is a time-out of With.
func Expired(err error) bool {
	var reached *expired
	return errors.As(err, &reached)
}

// Explain adds to the error of a call why it ended, where that is a time-out of
// With: an API client says "context canceled". The classification of the error
// (package fault) stays.
func Explain(ctx context.Context, err error) error {
	var reached, named *expired
	if err == nil || !errors.As(context.Cause(ctx), &reached) || errors.As(err, &named) {
		return err
	}
	return fmt.Errorf("%w: %w", err, reached)
}
