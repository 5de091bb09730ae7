package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// flushPatience is how long a request is held up at most, and pause how long
	// none is after a collector did not take something in that time.
	flushPatience = 500 * time.Millisecond
	pause         = 30 * time.Second
	// betweenPoints is what Cloud Monitoring wants between two points of a series.
	// That it is five seconds is *unverified*: as remembered of monitoring/quotas.
	betweenPoints = 5 * time.Second
)

// Flush exports what was recorded: between requests the instance has no CPU.
// Spans go with every request; metrics, which add up, every few seconds and at the
// end. It gives up soon, and says so once in a while.
func (t *Telemetry) Flush(ctx context.Context) {
	if t == nil || t.flushes.paused() {
		return
	}
	flushing, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushPatience)
	defer cancel()
	if err := t.flushes.join(flushing, t.export); err != nil && t.flushes.pause() {
		t.log.WarnContext(ctx, "telemetry is not exported; no request waits for it for a while", "pause", pause.String(), "err", err)
	}
}

func (t *Telemetry) export(ctx context.Context) error {
	err := t.traces.ForceFlush(ctx)
	if t.flushes.pointsDue() {
		err = errors.Join(err, t.metrics.ForceFlush(ctx))
	}
	return err
}

// flushes lets requests that end at the same time share an export.
type flushes struct {
	mu     sync.Mutex
	last   *round    // the latest that has begun, or is about to
	begun  bool      // whether it has
	until  time.Time // nobody flushes until then
	points time.Time // when metrics were last exported
}

// round is one export.
type round struct {
	done chan struct{}
	err  error // after done
}

// join waits for an export that begins after now: the next one, after the one that
// is under way, for all who come meanwhile.
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
		_ = before.wait(ctx) // its own waiters hear of it
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

func (f *flushes) paused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.until)
}

// pause lets nobody flush for a while, and says whether it is new.
func (f *flushes) pause() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	fresh := !now.Before(f.until)
	f.until = now.Add(pause)
	return fresh
}

func (f *flushes) pointsDue() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.points) < betweenPoints {
		return false
	}
	f.points = time.Now()
	return true
}
