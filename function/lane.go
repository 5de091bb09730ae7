package function

import (
	"context"
	"sync"

	"github.com/iapguard/iapguard/internal/posture"
)

// lanes lets one target be worked on once at a time in this instance. Between
// instances the resources' versions do that; here it saves the conflicts.
type lanes struct {
	mu   sync.Mutex
	busy map[posture.Target]*lane
}

type lane struct {
	turn    chan struct{} // holds one token while the lane is free
	waiting int
}

// enter waits for the target's turn. The function it returns ends the turn.
func (l *lanes) enter(ctx context.Context, target posture.Target) (func(), error) {
	l.mu.Lock()
	if l.busy == nil {
		l.busy = map[posture.Target]*lane{}
	}
	own := l.busy[target]
	if own == nil {
		own = &lane{turn: make(chan struct{}, 1)}
		own.turn <- struct{}{}
		l.busy[target] = own
	}
	own.waiting++
	l.mu.Unlock()
	select {
	case <-own.turn:
		return func() { own.turn <- struct{}{}; l.leave(target, own) }, nil
	case <-ctx.Done():
		l.leave(target, own)
		return nil, ctx.Err()
	}
}

func (l *lanes) leave(target posture.Target, own *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if own.waiting--; own.waiting == 0 {
		delete(l.busy, target)
	}
}
