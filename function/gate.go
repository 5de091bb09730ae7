package function

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errStopping is why the context of a request ends when the instance is stopped
// before the request is handled. Its message is delivered again, to another one.
var errStopping = errors.New("the instance is being stopped")

// gate counts the messages in hand. Once it is shut it lets no more in.
type gate struct {
	mu     sync.Mutex
	inside int
	isShut bool
	empty  chan struct{} // closed when the gate is shut and nobody inside

	hurry     context.Context // ends when those inside are to hand back
	handsBack context.CancelFunc
}

func newGate() *gate {
	g := &gate{empty: make(chan struct{})}
	g.hurry, g.handsBack = context.WithCancel(context.Background())
	return g
}

// enter lets a message in, with a context that ends when it is to be handed
// back. Whoever is in leaves once.
func (g *gate) enter(ctx context.Context) (inside context.Context, leave func(), open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isShut {
		return ctx, nil, false
	}
	g.inside++
	inside, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.hurry, func() { cancel(errStopping) })
	return inside, func() {
		stop()
		cancel(nil)
		g.leave()
	}, true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.isShut && g.inside == 0 {
		close(g.empty)
	}
}

// shut lets nobody in any more, and says how many are inside.
func (g *gate) shut() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isShut {
		g.isShut = true
		if g.inside == 0 {
			close(g.empty)
		}
	}
	return g.inside
}

func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.isShut
}

// Stop refuses every message from now on, so that it is delivered again to
// another instance, and lets those in hand be handled. After a while these are
// handed back too: no call is begun for them any more, but a write that is under
// way comes to its end, and what was written is reported. It returns when
// nothing is in hand, or with the context's error.
func (f *Function) Stop(ctx context.Context, handBack time.Duration) error {
	inHand := f.gate.shut()
	f.log.InfoContext(ctx, "stopping: new messages are refused, those in hand are handled", "in_hand", inHand)
	timer := time.AfterFunc(handBack, f.gate.handsBack)
	defer timer.Stop()
	select {
	case <-f.gate.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
