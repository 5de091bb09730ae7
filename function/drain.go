package function

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errStopping is the cause with which the context of a request ends when the
// instance stops before the request is handled. Pub/Sub delivers its message again,
// to another instance.
var errStopping = errors.New("the instance is being stopped")

// drain counts the messages in flight. Once it is closed it admits no further ones.
type drain struct {
	mu       sync.Mutex
	inFlight int
	closed   bool
	idle     chan struct{} // closed when the drain is closed and nothing is in flight

	drainDeadline  context.Context // ends when messages in flight are to be handed back
	cancelInFlight context.CancelFunc
}

func newDrain() *drain {
	d := &drain{idle: make(chan struct{})}
	d.drainDeadline, d.cancelInFlight = context.WithCancel(context.Background())
	return d
}

// enter admits a message. The context that it gives ends when the message is to be
// handed back. leave has to be called once for each message that was admitted.
func (d *drain) enter(ctx context.Context) (admitted context.Context, leave func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ctx, nil, false
	}
	d.inFlight++
	admitted, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.drainDeadline, func() { cancel(errStopping) })
	return admitted, func() {
		stop()
		cancel(nil)
		d.leave()
	}, true
}

// hold counts work that a message in flight has begun and that may outlast it. leave has to be
// called once.
func (d *drain) hold() (leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight++
	return d.leave
}

func (d *drain) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inFlight--; d.closed && d.inFlight == 0 {
		close(d.idle)
	}
}

// close admits no further messages, and gives the number of those in flight.
func (d *drain) close() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		if d.inFlight == 0 {
			close(d.idle)
		}
	}
	return d.inFlight
}

func (d *drain) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// Stop refuses all further messages, so that Pub/Sub delivers them to another
// instance, and finishes those in flight. After handBack it hands these back too: it
// begins no further API calls for them, but a write that has begun is completed, and
// what was written is reported. Stop returns when nothing is in flight, or with the
// context's error.
func (f *Function) Stop(ctx context.Context, handBack time.Duration) error {
	inFlight := f.drain.close()
	f.log.InfoContext(ctx, "stopping: new messages are refused, those in flight are finished", "in_flight", inFlight)
	timer := f.clock.AfterFunc(handBack, f.drain.cancelInFlight)
	defer timer.Stop()
	select {
	case <-f.drain.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
