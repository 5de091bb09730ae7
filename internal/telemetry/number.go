package telemetry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// numbers are the metrics, except those of API calls, which otelhttp records. Each
// has few attributes with few values, and no attribute names a service or a person.
type numbers struct {
	outcomes metric.Int64Counter
	steps    metric.Int64Counter
	delay    metric.Float64Histogram
}

func newNumbers(meter metric.Meter) (n numbers, err error) {
	n.outcomes, err = meter.Int64Counter("iapguard.outcomes", metric.WithUnit("{report}"),
		metric.WithDescription("Reports published, by outcome and mode"))
	if err != nil {
		return n, fmt.Errorf("creating a metric: %w", err)
	}
	n.steps, err = meter.Int64Counter("iapguard.steps", metric.WithUnit("{step}"),
		metric.WithDescription("Steps taken, by operation and result"))
	if err != nil {
		return n, fmt.Errorf("creating a metric: %w", err)
	}
	n.delay, err = meter.Float64Histogram("iapguard.protection.delay", metric.WithUnit("s"),
		metric.WithDescription("Time from an event to the protection that it led to"),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600))
	if err != nil {
		return n, fmt.Errorf("creating a metric: %w", err)
	}
	return n, nil
}

// Outcome counts a report.
func (t *Telemetry) Outcome(ctx context.Context, outcome, mode string) {
	if t == nil {
		return
	}
	t.numbers.outcomes.Add(ctx, 1,
		metric.WithAttributes(attribute.String("outcome", outcome), attribute.String("mode", mode)))
}

// Step counts a step that was taken.
func (t *Telemetry) Step(ctx context.Context, op, result string) {
	if t == nil {
		return
	}
	t.numbers.steps.Add(ctx, 1, metric.WithAttributes(attribute.String("op", op), attribute.String("result", result)))
}

// Protected records how long it took from an event until its service was protected.
func (t *Telemetry) Protected(ctx context.Context, after time.Duration) {
	if t == nil {
		return
	}
	t.numbers.delay.Record(ctx, after.Seconds())
}
