package cache

import (
	"context"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
)

// FailureTTL is how long a failure that may pass stands for other callers: those that ask at
// the same time do not each meet it, and one that asks again a moment later may have better luck.
const FailureTTL = time.Second

// Shared is a cache that keeps errors too, for callers that share what they read. A nil Shared
// keeps nothing: each caller asks.
type Shared[V any] struct{ cache *Cache[held[V]] }

// held is an answer with the error that came with it.
type held[V any] struct {
	value V
	err   error
}

// NewShared returns an empty cache for so many answers, each used for a time.
func NewShared[V any](size int, ttl time.Duration, now func() time.Time) (*Shared[V], error) {
	kept, err := New(Options[held[V]]{Size: size, TTL: ttl, Now: now, TTLOf: func(h held[V]) time.Duration {
		if h.err != nil && !fault.Lasting(h.err) {
			return FailureTTL
		}
		return ttl
	}})
	if err != nil {
		return nil, err
	}
	return &Shared[V]{kept}, nil
}

// Get returns the answer for a key, or asks where none is kept. Concurrent calls for a key share
// one ask.
func (s *Shared[V]) Get(ctx context.Context, key string, ask func(context.Context) (V, error)) (V, error) {
	if s == nil {
		return ask(ctx)
	}
	found, err := s.cache.Get(ctx, key, func(ctx context.Context) (held[V], error) {
		value, err := ask(ctx)
		if ctx.Err() != nil { // the caller gave up, which says nothing to others
			return held[V]{value: value}, err
		}
		return held[V]{value, err}, nil
	})
	if err != nil {
		return found.value, err
	}
	return found.value, found.err
}
