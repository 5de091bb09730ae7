// Package conformance holds the tests that every memory.Store must pass.
package conformance

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

// Test runs the suite. open gives an empty store for each test.
func Test(t *testing.T, open func(t *testing.T) memory.Store) {
	for _, tc := range []struct {
		name string
		test func(t *testing.T, store memory.Store)
	}{
		{"a blob that was put is read back", putThenGet},
		{"only the generation that was read is overwritten", compareAndSwap},
		{"only the generation that was read is deleted", compareAndDelete},
		{"a missing blob is not found", missing},
		{"a list is ordered, selected and bounded", list},
		{"of concurrent writers over one generation one wins", race},
		{"an ended context stops every call", canceled},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, open(t)) })
	}
}

// put writes a blob that must be accepted.
func put(t *testing.T, store memory.Store, name, data string, over int64) int64 {
	t.Helper()
	generation, err := store.Put(t.Context(), name, []byte(data), over)
	if err != nil || generation == 0 || generation == over {
		t.Fatalf("Put(%q, %q, %d) = %d, %v; want a new generation", name, data, over, generation, err)
	}
	return generation
}

func isKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if got := fault.Of(err).Kind; err == nil || got != want {
		t.Errorf("%s: error %v of kind %q, want %q", what, err, got, want)
	}
}

func holds(t *testing.T, store memory.Store, name, want string, generation int64) {
	t.Helper()
	got, err := store.Get(t.Context(), name)
	if err != nil || string(got.Data) != want || got.Generation != generation {
		t.Errorf("Get(%q) = %q at %d, %v; want %q at %d", name, got.Data, got.Generation, err, want, generation)
	}
}

func putThenGet(t *testing.T, store memory.Store) {
	for _, name := range []string{"deployment", "service/p/europe-west1/hello", "due/2026-11-28T10:00/a%2Fb c+d&e=f?#ü"} {
		generation := put(t, store, name, `{"name":"`+name+`"}`, 0)
		holds(t, store, name, `{"name":"`+name+`"}`, generation)
	}
	large := make([]byte, 200<<10)
	for i := range large {
		large[i] = byte(i)
	}
	holds(t, store, "plan/large", string(large), put(t, store, "plan/large", string(large), 0))
	holds(t, store, "plan/empty", "", put(t, store, "plan/empty", "", 0))
}

func compareAndSwap(t *testing.T, store memory.Store) {
	first := put(t, store, "deployment", "one", 0)
	_, err := store.Put(t.Context(), "deployment", []byte("again"), 0)
	isKind(t, "creating what exists", err, fault.Conflict)
	second := put(t, store, "deployment", "two", first)
	_, err = store.Put(t.Context(), "deployment", []byte("late"), first)
	isKind(t, "overwriting an old generation", err, fault.Conflict)
	_, err = store.Put(t.Context(), "plan/none", []byte("x"), second)
	isKind(t, "overwriting what does not exist", err, fault.Conflict)
	holds(t, store, "deployment", "two", second)
}

func compareAndDelete(t *testing.T, store memory.Store) {
	first := put(t, store, "due/a", "one", 0)
	second := put(t, store, "due/a", "two", first)
	isKind(t, "deleting an old generation", store.Delete(t.Context(), "due/a", first), fault.Conflict)
	holds(t, store, "due/a", "two", second)
	if err := store.Delete(t.Context(), "due/a", second); err != nil {
		t.Errorf("deleting the current generation: %v", err)
	}
	_, err := store.Get(t.Context(), "due/a")
	isKind(t, "reading what was deleted", err, fault.NotFound)
	third := put(t, store, "due/a", "three", 0)
	if third == first || third == second {
		t.Errorf("the generation %d is used twice", third)
	}
}

func missing(t *testing.T, store memory.Store) {
	_, err := store.Get(t.Context(), "service/p/l/none")
	isKind(t, "reading", err, fault.NotFound)
	isKind(t, "deleting", store.Delete(t.Context(), "service/p/l/none", 1), fault.NotFound)
}

func list(t *testing.T, store memory.Store) {
	var all []memory.Entry
	for i := range 25 {
		name := fmt.Sprintf("due/10:%02d/a", i)
		all = append(all, memory.Entry{Name: name, Generation: put(t, store, name, "x", 0)})
	}
	put(t, store, "dud", "x", 0)
	put(t, store, "due0", "x", 0)
	for _, tc := range []struct {
		name  string
		query memory.Query
		want  []memory.Entry
	}{
		{"a prefix", memory.Query{Prefix: "due/"}, all},
		{"before a name", memory.Query{Prefix: "due/", Before: "due/10:05"}, all[:5]},
		{"before a name that exists", memory.Query{Prefix: "due/", Before: "due/10:05/a"}, all[:5]},
		{"at most so many", memory.Query{Prefix: "due/", Limit: 7}, all[:7]},
		{"as many as there are", memory.Query{Prefix: "due/", Limit: 25}, all},
		{"nothing", memory.Query{Prefix: "hour/"}, nil},
		{"nothing before", memory.Query{Prefix: "due/", Before: "due/"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := store.List(t.Context(), tc.query)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func race(t *testing.T, store memory.Store) {
	over := put(t, store, "deployment", "start", 0)
	var won []string
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			data := fmt.Sprint("writer ", i)
			_, err := store.Put(t.Context(), "deployment", []byte(data), over)
			switch {
			case err == nil:
				mu.Lock()
				won = append(won, data)
				mu.Unlock()
			case fault.Of(err).Kind != fault.Conflict && fault.Of(err).Kind != fault.Quota:
				t.Errorf("the loser got %v", err)
			}
		})
	}
	group.Wait()
	got, err := store.Get(t.Context(), "deployment")
	if err != nil || len(won) != 1 || string(got.Data) != won[0] {
		t.Errorf("the blob holds %q, %v; the winners are %q, want one", got.Data, err, won)
	}
}

func canceled(t *testing.T, store memory.Store) {
	generation := put(t, store, "deployment", "one", 0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Get(ended, "deployment")
	isKind(t, "reading", err, fault.Canceled)
	_, err = store.Put(ended, "deployment", []byte("two"), generation)
	isKind(t, "writing", err, fault.Canceled)
	isKind(t, "deleting", store.Delete(ended, "deployment", generation), fault.Canceled)
	_, err = store.List(ended, memory.Query{})
	isKind(t, "listing", err, fault.Canceled)
	holds(t, store, "deployment", "one", generation)
}
