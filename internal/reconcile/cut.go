package reconcile

import (
	"context"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/report"
)

// A run is cut short when its context ends: the instance is being stopped, the
// sender has gone, somebody has pressed Ctrl-C. The message comes again. What
// was begun by then is not left half said: a step gets time to end, and the
// report of what was written to be stored. Together with what the function gives
// the run before, that is less than the ten seconds that Cloud Run leaves
// between SIGTERM and SIGKILL. Source: run/docs/container-contract.
const (
	stepOutlives   = 2500 * time.Millisecond
	reportOutlives = 1500 * time.Millisecond
)

// outliving gives a context that ends a while after another has ended. done lets
// go of it.
func outliving(ctx context.Context, by time.Duration) (lasting context.Context, done context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return lasting, func() {
		stop()
		cancel()
	}
}

// cutShort says why a run is cut short, nil while it is not.
func cutShort(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return &fault.Error{Kind: fault.Canceled, Err: context.Cause(ctx)}
}

// unsaid says why a run has nothing to report: it was cut short before it wrote
// anything, so that whoever gets the message next finds all as it was.
func (r *run) unsaid(ctx context.Context, final report.Report) error {
	if len(r.done) > 0 || !final.Outcome.Retries() {
		return nil
	}
	return cutShort(ctx)
}
