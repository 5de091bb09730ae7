package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
)

// noting adds a write, which is named, to a service's record.
func noting(op string) func(*memory.Service) bool {
	return func(s *memory.Service) bool {
		return s.AddWrite(memory.Write{Run: "r", Op: op, Resource: "a", Field: op, At: time.Now()})
	}
}

func opsOf(s memory.Service) (ops string) {
	for _, w := range s.Wrote {
		ops += w.Op + " "
	}
	return ops
}

func TestAnotherChangeNeedsNoReading(t *testing.T) {
	store := &faulty{Store: memory.NewInProcess()}
	m := open(store)
	update(t, m, first, noting("one"))
	before := store.gets
	got := update(t, m, first, noting("two"))
	if store.gets != before || opsOf(got) != "one two " {
		t.Errorf("%d reads, and the record has %s; want none, and both", store.gets-before, opsOf(got))
	}
}

func TestAnotherInstancesChangeIsKept(t *testing.T) {
	store := &faulty{Store: memory.NewInProcess()}
	ours, theirs := open(store), open(store)
	update(t, ours, first, noting("one"))
	update(t, theirs, first, noting("two"))
	if got := opsOf(update(t, ours, first, noting("three"))); got != "one two three " {
		t.Errorf("the record has %s: a change of another instance is lost", got)
	}
	// What changes nothing is answered by the record as it is now.
	update(t, theirs, first, noting("four"))
	if got := opsOf(update(t, ours, first, func(*memory.Service) bool { return false })); got != "one two three four " {
		t.Errorf("the record is said to have %s: it is older than that of the store", got)
	}
}

func TestARolledBackRecordIsNotWrittenOver(t *testing.T) {
	store := memory.NewInProcess()
	ours := open(store)
	update(t, ours, first, noting("one"))
	old, err := store.Get(t.Context(), serviceRecord)
	if err != nil {
		t.Fatal(err)
	}
	update(t, ours, first, noting("two"))
	now, err := store.Get(t.Context(), serviceRecord)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), serviceRecord, old.Data, now.Generation); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.UpdateService(t.Context(), first, noting("three")); !errors.Is(err, memory.ErrRollback) {
		t.Errorf("the error is %v, want that the record was rolled back", err)
	}
}
