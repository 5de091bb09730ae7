package function

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// stopsWithin is how long after a hold was stored a write may begin (promise P7).
const stopsWithin = 30 * time.Second

// slow is a cloud whose calls take a random time of the simulated clock, and fail at random.
// In the midst of one of its writes or reads, somebody stores a hold.
type slow struct {
	reconcile.Cloud
	b      *bench
	random *rand.Rand
	nth    int // the write after whose begin the hold is stored
	place  func()

	mu     sync.Mutex
	stored time.Time   // zero = it was not stored yet
	began  []time.Time // when each write began
}

// pass lets time pass, up to most, and has the hold be stored in between when its write has
// begun.
func (s *slow) pass(most time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 2 {
		s.b.Later(time.Duration(s.random.Int64N(int64(most)/2 + 1)))
		if s.stored.IsZero() && len(s.began) >= s.nth {
			s.place()
			s.stored = s.b.Now()
		}
	}
}

func (s *slow) Observe(ctx context.Context, target posture.Target) (posture.Posture, error) {
	s.pass(4 * time.Second)
	return s.Cloud.Observe(ctx, target)
}

func (s *slow) Apply(ctx context.Context, step plan.Step, as string) (string, error) {
	s.mu.Lock()
	s.began = append(s.began, s.b.Now())
	most, fails := 20*time.Second, s.random.IntN(4) == 0
	if s.random.IntN(2) == 0 {
		most = 4 * time.Minute // an operation that takes long
	}
	s.mu.Unlock()
	s.pass(most)
	if fails {
		return "", fault.New(fault.Unavailable, "try again")
	}
	return s.Cloud.Apply(ctx, step, as)
}

// late is by how much the last write began too late; zero = none did.
func (s *slow) late() time.Duration {
	var most time.Duration
	for _, at := range s.began {
		if after := at.Sub(s.stored); !s.stored.IsZero() && after > stopsWithin {
			most = max(most, after)
		}
	}
	return most
}

// held is one played run: a hold is stored over the file or the memory, while something else
// is down.
func heldRun(t *testing.T, seed uint64) (s *slow, how string) {
	random := rand.New(rand.NewPCG(seed, 7))
	dir := t.TempDir()
	rules, holds := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "holds.yaml")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	waits := []string{"0s", "10s", "1m", "5m"}
	write(rules, cloudtest.Policy("publicInvokers: remove", "settle: "+waits[random.IntN(4)], "quiet: "+waits[random.IntN(3)],
		"propagation: "+waits[random.IntN(4)]))
	write(holds, noHolds)
	b := newBench(t, "", "IAPGUARD_POLICY="+rules)
	store := &flaky{Store: memory.NewInProcess()}
	b.engine.Memory = memory.New(store, memory.Options{Clock: b.Clock()})
	b.keepHolds(holds)
	if _, err := b.engine.Holds(t.Context()); err != nil {
		t.Fatal(err)
	}
	over, down := []string{"file", "memory"}[random.IntN(2)], []string{"nothing", "policy", "memory"}[random.IntN(3)]
	if over == down {
		down = "holds file"
	}
	fail := func() {
		switch down {
		case "policy":
			write(rules, "rubbish")
		case "memory":
			store.down.Store(true)
		case "holds file":
			write(holds, "rubbish")
		}
	}
	b.engine.Policy() // the last good one is known
	if random.IntN(2) == 0 && down != "holds file" {
		fail() // before the hold is stored; else with it. Without holds nothing is written for the first time
	}
	s = &slow{Cloud: b.engine.Cloud, b: b, random: random, nth: 1 + int(seed%5)}
	s.place = func() {
		if over == "file" {
			write(holds, held(hello.Name(), b.Now().Add(2*time.Hour)))
		} else {
			other := newHoldsSource(Config{Clock: b.Clock()}, &policySource{clock: b.Clock()},
				memory.New(store.Store, memory.Options{Clock: b.Clock()}), b.log)
			hold, err := policy.HoldOn(hello.Name())
			hold.Reason, hold.By = "an incident", "alice"
			if err == nil {
				_, err = other.PlaceHold(t.Context(), 2*time.Hour, hold)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		fail()
	}
	b.engine.Cloud = s
	for look := range 30 {
		cause := event.Cause{Kind: event.RunServiceChanged, Key: fmt.Sprint("look ", look), At: b.Now()}
		_, _ = b.engine.Run(t.Context(), reconcile.Request{Cause: cause, Target: hello, Since: b.Now()})
		if s.pass(40 * time.Second); !s.stored.IsZero() && b.Now().After(s.stored.Add(10*time.Minute)) {
			break
		}
		if look%5 == 4 {
			b.makePublic() // there is something to write again
		}
	}
	return s, fmt.Sprintf("a hold over the %s, while %s is down", over, down)
}

func TestNoWriteBeginsLongAfterAHoldWasStored(t *testing.T) {
	seeds, after := uint64(25), 0
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		s, how := heldRun(t, seed)
		if late := s.late(); late > 0 {
			t.Errorf("seed %d: %s: a write began %s after it was stored", seed, how, late)
		}
		if s.stored.IsZero() {
			t.Errorf("seed %d: no hold was stored: %d writes began", seed, len(s.began))
		}
		if len(s.began) > s.nth {
			after++
		}
	}
	if after == int(seeds) || testing.Verbose() {
		t.Logf("after %d of %d holds another write began, in time", after, seeds)
	}
}
