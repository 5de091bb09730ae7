package function

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// flaky is a store that counts its reads, and fails while it is down.
type flaky struct {
	memory.Store
	down  atomic.Bool
	reads atomic.Int32
}

func (f *flaky) Get(ctx context.Context, name string) (memory.Blob, error) {
	f.reads.Add(1)
	if f.down.Load() {
		return memory.Blob{}, fault.New(fault.Denied, "the bucket is down")
	}
	return f.Store.Get(ctx, name)
}

// instances are processes that share a memory and have no holds file.
type instances struct {
	*testing.T
	store *flaky
	clock *cloudtest.Clock
}

func newInstances(t *testing.T) *instances {
	return &instances{t, &flaky{Store: memory.NewInProcess()}, cloudtest.NewClock(t)}
}

func (i *instances) start(holdsFile string) *holdsSource {
	remembered := memory.New(i.store, memory.Options{Clock: i.clock})
	return newHoldsSource(Config{Holds: holdsFile, Clock: i.clock}, &policySource{clock: i.clock}, remembered,
		slog.New(slog.DiscardHandler))
}

// heldBy is who holds hello by what a process knows, "" = nobody; unread is why the holds are
// not known.
func (i *instances) heldBy(s *holdsSource) (who string, unread error) {
	holds, err := s.current(i.Context())
	if holds == nil {
		return "", err
	}
	if hold := holds.Covering(policy.Subject{Target: hello}, i.clock.Now()); hold != nil {
		who = hold.By
	}
	return who, err
}

func (i *instances) place(s *holdsSource, scope, by string, length time.Duration) error {
	i.Helper()
	hold, err := policy.HoldOn(scope)
	if err != nil {
		i.Fatal(err)
	}
	hold.Reason, hold.By = "an incident", by
	_, err = s.PlaceHold(i.Context(), length, hold)
	return err
}

func TestAPlacedHoldIsSeenByEveryInstanceInTime(t *testing.T) {
	i := newInstances(t)
	one, other := i.start(""), i.start("")
	for _, s := range []*holdsSource{one, other} {
		if who, err := i.heldBy(s); who != "" || err != nil {
			t.Fatalf("held by %q, %v", who, err)
		}
	}
	if err := i.place(one, hello.Name(), "alice", time.Hour); err != nil {
		t.Fatal(err)
	}
	if who, _ := i.heldBy(one); who != "alice" {
		t.Errorf("the instance that placed it is held by %q", who)
	}
	i.clock.Advance(placedFor)
	if who, _ := i.heldBy(other); who != "alice" {
		t.Errorf("after %s the other is held by %q", placedFor, who)
	}
	if _, err := one.ResumeHold(i.Context(), hello.Name()); err != nil {
		t.Fatal(err)
	}
	other.placed.asOf(i.clock.Now().Add(time.Second)) // a command came after that
	if who, _ := i.heldBy(other); who != "" {
		t.Errorf("lifted, and the other answers a command by the hold of %q", who)
	}
	if err := i.place(one, hello.Name(), "alice", time.Hour); err != nil {
		t.Fatal(err)
	}
	i.clock.Advance(placedFor)
	_, _ = i.heldBy(other)
	before := i.store.reads.Load()
	for range 100 {
		_, _ = i.heldBy(other)
	}
	if got := i.store.reads.Load() - before; got > 0 {
		t.Errorf("100 looks cost %d reads of the bucket", got)
	}
	if stays, err := other.ResumeHold(t.Context(), hello.Name()); err != nil || stays != nil {
		t.Errorf("lifting it: stays %v, %v", stays, err)
	}
	if _, err := other.ResumeHold(t.Context(), hello.Name()); fault.Of(err).Kind != fault.Invalid {
		t.Errorf("lifting it twice: %v", err)
	}
	i.clock.Advance(placedFor)
	if who, _ := i.heldBy(one); who != "" {
		t.Errorf("lifted, and held by %q", who)
	}
	if err := i.place(one, "folders/12", "alice", time.Hour); err != nil {
		t.Fatal(err)
	}
	i.clock.Advance(time.Hour)
	if who, _ := i.heldBy(one); who != "" {
		t.Errorf("ended, and held by %q", who)
	}
}

// hungStore is a store whose reads do not end before they are released.
type hungStore struct {
	memory.Store
	began, release chan struct{}
}

func (h hungStore) Get(ctx context.Context, name string) (memory.Blob, error) {
	h.began <- struct{}{}
	<-h.release
	return h.Store.Get(ctx, name)
}

