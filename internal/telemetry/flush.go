package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// flushPatience bounds the delay of a request. After a collector needed longer,
	// no request waits for it during pause.
	flushPatience = 500 * time.Millisecond
	pause         = 30 * time.Second
	// betweenPoints is the least time between two points of a series in Cloud
	// Monitoring. That it is five seconds is *unverified* (monitoring/quotas).
	betweenPoints = 5 * time.Second
)

// Flush exports what was recorded, because the instance has no CPU between
// requests. It exports spans with every request and metrics, which add up, every
// few seconds. It gives up after half a second and logs that once in a pause.
func (t *Telemetry) Flush(ctx context.Context) {
	if t == nil || t.flushes.paused(t.clock.Now()) {
		return
	}
	flushing, cancel := timeout.With(context.WithoutCancel(ctx), t.clock, flushPatience, "the collector")
	defer cancel()
	if err := t.flushes.join(flushing, t.export); err != nil && t.flushes.pause(t.clock.Now()) {
		if context.Cause(flushing) != nil {
			err = context.Cause(flushing)
		}
		t.log.WarnContext(ctx, "telemetry is not exported; no request waits for it during the pause",
			"pause", pause.String(), "err", err)
	}
}

func (t *Telemetry) export(ctx context.Context) error {
	err := t.traces.ForceFlush(ctx)
	if t.flushes.pointsDue(t.clock.Now()) {
		err = errors.Join(err, t.metrics.ForceFlush(ctx))
	}
	return err
}

// flushes lets requests that end at the same time share an export.
type flushes struct {
	mu     sync.Mutex
	last   *round    // the latest export, running or about to start
	begun  bool      // last is running
	until  time.Time // the end of the pause
	points time.Time // of the last export of metrics
}

// round is one export.
type round struct {
	done chan struct{}
	err  error // valid after done
}

// join waits for an export that begins after the call. While one is running, all
// callers share the next one.
func (f *flushes) join(ctx context.Context, export func(context.Context) error) error {
	f.mu.Lock()
	mine, before := f.last, (*round)(nil)
	lead := mine == nil || f.begun
	if lead {
		before, mine = f.last, &round{done: make(chan struct{})}
		f.last, f.begun = mine, false
	}
	f.mu.Unlock()
	if !lead {
		return mine.wait(ctx)
	}
	if before != nil {
		_ = before.wait(ctx) // its own waiters get its error
	}
	f.mu.Lock()
	f.begun = true
	f.mu.Unlock()
	mine.err = export(ctx)
	close(mine.done)
	return mine.err
}

func (r *round) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *flushes) paused(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Before(f.until)
}

// pause starts a pause and reports whether none was running.
func (f *flushes) pause(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := !now.Before(f.until)
	f.until = now.Add(pause)
	return fresh
}

func (f *flushes) pointsDue(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.points) < betweenPoints {
		return false
	}
	f.points = now
	return true
}
