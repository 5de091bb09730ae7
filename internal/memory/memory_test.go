package memory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

func TestFirstSightAndTheClockOfWaitsAreNotedOnce(t *testing.T) {
	var s memory.Service
	first, wanted := time.Unix(100, 0), time.Unix(200, 0)
	for _, tc := range []struct {
		name          string
		change        func() bool
		changed       bool
		first, wanted time.Time
	}{
		{"seen", func() bool { return s.SeeFirst(first) }, true, first, time.Time{}},
		{"seen again", func() bool { return s.SeeFirst(wanted) }, false, first, time.Time{}},
		{"steps are wanted", func() bool { return s.SeeWanted(wanted) }, true, first, wanted},
		{"and still are", func() bool { return s.SeeWanted(wanted) }, false, first, wanted},
		{"every door is closed", func() bool { return s.SeeWanted(time.Time{}) }, true, first, time.Time{}},
	} {
		if changed := tc.change(); changed != tc.changed || !s.FirstSeen.Equal(tc.first) || !s.WantedSince.Equal(tc.wanted) {
			t.Errorf("%s: changed %v, first seen %v, wanted %v", tc.name, changed, s.FirstSeen, s.WantedSince)
		}
	}
}

func TestLookThatChangesNothingIsNotWritten(t *testing.T) {
	store := &faulty{Store: memory.NewInProcess()}
	m := open(store)
	for range 3 {
		update(t, m, first, func(s *memory.Service) bool { return s.SeeDoors(time.Unix(1, 0), []string{"a"}, nil) })
	}
	read, err := m.Service(t.Context(), first)
	if err != nil || store.puts != 1 || read.Sequence != 1 || read.OpenSince("a").IsZero() {
		t.Errorf("%d writes, %+v, %v; want one write", store.puts, read, err)
	}
}

func TestConcurrentChangesAllCount(t *testing.T) {
	store := memory.NewInProcess()
	var group sync.WaitGroup
	for i := range 8 {
		m := open(store) // another instance
		group.Go(func() {
			update(t, m, first, func(s *memory.Service) bool {
				return s.SeeDoors(time.Unix(int64(i), 0), []string{fmt.Sprint("door ", i)}, nil)
			})
		})
	}
	group.Wait()
	read, err := open(store).Service(t.Context(), first)
	if err != nil || len(read.Doors) != 8 || read.Sequence != 8 {
		t.Errorf("%d doors at sequence %d, %v; want 8 of both", len(read.Doors), read.Sequence, err)
	}
}

func TestPassingFailuresAreOvercome(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Conflict, fault.Quota, fault.Unavailable} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Store: memory.NewInProcess(), put: times(3, kind)}
				began := time.Now()
				update(t, open(store), first, guarded)
				if waited := time.Since(began); store.puts != 4 || store.gets != 4 || waited == 0 {
					t.Errorf("%d reads and %d writes in %s; want 4 of both, with pauses", store.gets, store.puts, waited)
				}
			})
		})
	}
}

func TestChangeThatCannotBeStoredGivesUpInFiveSeconds(t *testing.T) {
	for name, store := range map[string]*faulty{
		"another writer each time": {put: always(fault.Conflict)},
		"too many writes":          {put: always(fault.Quota)},
		"out of reach":             {get: always(fault.Unavailable)},
		"a write hangs":            {put: hang},
		"a read hangs":             {get: hang},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store.Store = memory.NewInProcess()
				began := time.Now()
				_, err := open(store).UpdateService(t.Context(), first, guarded)
				if waited := time.Since(began); !errors.Is(err, memory.ErrNotPersisted) || waited > 5*time.Second ||
					waited < 3*time.Second {
					t.Errorf("%v after %s; want not persisted within 5 s", err, waited)
				}
				if calls := store.gets + store.puts; calls > 60 {
					t.Errorf("%d calls", calls)
				}
			})
		})
	}
}

