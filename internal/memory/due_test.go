package memory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

func schedule(t *testing.T, m *memory.Memory, at time.Time, key, payload string) {
	t.Helper()
	if err := m.Schedule(t.Context(), at, key, []byte(payload)); err != nil {
		t.Fatal(err)
	}
}

// due gives what is due as text, in order.
func due(t *testing.T, m *memory.Memory, until time.Time) (texts []string, all []memory.Due) {
	t.Helper()
	all, err := m.Due(t.Context(), until)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range all {
		texts = append(texts, each.Key+" "+string(each.Payload))
	}
	return texts, all
}

func TestWorkIsDueAtItsTimeAndInMissedMinutes(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	at := func(minutes, seconds int) time.Time {
		return began.Add(time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second)
	}
	schedule(t, m, at(61, 0), "projects/p/locations/l/services/later", "4")
	schedule(t, m, at(1, 30), "projects/p/locations/l/services/b", "2")
	schedule(t, m, at(1, 50), "projects/p/locations/l/services/c", "3")
	schedule(t, m, at(-1500, 0), "projects/p/locations/l/services/missed", "1")
	for _, tc := range []struct {
		name  string
		until time.Time
		want  []string
	}{
		{"before", at(0, 0), []string{"missed 1"}},
		{"within the minute", at(1, 30), []string{"missed 1", "b 2"}},
		{"at its end", at(1, 59), []string{"missed 1", "b 2", "c 3"}},
		{"an hour on", at(61, 0), []string{"missed 1", "b 2", "c 3", "later 4"}},
	} {
		got, _ := due(t, open(store), tc.until)
		for i := range got {
			got[i] = got[i][len("projects/p/locations/l/services/"):]
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestWorkOfOneKeyAndMinuteIsOneRecord(t *testing.T) {
	m := open(memory.NewInProcess())
	schedule(t, m, began.Add(30*time.Second), "key", "old")
	schedule(t, m, began.Add(50*time.Second), "key", "new")
	if got, _ := due(t, m, began.Add(29*time.Second)); got != nil {
		t.Errorf("due too early: %v", got)
	}
	got, all := due(t, m, began.Add(30*time.Second))
	if diff := cmp.Diff([]string{"key new"}, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	schedule(t, m, began.Add(30*time.Second), "key", "newest")
	if err := m.Done(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	got, all = due(t, m, began.Add(time.Hour))
	if diff := cmp.Diff([]string{"key newest"}, got); diff != "" {
		t.Fatalf("what was scheduled while the other was handled (-want +got):\n%s", diff)
	}
	for range 2 { // another instance may have done it too
		if err := m.Done(t.Context(), all[0]); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := due(t, m, began.Add(time.Hour)); got != nil {
		t.Errorf("after it is done: %v", got)
	}
	schedule(t, m, began, "key", "later") // not a rollback, although the record existed
}

func TestDueGivesABoundedPartOldestFirst(t *testing.T) {
	m := open(memory.NewInProcess())
	const many = 230
	for i := range many {
		schedule(t, m, began.Add(time.Duration(i)*time.Minute), fmt.Sprintf("key-%03d", i), "x")
	}
	var keys []string
	for range 3 {
		_, all := due(t, m, began.Add(many*time.Minute))
		if len(all) > 100 {
			t.Fatalf("%d at once", len(all))
		}
		for _, each := range all {
			keys = append(keys, each.Key)
			if err := m.Done(t.Context(), each); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(keys) != many || keys[0] != "key-000" || keys[many-1] != fmt.Sprintf("key-%03d", many-1) {
		t.Errorf("%d keys, from %s to %s", len(keys), keys[0], keys[len(keys)-1])
	}
}

func TestUnreadableWorkDoesNotHideTheRest(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	schedule(t, m, began, "key", "x")
	put(t, store, "due/2026-11-28T09:00/broken", "garbage")
	all, err := m.Due(t.Context(), began)
	if !errors.Is(err, memory.ErrUnreadable) || len(all) != 1 || all[0].Key != "key" {
		t.Errorf("%+v, %v; want the one that can be read, and the error", all, err)
	}
}

func TestListThatFailsIsUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			list func(context.Context) error
			want error
		}{
			"passing": {times(3, fault.Unavailable), nil}, "refused": {always(fault.Denied), memory.ErrUnreadable},
			"hanging": {hang, memory.ErrUnreadable},
		} {
			began := time.Now()
			_, err := open(&faulty{Store: memory.NewInProcess(), list: tc.list}).Due(t.Context(), began)
			if waited := time.Since(began); !errors.Is(err, tc.want) || waited > 5*time.Second {
				t.Errorf("%s: %v after %s, want %v", name, err, waited, tc.want)
			}
		}
	})
}
