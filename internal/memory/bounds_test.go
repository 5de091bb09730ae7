package memory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/memory"
)

var began = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)

// sized changes a record and gives its size in the store.
func sized(t *testing.T, store memory.Store, name string) int {
	t.Helper()
	return len(content(t, store, name))
}

func TestFullServiceRecordDropsTheOldestEntries(t *testing.T) {
	store := memory.NewInProcess()
	const many = 200
	update(t, open(store), first, func(s *memory.Service) bool {
		for i := range many {
			at, name := began.Add(time.Duration(i)*time.Minute), fmt.Sprintf("%s/%03d", strings.Repeat("x", 60), i)
			s.SeeDoors(at, []string{name}, nil)
			s.AddUndo(memory.Undo{Field: name, By: "bob@example.com", Tool: strings.Repeat("Terraform ", 1000), At: at})
			s.AddWrite(memory.Write{Run: "run", Op: "grant-access", Resource: name, Field: "role",
				Value: strings.Repeat("v", 5000), Version: "v", At: at})
			s.SeeBinding(memory.Binding{Resource: name, Role: "role", Member: "user:alice@example.com", FirstSeen: at})
			if s.Run == nil {
				s.Run = &memory.Run{ID: "run"}
			}
			s.Run.PlanIDs = append(s.Run.PlanIDs, strings.Repeat("p", 60)+name)
			s.Approvals = append(s.Approvals,
				memory.Approval{PlanID: name, By: "alice@example.com", At: at, Expires: at.Add(24 * time.Hour)})
		}
		return s.SeeGuarded(began)
	})
	read, err := open(store).Service(t.Context(), first)
	if size := sized(t, store, serviceRecord); err != nil || size > 16<<10 || size < 12<<10 || !read.Truncated ||
		read.GuardedSince != began {
		t.Fatalf("%d bytes, truncated %t, guarded since %s, %v; want nearly 16 KiB", size, read.Truncated,
			read.GuardedSince, err)
	}
	newest := fmt.Sprintf("%s/%03d", strings.Repeat("x", 60), many-1)
	for what, n := range map[string]int{
		"doors": len(read.Doors), "rounds": len(read.Undone), "writes": len(read.Wrote), "bindings": len(read.Bindings),
		"approvals": len(read.Approvals), "plan ids": len(read.Run.PlanIDs),
	} {
		if n < 3 {
			t.Errorf("%d %s are left: others crowded them out", n, what)
		}
	}
	if got := read.Undone[len(read.Undone)-1].Field; got != newest {
		t.Errorf("the newest round left is of %s", got)
	}
	if got := read.Wrote[len(read.Wrote)-1].Resource; got != newest {
		t.Errorf("the newest write left is of %s", got)
	}
	if read.Bindings[len(read.Bindings)-1].Resource != newest || read.Approvals[len(read.Approvals)-1].PlanID != newest {
		t.Error("the newest binding or approval is gone")
	}
}

func TestManyDoorsRestartNoClock(t *testing.T) {
	store := &faulty{Store: memory.NewInProcess()}
	m := open(store)
	update(t, m, first, func(s *memory.Service) bool { return s.SeeDoors(began, []string{"first"}, nil) })
	junk := []string{"first"}
	for i := range 400 {
		junk = append(junk, fmt.Sprintf("tag https://junk-%d---hello.run.app", i))
	}
	look := func(at time.Time, open, closed []string) memory.Service {
		t.Helper()
		return update(t, m, first, func(s *memory.Service) bool { return s.SeeDoors(at, open, closed) })
	}
	later := began.Add(time.Hour)
	look(later, junk, nil)
	if puts := store.puts; puts != 2 {
		t.Fatalf("%d writes, want 2", puts)
	}
	read := look(later.Add(time.Hour), junk, nil)
	if store.puts != 2 {
		t.Errorf("%d writes: a look at the same doors is not a transition", store.puts)
	}
	if got := read.OpenSince("first"); !got.Equal(began) {
		t.Errorf("the first door is open since %s, want %s", got, began)
	}
	for _, key := range junk[1:] {
		if got := read.OpenSince(key); !got.Equal(later) {
			t.Fatalf("%s is open since %s, want %s", key, got, later)
		}
	}
	read = look(later.Add(2*time.Hour), []string{"first"}, junk[1:])
	if !read.OthersOpenSince.IsZero() || len(read.Doors) != 1 || !read.OpenSince("first").Equal(began) {
		t.Errorf("after the junk is gone: %+v", read)
	}
}

