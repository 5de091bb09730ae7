package apiserver

import (
	"sync"
	"time"
)

// maxVersions bounds how many versions of one thing are remembered. A
// client that writes faster than that within a propagation delay sees the oldest
// kept.
const maxVersions = 256

// History remembers what something was before, so that what takes effect late
// can be asked for as it was. The zero value is ready for use; it is safe for
// concurrent use. Values are not copied: they must not change once they are put.
type History[T any] struct {
	mu       sync.Mutex
	versions map[string][]version[T]
}

type version[T any] struct {
	since time.Time
	value T
	gone  bool
}

// Put says what the thing called name is from since on.
func (h *History[T]) Put(name string, since time.Time, value T) {
	h.add(name, version[T]{since: since, value: value})
}

// Drop says that there is no such thing from since on.
func (h *History[T]) Drop(name string, since time.Time) {
	h.add(name, version[T]{since: since, gone: true})
}

func (h *History[T]) add(name string, v version[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.versions == nil {
		h.versions = map[string][]version[T]{}
	}
	kept := h.versions[name]
	if len(kept) == maxVersions {
		kept = append(kept[:0:0], kept[1:]...)
	}
	h.versions[name] = append(kept, v)
}

// At is what the thing called name was at a time, and whether there was one.
func (h *History[T]) At(name string, at time.Time) (value T, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return latest(h.versions[name], at)
}

// All is everything that there was at a time.
func (h *History[T]) All(at time.Time) map[string]T {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]T{}
	for name, versions := range h.versions {
		if value, ok := latest(versions, at); ok {
			all[name] = value
		}
	}
	return all
}

// Reset forgets everything.
func (h *History[T]) Reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.versions = nil
}

func latest[T any](versions []version[T], at time.Time) (value T, ok bool) {
	for i := len(versions) - 1; i >= 0; i-- {
		if v := versions[i]; !v.since.After(at) {
			return v.value, !v.gone
		}
	}
	return value, false
}