// While one reading hangs, those who ask wait no longer than they want to, and a hold that
// somebody places is known at once.
func TestAHangingReadOfPlacedHoldsBlocksNobody(t *testing.T) {
	i := newInstances(t)
	s := i.start("")
	if err := i.place(s, hello.Name(), "alice", time.Hour); err != nil {
		t.Fatal(err)
	}
	before := s.memory
	hung := hungStore{i.store, make(chan struct{}), make(chan struct{})}
	s.placed.memory = memory.New(hung, memory.Options{Clock: i.clock})
	i.clock.Advance(placedFor)
	waits, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		close(waits)
		_, _ = s.placed.Current(i.Context())
	}()
	<-waits
	<-hung.began
	gone, leave := context.WithCancel(i.Context())
	leave()
	if _, err := s.placed.Current(gone); err != nil {
		t.Errorf("who does not wait: %v, want what was read before", err)
	}
	s.placed.asOf(i.clock.Now())
	s.memory = before
	if err := i.place(s, "folders/12", "bob", time.Hour); err != nil {
		t.Fatal(err)
	}
	close(hung.release)
	go func() {
		for range hung.began { // the reading that asOf asked for
		}
	}()
	<-ended
	close(hung.began)
	s.placed.memory = before
	holds, err := s.placed.Current(i.Context())
	if got := len(holds.At(i.clock.Now())); err != nil || got != 2 {
		t.Errorf("%d holds, %v; want both", got, err)
	}
}

func TestPlacedHoldsStayWhileTheMemoryIsDown(t *testing.T) {
	i := newInstances(t)
	warm := i.start("")
	if err := i.place(warm, hello.Name(), "alice", time.Hour); err != nil {
		t.Fatal(err)
	}
	i.store.down.Store(true)
	i.clock.Advance(time.Minute)
	if who, err := i.heldBy(warm); who != "alice" || err != nil {
		t.Errorf("a process that knows them: held by %q, %v", who, err)
	}
	k := &keeping{t: t, name: t.TempDir() + "/holds.yaml"}
	k.write(held(hello.Name(), i.clock.Now().Add(time.Hour)))
	for name, want := range map[string]string{"": "", k.name: "alice"} {
		cold := i.start(name)
		if who, err := i.heldBy(cold); who != want || err == nil || !strings.Contains(err.Error(), "placed are not known") {
			t.Errorf("a process that starts with %q: held by %q, %v, want %q and that they are not known", name, who, err, want)
		}
		i.store.down.Store(false)
		i.clock.Advance(placedFor)
		if who, err := i.heldBy(cold); who != "alice" || err != nil {
			t.Errorf("once the memory answers: held by %q, %v", who, err)
		}
		i.store.down.Store(true)
	}
}

