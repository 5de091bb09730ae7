package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/event"
)

// writes reads what was written in a project in the last 24 hours, oldest
// first. The run's own cause is among it even where the log lags behind.
func (r *run) writes(ctx context.Context, project string) ([]event.Write, error) {
	var writes []event.Write
	err := r.retrying(ctx, func() (err error) {
		writes, err = r.History(ctx, project)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for earlier writes in %s: %w", project, err)
	}
	cause := r.request.Cause
	if cause.At.IsZero() || slices.ContainsFunc(writes, func(w event.Write) bool { return w.Key == cause.Key }) {
		return writes, nil
	}
	after := slices.IndexFunc(writes, func(w event.Write) bool { return w.At.After(cause.At) })
	if after < 0 {
		after = len(writes)
	}
	return slices.Insert(slices.Clone(writes), after, event.Write{Cause: cause}), nil
}
