package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/store"
)

// thing is a value: its scope and name, what it names, and which write put it.
type thing struct {
	scope, name string
	names       []string
	write       int
}

func (th thing) path() string { return th.scope + "/things/" + th.name }

func keys(th *thing) store.Keys {
	return store.Keys{Path: th.path(), List: "things", Order: th.scope + "/" + th.name, References: th.names}
}

func newStore(past int) *store.Store[*thing] { return store.New(store.Options{Past: past}, keys) }

var epoch = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

func second(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

// event is one write as the naive store remembers it; nil value = dropped.
type event struct {
	at    time.Time
	path  string
	value *thing
}

// naive answers from everything that ever happened.
type naive []event

func (all naive) at(at time.Time) map[string]*thing {
	now := map[string]*thing{}
	for _, each := range all {
		if !at.IsZero() && each.at.After(at) {
			continue
		}
		if now[each.path] = each.value; each.value == nil {
			delete(now, each.path)
		}
	}
	return now
}

func (all naive) sorted(at time.Time, less func(a, b *thing) int, keep func(*thing) bool) []*thing {
	var found []*thing
	for _, each := range all.at(at) {
		if keep(each) {
			found = append(found, each)
		}
	}
	slices.SortFunc(found, less)
	return found
}

func byOrder(a, b *thing) int { return strings.Compare(keys(a).Order, keys(b).Order) }

func byPath(a, b *thing) int { return strings.Compare(a.path(), b.path()) }

func (all naive) page(q store.Query) []*thing {
	found := all.sorted(q.At, byOrder, func(th *thing) bool {
		order := keys(th).Order
		return strings.HasPrefix(order, q.Prefix) && (q.After == "" || order > q.After)
	})
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found
}

func (all naive) referring(reference string, at time.Time) []*thing {
	return all.sorted(at, byPath, func(th *thing) bool { return slices.Contains(th.names, reference) })
}

var (
	scopes = []string{"global", "regions/us-central1", "regions/us-central10"}
	equal  = cmp.AllowUnexported(thing{})
)

func pick[E any](r *rand.Rand, from []E) E { return from[r.IntN(len(from))] }

// step makes one random write, and returns what it was.
func step(r *rand.Rand, s *store.Store[*thing], n int) event {
	th := &thing{scope: pick(r, scopes), name: fmt.Sprint("n", r.IntN(12)), write: n}
	at := second(n / 3) // several writes have the same time
	if r.IntN(4) == 0 {
		s.Drop(at, th.path())
		return event{at, th.path(), nil}
	}
	for range r.IntN(4) {
		th.names = append(th.names, fmt.Sprint("r", r.IntN(5)))
	}
	s.Put(at, th)
	return event{at, th.path(), th}
}

func compare(t *testing.T, r *rand.Rand, s *store.Store[*thing], all naive, at time.Time) {
	t.Helper()
	values := all.at(at)
	for _, scope := range scopes {
		th := thing{scope: scope, name: fmt.Sprint("n", r.IntN(12))}
		got, ok := s.Get(th.path(), at)
		if want := values[th.path()]; got != want || ok != (want != nil) {
			t.Fatalf("%s at %v: %v %v, want %v", th.path(), at, got, ok, want)
		}
	}
	for _, q := range []store.Query{
		{List: "things", At: at},
		{List: "things", At: at, Prefix: pick(r, scopes) + "/"},
		{List: "things", At: at, Prefix: pick(r, scopes), After: "regions/us-central1/n5", Limit: r.IntN(4)},
		{List: "things", At: at, After: pick(r, scopes) + fmt.Sprint("/n", r.IntN(12)), Limit: 3},
	} {
		if diff := cmp.Diff(all.page(q), s.Page(q), equal); diff != "" {
			t.Fatalf("%+v (-naive +store):\n%s", q, diff)
		}
	}
	reference := fmt.Sprint("r", r.IntN(6))
	if diff := cmp.Diff(all.referring(reference, at), s.Referring(reference, at), equal); diff != "" {
		t.Fatalf("referring to %s at %v (-naive +store):\n%s", reference, at, diff)
	}
}

func TestStoreAnswersAsAScanDoes(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newStore(100_000)
		var all naive
		for n := range 120 {
			all = append(all, step(r, s, n))
			compare(t, r, s, all, time.Time{})
			compare(t, r, s, all, second(r.IntN(n/3+1)))
		}
		if want := len(all.at(time.Time{})); s.Len() != want {
			t.Errorf("seed %d: %d values, want %d", seed, s.Len(), want)
		}
	}
}

