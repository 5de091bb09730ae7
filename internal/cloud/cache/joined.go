package cache

import (
	"context"
	"sync"
	"time"
)

// joinedAtMost is how long callers wait for a call that began before they asked. One that hangs
// holds nobody back for longer.
const joinedAtMost = 2 * time.Second

// Joined lets concurrent callers share one call. Each gets the answer of a call that began after it
// asked, so the answer is as new as that of a call of its own: who comes while a call is under way
// waits for the next one, with all others who come meanwhile. Nothing is kept. The zero value is ready.
type Joined[V any] struct {
	after func(time.Duration) <-chan time.Time // nil = time.After

	mu    sync.Mutex
	turns map[string]*turn[V]
}

// turn is the call for a key that began last, and the next one, if somebody waits for it.
type turn[V any] struct{ under, next *joint[V] }

// joint is one call for several callers. Its answer is there once done is closed.
type joint[V any] struct {
	done  chan struct{}
	ask   func() (V, error)
	value V
	err   error
}

// Get returns the answer of a call for a key that begins now or later. The call runs with the
// values of its first caller's context, and goes on when that one gives up.
func (j *Joined[V]) Get(ctx context.Context, key string, ask func(context.Context) (V, error)) (V, error) {
	lasting := context.WithoutCancel(ctx)
	call := j.join(key, func() (V, error) { return ask(lasting) })
	select {
	case <-call.done:
		return call.value, call.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// join returns the call whose answer a caller waits for, and begins it if none is under way.
func (j *Joined[V]) join(key string, ask func() (V, error)) *joint[V] {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.turns[key]
	if at != nil && at.next != nil {
		return at.next
	}
	call := &joint[V]{done: make(chan struct{}), ask: ask}
	if at != nil {
		at.next = call
		go j.follow(key, at.under, call)
		return call
	}
	if j.turns == nil {
		j.turns = map[string]*turn[V]{}
	}
	j.turns[key] = &turn[V]{under: call}
	go j.run(key, call)
	return call
}

// follow begins a call when the one before it has ended, or has taken too long.
func (j *Joined[V]) follow(key string, before, call *joint[V]) {
	after := j.after
	if after == nil {
		after = time.After
	}
	select {
	case <-before.done:
	case <-after(joinedAtMost):
	}
	j.mu.Lock()
	j.turns[key].under, j.turns[key].next = call, nil
	j.mu.Unlock()
	j.run(key, call)
}

// run makes a call, and forgets the key where none began or waits after it.
func (j *Joined[V]) run(key string, call *joint[V]) {
	defer close(call.done)
	call.value, call.err = call.ask()
	j.mu.Lock()
	defer j.mu.Unlock()
	if at := j.turns[key]; at != nil && at.under == call && at.next == nil {
		delete(j.turns, key)
	}
}
