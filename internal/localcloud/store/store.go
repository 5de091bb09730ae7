// Package store keeps the resources of an API: by path, in lists with an order,
// with reverse references, and as they were.
//
// A value never changes once it is put: a write puts another one in its place.
// Readers therefore take values under the store's lock, which they hold for as
// long as it takes to copy pointers, and look at them, encode them and send
// them without it. Every call costs as much as the values that it returns, never
// as much as there are.
//
// Each reference of a value (the path of what it names, an address, an id) leads
// back to it: that answers who uses a resource, and finds a resource by another
// name than its path, without a scan.
//
// Superseded values are kept for readers who ask for the past: lists that lag,
// and settings that take effect late. At most Options.Past of them are, the
// latest ones.
package store

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultPast is how many superseded values a store keeps when its options do
// not say.
const DefaultPast = 10_000

// Keys say where a value belongs. Those of one path are always the same but for
// References.
type Keys struct {
	// Path is the value's name. A value replaces the one with its path.
	Path string
	// List is the list that shows the value, and Order its place there, which no
	// other value of the list has. Values are listed in the order of these texts.
	List, Order string
	// References are what Referring finds the value by, in any order; repeated
	// ones count once.
	References []string
}

// Options adjust a Store.
type Options struct {
	// Past is how many superseded values are kept, of all paths together;
	// 0 = DefaultPast.
	Past int
}

// Store is a set of values with indexes. It is safe for concurrent use. Writers
// that decide from what they read must exclude each other by a lock of their own.
type Store[T any] struct {
	keys   func(T) Keys
	most   int
	looked atomic.Int64

	mu    sync.RWMutex
	nodes map[string]*node[T]
	lists map[string][]*node[T] // by order
	users map[string][]use[T]   // by reference, then by path
	past  []*node[T]            // one entry for each superseded version, the oldest first
	live  int
}

// node is what was put at one path.
type node[T any] struct {
	path, list, order string
	versions          []version[T] // oldest first; the last is the current one
}

type version[T any] struct {
	since      time.Time
	value      T
	gone       bool
	references []string // sorted, without repetition
}

// use is a node with a reference, and how many of its versions have it.
type use[T any] struct {
	node     *node[T]
	versions int
}

// New returns an empty store. Keys are asked once for each value that is put.
func New[T any](options Options, keys func(T) Keys) *Store[T] {
	s := &Store[T]{keys: keys, most: options.Past}
	if s.most <= 0 {
		s.most = DefaultPast
	}
	s.Reset()
	return s
}

// Reset forgets everything.
func (s *Store[T]) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes, s.lists, s.users = map[string]*node[T]{}, map[string][]*node[T]{}, map[string][]use[T]{}
	s.past, s.live = nil, 0
}

// Len is how many values there are now.
func (s *Store[T]) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live
}

// Looked is how many values all calls have looked at so far: a measure of work
// that does not depend on the machine.
func (s *Store[T]) Looked() int64 { return s.looked.Load() }

// Put keeps a value, from a time on, in place of the one at its path.
func (s *Store[T]) Put(since time.Time, value T) {
	keys := s.keys(value)
	references := slices.Compact(slices.Sorted(slices.Values(keys.References)))
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[keys.Path]
	if n == nil {
		n = &node[T]{path: keys.Path, list: keys.List, order: keys.Order}
		s.nodes[n.path] = n
		s.place(n)
	}
	if !n.exists() {
		s.live++
	}
	s.add(n, version[T]{since: since, value: value, references: references})
}

// Drop removes the value at a path, from a time on.
func (s *Store[T]) Drop(since time.Time, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.nodes[path]; n != nil && n.exists() {
		s.live--
		s.add(n, version[T]{since: since, gone: true})
	}
}

func (s *Store[T]) add(n *node[T], v version[T]) {
	for _, reference := range v.references {
		s.refer(n, reference)
	}
	if n.versions = append(n.versions, v); len(n.versions) == 1 {
		return
	}
	if s.past = append(s.past, n); len(s.past) > s.most {
		oldest := s.past[0]
		s.past[0] = nil
		s.past = s.past[1:]
		s.forget(oldest)
	}
}