func TestTimeOutsFollowTheInjectedClock(t *testing.T) {
	const patience = 5 * time.Second
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer server.Close()
	defer close(release)
	clock := clockwork.NewFakeClock()
	store := &faulty{Store: memory.NewInProcess()}
	m := memory.New(store, memory.Options{Clock: clock})
	update(t, m, first, guarded) // a store that answers needs no advance of the clock
	store.get = func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			return err
		}
		_, err = http.DefaultClient.Do(request)
		return fault.New(fault.Canceled, "waiting: %w", err)
	}
	go func() {
		<-arrived
		clock.Advance(patience)
	}()
	began := time.Now()
	_, err := m.Service(t.Context(), first)
	if !errors.Is(err, context.DeadlineExceeded) || fault.Of(err).Kind != fault.Canceled || store.gets != 2 {
		t.Errorf("%v (%s) after %d reads, want a deadline after two", err, fault.Of(err).Kind, store.gets)
	}
	if want := "the store of the memory did not answer within 5s"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want it to say %q", err, want)
	}
	if waited := time.Since(began); waited > patience/2 {
		t.Errorf("waited %s of the machine's time", waited)
	}
}

func TestRefusedCallIsNotRepeated(t *testing.T) {
	store := &faulty{Store: memory.NewInProcess(), put: always(fault.Denied)}
	_, err := open(store).UpdateService(t.Context(), first, guarded)
	if !errors.Is(err, memory.ErrNotPersisted) || fault.Of(err).Kind != fault.Denied || store.puts != 1 {
		t.Errorf("%v after %d writes; want denied at the first", err, store.puts)
	}
}

func TestEndedContextEndsTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := open(&faulty{Store: memory.NewInProcess(), put: always(fault.Quota)}).UpdateService(ctx, first, guarded)
		if waited := time.Since(began); !errors.Is(err, memory.ErrNotPersisted) || waited > time.Second {
			t.Errorf("%v after %s", err, waited)
		}
	})
}

// put writes a blob past the memory.
func put(t *testing.T, store memory.Store, name, data string) {
	t.Helper()
	now, err := store.Get(t.Context(), name)
	if err != nil && fault.Of(err).Kind != fault.NotFound {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), name, []byte(data), now.Generation); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, store memory.Store, name string) string {
	t.Helper()
	blob, err := store.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(blob.Data)
}

func TestMissingUnreadableAndEmptyRecordsDiffer(t *testing.T) {
	for _, tc := range []struct {
		name string
		data string
		get  func(context.Context) error
		want error
	}{
		{name: "missing", want: memory.ErrMissing},
		{name: "empty", data: `{"format": 1, "record": {"sequence": 1}}`},
		{name: "no content", data: " ", want: memory.ErrUnreadable},
		{name: "not JSON", data: "garbage", want: memory.ErrUnreadable},
		{name: "no envelope", data: `{}`, want: memory.ErrUnreadable},
		{name: "of another type", data: `{"format": 1, "record": {"sequence": "one"}}`, want: memory.ErrUnreadable},
		{name: "of a newer format", data: `{"format": 2, "record": {"sequence": 1}}`, want: memory.ErrUnreadable},
		{name: "a permission is missing", get: always(fault.Denied), want: memory.ErrUnreadable},
		{name: "the bucket is missing", get: always(fault.Invalid), want: memory.ErrUnreadable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := &faulty{Store: memory.NewInProcess()}
			if tc.data != "" {
				put(t, store, serviceRecord, tc.data)
			}
			store.get = tc.get
			m := open(store)
			_, err := m.Service(t.Context(), first)
			if !errors.Is(err, tc.want) || errors.Is(err, memory.ErrMissing) && errors.Is(err, memory.ErrUnreadable) {
				t.Errorf("reading: %v, want %v", err, tc.want)
			}
			_, err = m.UpdateService(t.Context(), first, guarded)
			if unreadable := errors.Is(tc.want, memory.ErrUnreadable); unreadable != (err != nil) ||
				unreadable && !errors.Is(err, memory.ErrUnreadable) {
				t.Errorf("changing: %v", err)
			}
			store.get = nil
			if now := ""; tc.want == memory.ErrUnreadable && tc.data != "" {
				if now = content(t, store, serviceRecord); now != tc.data {
					t.Errorf("an unreadable record was overwritten with %s", now)
				}
			}
		})
	}
}