func TestDoorsKeepTheirClockUntilSeenClosed(t *testing.T) {
	var s memory.Service
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	for _, tc := range []struct {
		name         string
		open, closed []string
		minute       int
		changed      bool
		want         []memory.Door
	}{
		{"first seen open", []string{"a"}, []string{"b"}, 1, true, []memory.Door{{Key: "a", OpenSince: at(1)}}},
		{"seen again", []string{"a"}, []string{"b"}, 2, false, []memory.Door{{Key: "a", OpenSince: at(1)}}},
		{"not read", nil, nil, 3, false, []memory.Door{{Key: "a", OpenSince: at(1)}}},
		{"another opens", []string{"a", "b"}, nil, 4, true,
			[]memory.Door{{Key: "a", OpenSince: at(1)}, {Key: "b", OpenSince: at(4)}}},
		{"seen closed", []string{"b"}, []string{"a"}, 5, true, []memory.Door{{Key: "b", OpenSince: at(4)}}},
		{"opened again", []string{"a", "b"}, nil, 6, true,
			[]memory.Door{{Key: "b", OpenSince: at(4)}, {Key: "a", OpenSince: at(6)}}},
	} {
		if changed := s.SeeDoors(at(tc.minute), tc.open, tc.closed); changed != tc.changed {
			t.Errorf("%s: changed %t", tc.name, changed)
		}
		if diff := cmp.Diff(tc.want, s.Doors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestEventsOfAServiceCountOnce(t *testing.T) {
	var s memory.Service
	undo := memory.Undo{Field: "ingress", By: "bob", At: began}
	binding := memory.Binding{Resource: "r", Role: "role", Member: "m", FirstSeen: began}
	write := memory.Write{Run: "1", Op: "op", Resource: "r", Value: "v", At: began}
	later := func(d time.Duration) memory.Write { w := write; w.Run, w.At = "2", began.Add(d); return w }
	for _, tc := range []struct {
		name string
		see  func() bool
		want bool
	}{
		{"guarded", func() bool { return s.SeeGuarded(began) }, true},
		{"guarded again", func() bool { return s.SeeGuarded(began.Add(time.Hour)) }, false},
		{"undone", func() bool { return s.AddUndo(undo) }, true},
		{"the same undoing", func() bool { return s.AddUndo(undo) }, false},
		{"another field at that time", func() bool { return s.AddUndo(memory.Undo{Field: "iap", At: began}) }, true},
		{"undone again", func() bool { return s.AddUndo(memory.Undo{Field: "ingress", At: began.Add(time.Hour)}) }, true},
		{"a binding", func() bool { return s.SeeBinding(binding) }, true},
		{"the binding later",
			func() bool { b := binding; b.FirstSeen = began.Add(time.Hour); return s.SeeBinding(b) }, false},
		{"a write", func() bool { return s.AddWrite(write) }, true},
		{"the same write", func() bool { return s.AddWrite(write) }, false},
		{"the write once more", func() bool { return s.AddWrite(later(time.Hour)) }, true},
	} {
		if got := tc.see(); got != tc.want {
			t.Errorf("%s: news %t, want %t", tc.name, got, tc.want)
		}
	}
	if rounds := s.Rounds("ingress", began.Add(-time.Second)); len(rounds) != 2 || len(s.Rounds("ingress", began)) != 1 {
		t.Errorf("rounds: %+v", rounds)
	}
	if s.BindingSince(binding) != began || s.GuardedSince != began || len(s.Wrote) != 1 || s.Wrote[0].Run != "2" {
		t.Errorf("%+v", s)
	}
}

func TestApprovalServesOnce(t *testing.T) {
	s := memory.Service{Approvals: []memory.Approval{{PlanID: "a", At: began, Expires: began.Add(time.Hour)}}}
	for _, tc := range []struct {
		name, plan string
		at         time.Time
		want       bool
	}{
		{"another plan", "b", began, false},
		{"too late", "a", began.Add(time.Hour), false},
		{"in time", "a", began.Add(time.Minute), true},
		{"once more", "a", began.Add(2 * time.Minute), false},
	} {
		if got := s.Redeem(tc.plan, "run", tc.at); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
}

func TestFullHourStaysStrict(t *testing.T) {
	store := memory.NewInProcess()
	const many = 500
	_, err := open(store).UpdateHour(t.Context(), "shop", began, func(h *memory.Hour) bool {
		for i := range many {
			h.Take("rule", fmt.Sprintf("0a1b2c3d-0000-4000-8000-%012d", i), began.Add(time.Duration(i)*time.Second))
		}
		return h.Take("other", "a", began)
	})
	read, readErr := open(store).Hour(t.Context(), "shop", began)
	size := sized(t, store, "hour/2026-11-28T10/project/shop")
	if err != nil || readErr != nil || size > 16<<10 || !read.Truncated {
		t.Fatalf("%d bytes, truncated %t, %v, %v", size, read.Truncated, err, readErr)
	}
	if read.Count("rule") != many || read.Count("other") != 1 || len(read.Times("rule")) != many ||
		len(read.Slots["rule"]) < 300 {
		t.Errorf("%d slots of %d are kept, %d count", len(read.Slots["rule"]), many, read.Count("rule"))
	}
	if read.Has("rule", "0a1b2c3d-0000-4000-8000-000000000000") ||
		!read.Has("rule", fmt.Sprintf("0a1b2c3d-0000-4000-8000-%012d", many-1)) {
		t.Error("not the oldest slots were dropped")
	}
}

func TestLargePlanKeepsItsNewestSteps(t *testing.T) {
	store := memory.NewInProcess()
	const many = 500
	_, err := open(store).UpdatePlan(t.Context(), "run", func(p *memory.Plan) bool {
		for i := range many {
			step, err := json.Marshal(map[string]any{"op": i, "why": strings.Repeat("w", 1000)})
			if err != nil {
				t.Fatal(err)
			}
			p.Steps = append(p.Steps, step)
		}
		return true
	})
	read, readErr := open(store).Plan(t.Context(), "run")
	if size := sized(t, store, "plan/run"); err != nil || readErr != nil || size > 200<<10 || size < 195<<10 ||
		!read.Truncated {
		t.Fatalf("%d bytes, truncated %t, %v, %v", size, read.Truncated, err, readErr)
	}
	if last := string(read.Steps[len(read.Steps)-1]); !strings.HasPrefix(last, `{"op":499,`) {
		t.Errorf("the newest step left is %.20s", last)
	}
}

func TestFullDeploymentKeepsHoldsLongest(t *testing.T) {
	text := func(size int) memory.Text {
		return memory.Text{Digest: "d", Text: strings.Repeat("h", size), Since: began}
	}
	for name, tc := range map[string]struct {
		holds int
		want  bool // whether the holds are kept
	}{
		"they fit":    {40 << 10, true},
		"they do not": {70 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			store := memory.NewInProcess()
			_, err := open(store).UpdateDeployment(t.Context(), func(d *memory.Deployment) bool {
				d.Policy, d.Holds, d.Sweeps = memory.PolicyVersion{Sum: "s"}, text(tc.holds), map[string]memory.Sweep{}
				for i := range 600 {
					d.Sweeps[fmt.Sprintf("projects/project-%d", i)] = memory.Sweep{At: began.Add(time.Duration(i) * time.Second)}
					d.Breaker.Failures = append(d.Breaker.Failures, memory.Failure{Resource: fmt.Sprint(i), At: began})
				}
				return true
			})
			read, readErr := open(store).Deployment(t.Context())
			if size := sized(t, store, "deployment"); err != nil || readErr != nil || size > 64<<10 || !read.Truncated {
				t.Fatalf("%d bytes, truncated %t, %v, %v", size, read.Truncated, err, readErr)
			}
			if kept := read.Holds.Text != ""; kept != tc.want || read.Policy.Sum != "s" {
				t.Errorf("the holds are kept: %t, want %t; the policy in force: %+v", kept, tc.want, read.Policy)
			}
		})
	}
}

func TestWorkThatIsTooLargeIsRefused(t *testing.T) {
	err := open(memory.NewInProcess()).Schedule(t.Context(), began, "key", make([]byte, 20<<10))
	if !errors.Is(err, memory.ErrNotPersisted) {
		t.Errorf("%v, want not persisted", err)
	}
}