// forget drops the oldest version of a node, and the node with the last one that
// held a value.
func (s *Store[T]) forget(n *node[T]) {
	for _, reference := range n.versions[0].references {
		s.unrefer(n, reference)
	}
	n.versions = slices.Clone(n.versions[1:]) // the rest of the array would keep the value
	if len(n.versions) == 1 && n.versions[0].gone {
		delete(s.nodes, n.path)
		s.displace(n)
	}
}

func (s *Store[T]) place(n *node[T]) {
	list := s.lists[n.list]
	at, _ := slices.BinarySearchFunc(list, n.order, byOrder)
	s.lists[n.list] = slices.Insert(list, at, n)
}

func (s *Store[T]) displace(n *node[T]) {
	list := s.lists[n.list]
	if at, found := slices.BinarySearchFunc(list, n.order, byOrder); found {
		s.lists[n.list] = slices.Delete(list, at, at+1)
	}
}

func byOrder[T any](n *node[T], order string) int { return strings.Compare(n.order, order) }

func (s *Store[T]) refer(n *node[T], reference string) {
	users := s.users[reference]
	at, found := slices.BinarySearchFunc(users, n.path, byPath)
	if !found {
		users = slices.Insert(users, at, use[T]{node: n})
	}
	users[at].versions++
	s.users[reference] = users
}

func (s *Store[T]) unrefer(n *node[T], reference string) {
	users := s.users[reference]
	at, _ := slices.BinarySearchFunc(users, n.path, byPath)
	if users[at].versions--; users[at].versions > 0 {
		return
	}
	if users = slices.Delete(users, at, at+1); len(users) == 0 {
		delete(s.users, reference)
		return
	}
	s.users[reference] = users
}

func byPath[T any](u use[T], path string) int { return strings.Compare(u.node.path, path) }

func (n *node[T]) exists() bool { return len(n.versions) > 0 && !n.versions[len(n.versions)-1].gone }

// at is the version of a time, nil where there was no value; the zero time is
// now.
func (n *node[T]) at(at time.Time) *version[T] {
	for i := len(n.versions) - 1; i >= 0; i-- {
		if v := &n.versions[i]; at.IsZero() || !v.since.After(at) {
			if v.gone {
				return nil
			}
			return v
		}
	}
	return nil
}

// Get is the value at a path as it was at a time, and whether there was one; the
// zero time is now.
func (s *Store[T]) Get(path string, at time.Time) (value T, ok bool) {
	s.looked.Add(1)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if n := s.nodes[path]; n != nil {
		if v := n.at(at); v != nil {
			return v.value, true
		}
	}
	return value, false
}

// Query selects values of one list, in its order.
type Query struct {
	List string
	// Prefix is what the Order of a value begins with; "" = anything.
	Prefix string
	// After is the Order of the value after which the page begins; "" = the
	// first one.
	After string
	// Limit is how many values are returned at most; 0 = all.
	Limit int
	// At is the time whose values are returned; zero = now.
	At time.Time
}

// Page returns the values that a query selects.
func (s *Store[T]) Page(q Query) []T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := s.lists[q.List]
	first, found := slices.BinarySearchFunc(list, max(q.After, q.Prefix), byOrder)
	if found && q.After >= q.Prefix && q.After != "" {
		first++
	}
	var page []T
	looked := 0
	for _, n := range list[first:] {
		if !strings.HasPrefix(n.order, q.Prefix) || q.Limit > 0 && len(page) == q.Limit {
			break
		}
		looked++
		if v := n.at(q.At); v != nil {
			page = append(page, v.value)
		}
	}
	s.looked.Add(int64(looked))
	return page
}

// Referring returns the values that had a reference at a time, by path; the zero
// time is now.
func (s *Store[T]) Referring(reference string, at time.Time) []T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	users := s.users[reference]
	s.looked.Add(int64(len(users)))
	var all []T
	for _, each := range users {
		v := each.node.at(at)
		if v == nil {
			continue
		}
		if _, has := slices.BinarySearch(v.references, reference); has {
			all = append(all, v.value)
		}
	}
	return all
}
