package reconcile

import (
	"context"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/report"
)

// A run is shut down when its context ends: the instance is stopped, the run took too
// long, or somebody pressed Ctrl-C. The message is delivered again. A step that
// has begun gets time to end, and the report of what was written gets time to be
// stored. Together with the time that the function gives the run before, that is
// less than the ten seconds that Cloud Run leaves between SIGTERM and SIGKILL.
// Source: run/docs/container-contract.
const (
	stepGrace   = 2500 * time.Millisecond
	reportGrace = 1500 * time.Millisecond
)

// withGrace gives a context that ends a while after another has ended. done
// releases it.
func (e *Engine) withGrace(ctx context.Context, by time.Duration) (lasting context.Context, done context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = e.Clock.Sleep(lasting, by)
		cancel()
	})
	return lasting, func() {
		stop()
		cancel()
	}
}

// shutDown says why a run is shut down, nil while it is not.
func shutDown(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return &fault.Error{Kind: fault.Canceled, Err: context.Cause(ctx)}
}

// nothingToReport says why a run has nothing to report: it was shut down before
// it wrote anything, so the next delivery finds all as it was.
func (r *run) nothingToReport(ctx context.Context, final report.Report) error {
	if len(r.sofar.Done) > 0 || !final.Outcome.Retries() {
		return nil
	}
	return shutDown(ctx)
}
