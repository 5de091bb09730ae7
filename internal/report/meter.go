package report

import (
	"context"
	"sync/atomic"
)

// Meter counts the API calls that one report cost.
type Meter struct{ calls atomic.Int64 }

type meterKey struct{}

// NewMeter gives a context in which API calls are counted.
func NewMeter(ctx context.Context) (context.Context, *Meter) {
	meter := &Meter{}
	return context.WithValue(ctx, meterKey{}, meter), meter
}

// Count adds one call to the meter of the context, if there is one.
func Count(ctx context.Context) {
	if meter, ok := ctx.Value(meterKey{}).(*Meter); ok {
		meter.calls.Add(1)
	}
}

// Calls is how many calls were counted so far.
func (m *Meter) Calls() int64 { return m.calls.Load() }