func TestStoreForgetsOnlyThePast(t *testing.T) {
	for _, past := range []int{1, 7} {
		r := rand.New(rand.NewPCG(uint64(past), 2))
		s := newStore(past)
		var all naive
		for n := range 600 {
			all = append(all, step(r, s, n))
			if n%10 == 0 {
				compare(t, r, s, all, time.Time{})
			}
		}
	}
}

func TestStoreKeepsTheLatestOfThePast(t *testing.T) {
	s := newStore(2)
	for n := range 5 {
		s.Put(second(n), &thing{scope: "global", name: "one", write: n})
	}
	for n, want := range []int{-1, -1, 2, 3, 4} {
		if got, ok := s.Get("global/things/one", second(n)); ok != (want >= 0) || ok && got.write != want {
			t.Errorf("at %d: %v, want write %d", n, got, want)
		}
	}
}

func TestStoreLooksAtWhatItReturnsAndNoMore(t *testing.T) {
	looks := func(values int) (looked []int64) {
		s := newStore(0)
		for n := range values {
			s.Put(second(0), &thing{scope: "global", name: fmt.Sprintf("n%05d", n), names: []string{fmt.Sprint("r", n)}})
		}
		for _, call := range []func(){
			func() { s.Get("global/things/n00003", time.Time{}) },
			func() { s.Referring("r3", time.Time{}) },
			func() { s.Page(store.Query{List: "things", Limit: 20, After: "global/n00010"}) },
		} {
			before := s.Looked()
			call()
			looked = append(looked, s.Looked()-before)
		}
		return looked
	}
	want := []int64{1, 1, 20}
	for _, values := range []int{50, 5000} {
		if diff := cmp.Diff(want, looks(values)); diff != "" {
			t.Errorf("with %d values (-want +got):\n%s", values, diff)
		}
	}
}

func TestStoreIsReadWhileItIsWritten(t *testing.T) {
	s := newStore(50)
	var all sync.WaitGroup
	for reader := range uint64(4) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(reader, 3))
			for range 500 {
				for _, th := range s.Page(store.Query{List: "things", Limit: 10, At: second(r.IntN(300))}) {
					if got, ok := s.Get(th.path(), time.Time{}); ok && got.path() != th.path() {
						t.Errorf("%s is at the path of %s", got.path(), th.path())
					}
				}
				s.Referring("r1", time.Time{})
			}
		})
	}
	for writer := range uint64(2) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(writer, 4))
			for n := range 500 {
				step(r, s, n)
			}
		})
	}
	all.Wait()
}

func benchmarkStore(b *testing.B, work func(s *store.Store[*thing], n int)) {
	for _, values := range []int{10, 10_000} {
		b.Run(fmt.Sprint(values), func(b *testing.B) {
			s := newStore(0)
			for n := range values {
				s.Put(epoch, &thing{scope: "global", name: fmt.Sprintf("n%05d", n), names: []string{fmt.Sprint("r", n)}})
			}
			n := 0
			for b.Loop() {
				work(s, n*7%values)
				n++
			}
		})
	}
}

func BenchmarkReferring(b *testing.B) {
	benchmarkStore(b, func(s *store.Store[*thing], n int) { s.Referring(fmt.Sprint("r", n), time.Time{}) })
}

func BenchmarkPageOfTen(b *testing.B) {
	benchmarkStore(b, func(s *store.Store[*thing], n int) {
		s.Page(store.Query{List: "things", Limit: 10, After: fmt.Sprintf("global/n%05d", n)})
	})
}
