package cache

import (
	"context"
	"sync"
)

// Joined lets concurrent callers share one call. Each gets the answer of a call that began after it
// asked, so the answer is as new as that of a call of its own: who comes while a call is under way
// waits for the next one, with all others who come meanwhile. Nothing is kept. The zero value is ready.
type Joined[V any] struct {
	mu    sync.Mutex
	turns map[string]*turn[V]
}

// turn is the call for a key that is under way, and the next one, if somebody waits for it.
type turn[V any] struct{ next *joint[V] }

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
	under := j.turns[key]
	if under != nil && under.next != nil {
		return under.next
	}
	call := &joint[V]{done: make(chan struct{}), ask: ask}
	if under != nil {
		under.next = call
		return call
	}
	if j.turns == nil {
		j.turns = map[string]*turn[V]{}
	}
	j.turns[key] = &turn[V]{}
	go j.run(key, call)
	return call
}

// run makes a call, and then the next ones for its key.
func (j *Joined[V]) run(key string, call *joint[V]) {
	for call != nil {
		call.value, call.err = call.ask()
		close(call.done)
		call = j.after(key)
	}
}

// after is the next call for a key, nil where nobody waits.
func (j *Joined[V]) after(key string) *joint[V] {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := j.turns[key].next
	if j.turns[key].next = nil; next == nil {
		delete(j.turns, key)
	}
	return next
}
