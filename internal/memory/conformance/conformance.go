// Package conformance holds the tests that every memory.Store must pass.
package conformance

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

// Test runs the suite. open gives an empty store for each test.
func Test(t *testing.T, open func(t *testing.T) memory.Store) {
	for _, tc := range []struct {
		name string
		test func(s suite)
	}{
		{"a blob that was put is read back", putThenGet},
		{"only the generation that was read is overwritten", compareAndSwap},
		{"only the generation that was read is deleted", compareAndDelete},
		{"a missing blob is not found", missing},
		{"a list is ordered, selected and bounded", list},
		{"of concurrent writers over one generation one wins", race},
		{"an ended context stops every call", canceled},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(suite{t, open(t)}) })
	}
}

// suite is one test and the empty store that it gets.
type suite struct {
	*testing.T
	memory.Store
}

// put writes a blob that must be accepted.
func (s suite) put(name, data string, over int64) int64 {
	s.Helper()
	generation, err := s.Put(s.Context(), name, []byte(data), over)
	if err != nil || generation == 0 || generation == over {
		s.Fatalf("Put(%q, %q, %d) = %d, %v; want a new generation", name, data, over, generation, err)
	}
	return generation
}

func (s suite) isKind(what string, err error, want fault.Kind) {
	s.Helper()
	if got := fault.Of(err).Kind; err == nil || got != want {
		s.Errorf("%s: error %v of kind %q, want %q", what, err, got, want)
	}
}

func (s suite) holds(name, want string, generation int64) {
	s.Helper()
	got, err := s.Get(s.Context(), name)
	if err != nil || string(got.Data) != want || got.Generation != generation {
		s.Errorf("Get(%q) = %q at %d, %v; want %q at %d", name, got.Data, got.Generation, err, want, generation)
	}
}

func putThenGet(s suite) {
	for _, name := range []string{"deployment", "service/p/europe-west1/hello", "due/2026-11-28T10:00/a%2Fb c+d&e=f?#ü"} {
		generation := s.put(name, `{"name":"`+name+`"}`, 0)
		s.holds(name, `{"name":"`+name+`"}`, generation)
	}
	large := make([]byte, 200<<10)
	for i := range large {
		large[i] = byte(i)
	}
	s.holds("plan/large", string(large), s.put("plan/large", string(large), 0))
	s.holds("plan/empty", "", s.put("plan/empty", "", 0))
}

func compareAndSwap(s suite) {
	first := s.put("deployment", "one", 0)
	_, err := s.Put(s.Context(), "deployment", []byte("again"), 0)
	s.isKind("creating what exists", err, fault.Conflict)
	second := s.put("deployment", "two", first)
	_, err = s.Put(s.Context(), "deployment", []byte("late"), first)
	s.isKind("overwriting an old generation", err, fault.Conflict)
	_, err = s.Put(s.Context(), "plan/none", []byte("x"), second)
	s.isKind("overwriting what does not exist", err, fault.Conflict)
	s.holds("deployment", "two", second)
}

func compareAndDelete(s suite) {
	first := s.put("due/a", "one", 0)
	second := s.put("due/a", "two", first)
	s.isKind("deleting an old generation", s.Delete(s.Context(), "due/a", first), fault.Conflict)
	s.holds("due/a", "two", second)
	if err := s.Delete(s.Context(), "due/a", second); err != nil {
		s.Errorf("deleting the current generation: %v", err)
	}
	_, err := s.Get(s.Context(), "due/a")
	s.isKind("reading what was deleted", err, fault.NotFound)
	third := s.put("due/a", "three", 0)
	if third == first || third == second {
		s.Errorf("the generation %d is used twice", third)
	}
}

func missing(s suite) {
	_, err := s.Get(s.Context(), "service/p/l/none")
	s.isKind("reading", err, fault.NotFound)
	s.isKind("deleting", s.Delete(s.Context(), "service/p/l/none", 1), fault.NotFound)
}

func list(s suite) {
	var all []memory.Entry
	for i := range 25 {
		name := fmt.Sprintf("due/10:%02d/a", i)
		all = append(all, memory.Entry{Name: name, Generation: s.put(name, "x", 0)})
	}
	s.put("dud", "x", 0)
	s.put("due0", "x", 0)
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
		s.Run(tc.name, func(t *testing.T) {
			got, err := s.List(t.Context(), tc.query)
			for i := range got {
				got[i].Updated = time.Time{} // a store need not know it
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func race(s suite) {
	over := s.put("deployment", "start", 0)
	var won []string
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			data := fmt.Sprint("writer ", i)
			_, err := s.Put(s.Context(), "deployment", []byte(data), over)
			switch {
			case err == nil:
				mu.Lock()
				won = append(won, data)
				mu.Unlock()
			case fault.Of(err).Kind != fault.Conflict && fault.Of(err).Kind != fault.Quota:
				s.Errorf("the loser got %v", err)
			}
		})
	}
	group.Wait()
	got, err := s.Get(s.Context(), "deployment")
	if err != nil || len(won) != 1 || string(got.Data) != won[0] {
		s.Errorf("the blob holds %q, %v; the winners are %q, want one", got.Data, err, won)
	}
}

func canceled(s suite) {
	generation := s.put("deployment", "one", 0)
	ended, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.Get(ended, "deployment")
	s.isKind("reading", err, fault.Canceled)
	_, err = s.Put(ended, "deployment", []byte("two"), generation)
	s.isKind("writing", err, fault.Canceled)
	s.isKind("deleting", s.Delete(ended, "deployment", generation), fault.Canceled)
	_, err = s.List(ended, memory.Query{})
	s.isKind("listing", err, fault.Canceled)
	s.holds("deployment", "one", generation)
}
