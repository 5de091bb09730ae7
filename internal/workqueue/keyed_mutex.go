package workqueue

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// keyedMutex is a mutex for each key. Waiters are served in the order of their
// arrival.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	turn  *semaphore.Weighted
	users int // who has the turn and who waits for it
}

// lock waits for the key's turn, which unlock ends. It fails when the context ends
// first.
func (k *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	own := k.locks[key]
	if own == nil {
		own = &keyLock{turn: semaphore.NewWeighted(1)}
		k.locks[key] = own
	}
	own.users++
	k.mu.Unlock()
	if err := own.turn.Acquire(ctx, 1); err != nil {
		k.leave(key, own)
		return nil, context.Cause(ctx)
	}
	return func() {
		own.turn.Release(1)
		k.leave(key, own)
	}, nil
}

func (k *keyedMutex) leave(key string, own *keyLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(k.locks, key)
	}
}
