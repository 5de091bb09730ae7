package reconcile

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
)

// pausing is a clock that notes how long it was slept by.
type pausing struct{ slept []time.Duration }

func (p *pausing) Now() time.Time { return time.Time{} }

func (p *pausing) Sleep(_ context.Context, d time.Duration) error {
	p.slept = append(p.slept, d)
	return nil
}

func TestAnAPISaysWhenToCallAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		asked time.Duration
		calls int
		pause time.Duration // at least
	}{
		"it does not":           {0, attempts, 0},
		"soon":                  {20 * time.Second, attempts, 20 * time.Second},
		"later than this waits": {mostRetryAfter + 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clock, calls := &pausing{}, 0
			r := &run{Engine: &Engine{Surroundings: Surroundings{Clock: clock}}}
			err := r.retrying(t.Context(), func() error {
				calls++
				return &fault.Error{Kind: fault.Quota, RetryAfter: tc.asked}
			})
			if fault.Of(err).Kind != fault.Quota || calls != tc.calls || len(clock.slept) != calls-1 {
				t.Errorf("%d calls with the pauses %v, error kind %s", calls, clock.slept, fault.Of(err).Kind)
			}
			if slices.ContainsFunc(clock.slept, func(d time.Duration) bool { return d < tc.pause }) {
				t.Errorf("pauses %v, want each of %s", clock.slept, tc.pause)
			}
		})
	}
}