// keyed opens a memory whose records have MACs.
func keyed(store memory.Store, key string) *memory.Memory {
	return memory.New(store,
		memory.Options{Clock: clockwork.NewRealClock(), Key: func() ([]byte, error) { return []byte(key), nil }})
}

func TestRecordWithoutTheRightMACIsUnreadable(t *testing.T) {
	store := memory.NewInProcess()
	update(t, keyed(store, "key"), first, guarded)
	sealed := content(t, store, serviceRecord)
	const other = "service/shop/europe-west1/other"
	for name, tc := range map[string]struct {
		record, data, key string
		want              error
	}{
		"as it was written": {serviceRecord, sealed, "key", nil},
		"without a key":     {serviceRecord, sealed, "", nil},
		"another key":       {serviceRecord, sealed, "other", memory.ErrUnreadable},
		"another content": {serviceRecord, strings.Replace(sealed, `"sequence":1`, `"sequence":9`, 1), "key",
			memory.ErrUnreadable},
		"under another name": {other, sealed, "key", memory.ErrUnreadable},
		"no MAC":             {serviceRecord, `{"format": 1, "record": {"sequence": 1}}`, "key", memory.ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			store := memory.NewInProcess()
			put(t, store, tc.record, tc.data)
			id := first
			if tc.record == other {
				id.Target.Service = "other"
			}
			if _, err := keyed(store, tc.key).Service(t.Context(), id); !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

func approved(s *memory.Service) bool {
	s.Approvals = append(s.Approvals,
		memory.Approval{PlanID: "plan", By: "alice", At: time.Now(), Expires: time.Now().Add(time.Hour)})
	return true
}

func TestOlderRecordIsARollbackThatVoidsApprovals(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	update(t, m, first, approved)
	old := content(t, store, serviceRecord)
	update(t, m, first, guarded)
	put(t, store, serviceRecord, old)

	read, err := m.Service(t.Context(), first)
	if !errors.Is(err, memory.ErrRollback) || errors.Is(err, memory.ErrUnreadable) || len(read.Approvals) != 0 ||
		read.Sequence != 1 {
		t.Errorf("reading: %+v, %v; want the old record without approvals", read, err)
	}
	if _, err := open(store).Service(t.Context(), first); err != nil {
		t.Errorf("an instance that knows of nothing newer: %v", err)
	}
	changed, err := m.UpdateService(t.Context(), first, func(*memory.Service) bool { return false })
	if !errors.Is(err, memory.ErrRollback) || errors.Is(err, memory.ErrNotPersisted) || changed.Sequence != 3 {
		t.Errorf("changing: sequence %d, %v; want 3, above what was known, and the rollback reported once",
			changed.Sequence, err)
	}
	if read, err := m.Service(t.Context(), first); err != nil || len(read.Approvals) != 0 {
		t.Errorf("afterwards: %+v, %v", read, err)
	}
}

func TestDeletedRecordIsARollback(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	update(t, m, first, guarded)
	blob, err := store.Get(t.Context(), serviceRecord)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), serviceRecord, blob.Generation); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Service(t.Context(), first); !errors.Is(err, memory.ErrRollback) || errors.Is(err, memory.ErrMissing) {
		t.Errorf("%v, want a rollback", err)
	}
}

func TestReportedSequenceMakesAnOlderRecordARollback(t *testing.T) {
	store := memory.NewInProcess()
	update(t, open(store), first, guarded)
	m := open(store)
	m.ServiceSequence(first, 2)
	if _, err := m.Service(t.Context(), first); !errors.Is(err, memory.ErrRollback) {
		t.Errorf("%v, want a rollback", err)
	}
}

func TestRecreatedServiceInheritsOnlyThatItWasGuarded(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	update(t, m, first, func(s *memory.Service) bool {
		s.SeeGuarded(at)
		s.SeeDoors(at, []string{"door"}, nil)
		s.AddUndo(memory.Undo{Field: "ingress", By: "bob", At: at})
		s.AddWrite(memory.Write{Op: "restrict-ingress", At: at})
		s.SeeBinding(memory.Binding{Role: "r", Member: "m", FirstSeen: at})
		s.Run, s.DeletedAt = &memory.Run{ID: "run", Since: at}, at.Add(time.Hour)
		return approved(s)
	})
	want := memory.Service{
		Name: target.Name(), UID: "uid-2", GuardedSince: at,
		Predecessor: &memory.Predecessor{UID: "uid-1", DeletedAt: at.Add(time.Hour)},
	}
	read, err := m.Service(t.Context(), second)
	want.Sequence, want.WrittenAt, want.Predecessor.WrittenAt = 1, read.WrittenAt, read.WrittenAt
	if diff := cmp.Diff(want, read); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if read, err := m.Service(t.Context(), memory.ServiceID{Target: target}); err != nil || read.UID != "uid-1" ||
		len(read.Approvals) != 1 {
		t.Errorf("asked without a uid: %+v, %v; want the record as it is", read, err)
	}
	if changed := update(t, m, second, func(*memory.Service) bool { return true }); changed.UID != "uid-2" ||
		changed.Sequence != 2 {
		t.Errorf("after the change: %+v", changed)
	}
	late := update(t, m, first, func(s *memory.Service) bool { return s.SeeDoors(at, []string{"late"}, nil) })
	if late.UID != "uid-2" || late.Predecessor.UID != "uid-1" {
		t.Errorf("an observer of the predecessor brings it back: %+v", late)
	}
}

func TestHoursAreSetsByProjectAndDeployment(t *testing.T) {
	m := open(memory.NewInProcess())
	at := time.Date(2026, 11, 28, 10, 59, 30, 0, time.UTC)
	take := func(project, uid string, at time.Time) {
		t.Helper()
		if _, err := m.UpdateHour(t.Context(), project, at,
			func(h *memory.Hour) bool { return h.Take("rule", uid, at) }); err != nil {
			t.Fatal(err)
		}
	}
	take("shop", "a", at)
	take("shop", "a", at.Add(10*time.Second)) // delivered again
	take("shop", "b", at.Add(20*time.Second))
	take("shop", "a", at.Add(time.Minute)) // in the next hour
	take("", "a", at)
	for _, tc := range []struct {
		project string
		at      time.Time
		want    []time.Time
	}{
		{"shop", at, []time.Time{at, at.Add(20 * time.Second)}},
		{"shop", at.Add(time.Minute), []time.Time{at.Add(time.Minute)}},
		{"", at, []time.Time{at}},
	} {
		hour, err := m.Hour(t.Context(), tc.project, tc.at)
		if diff := cmp.Diff(tc.want, hour.Times("rule")); diff != "" || err != nil || hour.Count("rule") != len(tc.want) ||
			!hour.Has("rule", "a") {
			t.Errorf("%s at %s: %v (-want +got):\n%s", tc.project, tc.at, err, diff)
		}
	}
	if empty, err := m.Hour(t.Context(), "billing", at); !errors.Is(err, memory.ErrMissing) || empty.Count("rule") != 0 {
		t.Errorf("another project: %+v, %v", empty, err)
	}
}

func TestPlanIsKeptByItsRun(t *testing.T) {
	m := open(memory.NewInProcess())
	if _, err := m.UpdatePlan(t.Context(), "run/1", func(p *memory.Plan) bool {
		p.Service, p.Steps = target.Name(), append(p.Steps, []byte(`{"op":"enable-iap"}`))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	read, err := m.Plan(t.Context(), "run/1")
	if err != nil || read.Run != "run/1" || string(read.Steps[0]) != `{"op":"enable-iap"}` {
		t.Errorf("%+v, %v", read, err)
	}
	if _, err := m.Plan(t.Context(), "run/2"); !errors.Is(err, memory.ErrMissing) {
		t.Errorf("another run: %v", err)
	}
}

func TestAProcessKeepsTheNewestPlans(t *testing.T) {
	m := open(memory.NewInProcess())
	for i := range 1001 {
		if _, err := m.UpdatePlan(t.Context(), fmt.Sprint(i), func(*memory.Plan) bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Plan(t.Context(), "0"); !errors.Is(err, memory.ErrMissing) {
		t.Errorf("the oldest of 1001 plans: %v", err)
	}
	for _, run := range []string{"1", "1000"} {
		if _, err := m.Plan(t.Context(), run); err != nil {
			t.Errorf("plan %s: %v", run, err)
		}
	}
}

func TestDeploymentIsOneRecord(t *testing.T) {
	store := memory.NewInProcess()
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	want := memory.Deployment{
		Breaker: memory.Breaker{Failures: []memory.Failure{{Project: "shop", Op: "enable-iap", At: at}}},
		Sweeps:  map[string]memory.Sweep{"projects/shop": {At: at, Services: 3}}, Policy: memory.PolicyVersion{Digest: "d", Sum: "s", Since: at},
	}
	if _, err := open(store).UpdateDeployment(t.Context(), func(d *memory.Deployment) bool {
		d.Breaker, d.Sweeps, d.Policy = want.Breaker, want.Sweeps, want.Policy
		return true
	}); err != nil {
		t.Fatal(err)
	}
	got, err := open(store).Deployment(t.Context())
	want.Header = got.Header
	if diff := cmp.Diff(want, got); diff != "" || err != nil || got.Sequence != 1 {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestASweepIsNotedOnceAMinuteAndScope(t *testing.T) {
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	var d memory.Deployment
	for _, tc := range []struct {
		scope string
		after time.Duration
		noted bool
	}{
		{"projects/shop", 0, true}, {"projects/shop", 0, false}, {"projects/shop", 59 * time.Second, false},
		{"projects/web", 59 * time.Second, true}, {"", 59 * time.Second, true},
		{"projects/shop", time.Minute, true}, {"projects/shop", 119 * time.Second, false}, {"projects/shop", 2 * time.Minute, true},
	} {
		sweep := memory.Sweep{At: at.Add(tc.after), Services: int(tc.after.Seconds())}
		if got := d.SeeSweep(tc.scope, sweep); got != tc.noted || got && d.Sweeps[tc.scope] != sweep {
			t.Errorf("a sweep of %q after %s changed the record: %t, want %t; %+v", tc.scope, tc.after, got, tc.noted, d.Sweeps)
		}
	}
}

func TestATokenIsUsedOnceAlsoWhenAnAnswerIsLost(t *testing.T) {
	store := &faulty{Store: memory.NewInProcess()}
	one, other := open(store), open(store.Store)
	lost := false
	store.put = func(ctx context.Context) error { // the write takes effect, and its answer is lost
		if lost {
			return nil
		}
		lost = true
		if _, err := other.UseToken(ctx, "sum", "first"); err != nil {
			return err
		}
		return fault.New(fault.Unavailable, "the connection was cut")
	}
	for _, tc := range []struct {
		m        *memory.Memory
		sum, use string
		want     bool
	}{{one, "sum", "first", true}, {one, "sum", "second", false}, {other, "sum", "third", false}, {other, "another", "third", true}} {
		if got, err := tc.m.UseToken(t.Context(), tc.sum, tc.use); got != tc.want || err != nil {
			t.Errorf("token %s by %s: %t, %v; want %t", tc.sum, tc.use, got, err, tc.want)
		}
	}
	store.get = always(fault.Denied)
	if got, err := one.UseToken(t.Context(), "sum", "first"); got || err == nil {
		t.Errorf("with the store down: %t, %v; want an error", got, err)
	}
}
