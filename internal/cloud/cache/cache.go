// Package cache keeps what Google's APIs answered: for a time, up to a number of
// answers, and with one call at a time for each key.
//
// It joins an LRU with singleflight. golang-lru's expirable LRU was tried and left: it
// reads the machine's clock, which a test cannot set, and each one starts a goroutine
// that never ends.
package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// Options say what a cache keeps.
type Options[V any] struct {
	Size int              // how many answers are kept; of more, the least recently used one goes
	TTL  time.Duration    // how long each is used, from when it was asked for; 0 = without end
	Now  func() time.Time // the clock; not needed without a TTL
	Keep func(V) bool     // whether an answer is kept at all; nil = every one is

	// TTLOf is the TTL of one answer; nil = TTL is that of all.
	TTLOf func(V) time.Duration
}

// Cache keeps answers by key. It is safe for concurrent use, and no lock is held
// while an answer is read.
type Cache[V any] struct {
	options Options[V]
	kept    *lru.Cache[string, answer[V]]
	calls   singleflight.Group

	mu      sync.Mutex
	current map[string]*read // by key: the call whose answer may be kept
}

type answer[V any] struct {
	value V
	asked time.Time
}

// read is one call under way, known by its address.
type read struct{ _ byte }

// New returns an empty cache. Size must be positive.
func New[V any](options Options[V]) (*Cache[V], error) {
	kept, err := lru.New[string, answer[V]](options.Size)
	if err != nil {
		return nil, fmt.Errorf("making a cache: %w", err)
	}
	return &Cache[V]{options: options, kept: kept, current: map[string]*read{}}, nil
}

// Get returns the answer for a key. It calls ask where none is kept. Concurrent calls
// for a key share one ask, which runs in the context of the first; when that context
// ends, another caller asks. Errors are shared too, and never kept.
func (c *Cache[V]) Get(ctx context.Context, key string, ask func(context.Context) (V, error)) (V, error) {
	for {
		if value, ok := c.fresh(key); ok {
			return value, nil
		}
		own := false
		result := c.calls.DoChan(key, func() (any, error) {
			own = true
			if value, ok := c.fresh(key); ok { // another call ended since this one looked
				return value, nil
			}
			return c.ask(ctx, key, ask)
		})
		select {
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		case r := <-result:
			if !own && canceled(r.Err) && ctx.Err() == nil {
				continue
			}
			return r.Val.(V), r.Err
		}
	}
}

func canceled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Put keeps an answer that came with another one.
func (c *Cache[V]) Put(key string, value V) { c.kept.Add(key, answer[V]{value, c.now()}) }

// Forget drops the answer for a key. A call that is under way is not joined any
// more, and its answer is not kept: it may be older than what made the caller
// forget.
func (c *Cache[V]) Forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.current, key)
	c.calls.Forget(key)
	c.kept.Remove(key)
}

func (c *Cache[V]) fresh(key string) (V, bool) {
	found, ok := c.kept.Get(key)
	ttl := c.options.TTL
	if ok && c.options.TTLOf != nil {
		ttl = c.options.TTLOf(found.value)
	}
	if ok && ttl > 0 && c.now().Sub(found.asked) >= ttl {
		return found.value, false
	}
	return found.value, ok
}

func (c *Cache[V]) ask(ctx context.Context, key string, ask func(context.Context) (V, error)) (V, error) {
	this, asked := new(read), c.now()
	c.mu.Lock()
	c.current[key] = this
	c.mu.Unlock()
	value, err := ask(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current[key] != this {
		return value, err
	}
	delete(c.current, key)
	if err == nil && (c.options.Keep == nil || c.options.Keep(value)) {
		c.kept.Add(key, answer[V]{value, asked})
	}
	return value, err
}

func (c *Cache[V]) now() time.Time {
	if c.options.Now == nil {
		return time.Time{}
	}
	return c.options.Now()
}