func TestAPlacedHoldIsBoundedAsOneOfTheFile(t *testing.T) {
	i := newInstances(t)
	s := i.start("")
	for _, tc := range []struct {
		name, scope string
		length      time.Duration
		want        string // "" = it is placed
	}{
		{"a century", "projects/demo-project", 876000 * time.Hour, "lasts at most 168h"},
		{"two days of a folder", "folders/12", 48 * time.Hour, "lasts at most 24h"},
		{"no time", hello.Name(), 0, "a hold has a length"},
		{"a week", hello.Name(), 7 * 24 * time.Hour, ""},
	} {
		err := i.place(s, tc.scope, "alice", tc.length)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		if err != nil && (fault.Of(err).Kind != fault.Invalid || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v is not one line about bad input", tc.name, err)
		}
	}
	i.clock.Advance(7 * 24 * time.Hour)
	if err := i.place(s, hello.Name(), "alice", 6*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	i.clock.Advance(6 * 24 * time.Hour)
	if err := i.place(s, hello.Name(), "alice", 7*24*time.Hour); err == nil ||
		!strings.Contains(err.Error(), "at most 14 days in any 30 days") {
		t.Errorf("after 13 days: %v, want the bound of 14 days in 30", err)
	}
	i.store.down.Store(true)
	if err := i.place(s, "projects/other-project", "alice", time.Hour); !errors.Is(err, memory.ErrNotPersisted) {
		t.Errorf("while the memory is down: %v", err)
	}
}

func TestAHoldOfTheFileIsNotLiftedByCommand(t *testing.T) {
	i := newInstances(t)
	k := &keeping{t: t, name: t.TempDir() + "/holds.yaml"}
	k.write(held(hello.Name(), i.clock.Now().Add(time.Hour)))
	s := i.start(k.name)
	if _, err := s.ResumeHold(t.Context(), hello.Name()); err == nil || !strings.Contains(err.Error(), "in the holds file") {
		t.Errorf("%v", err)
	}
	if err := i.place(s, hello.Name(), "bob", time.Minute); err != nil {
		t.Fatal(err)
	}
	if stays, err := s.ResumeHold(t.Context(), hello.Name()); err != nil || stays == nil || stays.By != "alice" {
		t.Errorf("stays held by %v, %v", stays, err)
	}
}

func TestTheEndOfAHoldIsAnnouncedOnce(t *testing.T) {
	i := newInstances(t)
	s, log := i.start(""), &strings.Builder{}
	s.log = slog.New(slog.NewTextHandler(log, nil))
	if err := i.place(s, hello.Name(), "alice", 4*time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		after time.Duration
		lines int
	}{{"placed", 0, 0}, {"before the last hour", 2*time.Hour + 59*time.Minute, 0}, {"in it", 2 * time.Minute, 1},
		{"later", 30 * time.Minute, 1}, {"ended", time.Hour, 1}} {
		i.clock.Advance(tc.after)
		_, _ = i.heldBy(s)
		if got := strings.Count(log.String(), "a hold ends soon"); got != tc.lines {
			t.Errorf("%s: %d lines, want %d\n%s", tc.name, got, tc.lines, log)
		}
	}
}

func TestResumingEndsWhatWasOpenedOnPurpose(t *testing.T) {
	i := newInstances(t)
	s, now := i.start(""), i.clock.Now()
	id := memory.ServiceID{Target: hello, UID: "uid"}
	if _, err := s.memory.UpdateService(t.Context(), id, func(r *memory.Service) bool {
		return r.SeeBreakGlass(memory.BreakGlass{Field: "ingress", By: "alice", At: now, Until: now.Add(4 * time.Hour)}, now)
	}); err != nil {
		t.Fatal(err)
	}
	i.clock.Advance(time.Hour)
	if _, err := s.ResumeHold(t.Context(), hello.Name()); err != nil {
		t.Fatal(err)
	}
	known, err := s.memory.Service(t.Context(), id)
	if err != nil || known.BreakGlass[0].Until.After(i.clock.Now()) {
		t.Errorf("%v, %+v: want it ended", err, known.BreakGlass)
	}
	if _, err := s.ResumeHold(t.Context(), hello.Name()); fault.Of(err).Kind != fault.Invalid {
		t.Errorf("a second time: %v", err)
	}
}

func TestAnAlertLooksForTheLineAboutUnreadableHolds(t *testing.T) {
	alerts, err := os.ReadFile("../deploy/terraform/modules/monitoring/alerts_on_lines.tf")
	if err != nil || !strings.Contains(string(alerts), `jsonPayload.message:\"`+holdsUnreadable+`\"`) {
		t.Errorf("%v: no alert looks for %q", err, holdsUnreadable)
	}
	i, log := newInstances(t), &strings.Builder{}
	s := i.start(filepath.Join(t.TempDir(), "holds.yaml"))
	s.log = slog.New(slog.NewTextHandler(log, nil))
	if _, err := s.current(i.Context()); err == nil || !strings.Contains(log.String(), holdsUnreadable) {
		t.Errorf("%v, %q: want the line in the log", err, log)
	}
}

// A hold that is in force was never answered with an error, whatever became of the record before.
func TestAHoldIsPlacedWhereTheRecordIsGone(t *testing.T) {
	i := newInstances(t)
	one := i.start("")
	place := func() error {
		scope, err := policy.HoldOn(hello.Name())
		if err != nil {
			t.Fatal(err)
		}
		scope.Reason, scope.By = "an incident", "alice@example.com"
		_, err = one.PlaceHold(t.Context(), time.Hour, scope)
		return err
	}
	if err := place(); err != nil {
		t.Fatal(err)
	}
	blob, err := i.store.Get(t.Context(), "deployment")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.store.Delete(t.Context(), "deployment", blob.Generation); err != nil {
		t.Fatal(err)
	}
	if err := place(); err != nil {
		t.Errorf("where the record is gone: %v", err)
	}
	if who, err := i.heldBy(i.start("")); who != "alice@example.com" || err != nil {
		t.Errorf("another instance: held by %q, %v", who, err)
	}
}
