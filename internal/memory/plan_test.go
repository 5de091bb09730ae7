package memory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

// dated is a store that knows when each blob was written, and cannot read some.
type dated struct {
	memory.Store
	updated map[string]time.Time
	broken  string
	reads   chan string
}

func (d *dated) List(ctx context.Context, query memory.Query) ([]memory.Entry, error) {
	entries, err := d.Store.List(ctx, query)
	for i := range entries {
		entries[i].Updated = d.updated[entries[i].Name]
	}
	return entries, err
}

func (d *dated) Get(ctx context.Context, name string) (memory.Blob, error) {
	d.reads <- name
	if name == d.broken {
		return memory.Blob{}, fault.New(fault.Denied, "no")
	}
	return d.Store.Get(ctx, name)
}

func TestPlansAreReadThatWereWrittenSince(t *testing.T) {
	const many = 40
	store := &dated{memory.NewInProcess(), map[string]time.Time{}, "", make(chan string, 1000)}
	m := open(store)
	for i := range many {
		if _, err := m.UpdatePlan(t.Context(), fmt.Sprintf("run-%02d", i), func(p *memory.Plan) bool {
			p.Decide(fmt.Sprint("d", i%2))
			return true
		}); err != nil {
			t.Fatal(err)
		}
		store.updated[fmt.Sprintf("plan/run-%02d", i)] = began.Add(time.Duration(i) * time.Minute)
	}
	store.updated["plan/run-00"] = time.Time{} // not known: it is read
	store.broken = "plan/run-39"
	for len(store.reads) > 0 {
		<-store.reads
	}
	var progress []int
	found, err := m.Plans(t.Context(), memory.PlanQuery{
		Since: began.Add(30 * time.Minute), Keep: func(p memory.Plan) bool { return p.DecidedBy("d0") },
		Progress: func(done, of int) { progress = append(progress, done, of) },
	})
	var runs []string
	for _, one := range found {
		runs = append(runs, one.Run)
	}
	slices.Sort(runs)
	want := []string{"run-00", "run-30", "run-32", "run-34", "run-36", "run-38"}
	if diff := cmp.Diff(want, runs); diff != "" || err == nil || !strings.Contains(err.Error(), "run-39") {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got := len(store.reads); got != 11 || len(progress) != 22 || progress[21] != 11 {
		t.Errorf("%d reads, progress %v; want 11", got, progress)
	}
}

func TestARunKeepsThePoliciesThatDecidedIt(t *testing.T) {
	var p memory.Plan
	for _, digest := range []string{"a", "a", "b", "a", "c"} {
		p.Decide(digest)
	}
	if diff := cmp.Diff([]string{"a", "b"}, p.Earlier); diff != "" || !p.DecidedBy("a") || !p.DecidedBy("c") || p.DecidedBy("d") ||
		p.DecidedBy("") {
		t.Errorf("now %s, earlier (-want +got):\n%s", p.Policy, diff)
	}
}
