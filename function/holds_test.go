package function

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// keeping is a holds file with the processes that read it, and the memory between them.
type keeping struct {
	t      *testing.T
	name   string
	clock  *cloudtest.Clock
	memory *memory.Memory
}

func newKeeping(t *testing.T) *keeping {
	clock := cloudtest.NewClock(t)
	return &keeping{t, filepath.Join(t.TempDir(), "holds.yaml"), clock,
		memory.New(memory.NewInProcess(), memory.Options{Clock: clock})}
}

func (k *keeping) write(text string) {
	k.t.Helper()
	if err := os.WriteFile(k.name, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// starts starts a process. What it gives reports whether hello is held, until when, and why the
// holds could not be read; known is false where no holds are known.
func (k *keeping) starts() func() (until time.Time, known bool, unread error) {
	config := Config{Holds: k.name, Clock: k.clock}
	policies := &policySource{clock: k.clock}
	read := newHoldsSource(config, policies, k.memory, slog.New(slog.DiscardHandler)).current
	return func() (until time.Time, known bool, unread error) {
		holds, err := read(k.t.Context())
		if holds == nil {
			return until, false, err
		}
		if hold := holds.Covering(policy.Subject{Target: hello}, k.clock.Now()); hold != nil {
			until = hold.Until
		}
		return until, true, err
	}
}

func TestUnreadableHoldsLeaveTheLastGoodOnes(t *testing.T) {
	k := newKeeping(t)
	end := k.clock.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	var read func() (time.Time, bool, error)
	for _, step := range []struct {
		name, text string
		restart    bool
		want       time.Time
		known      bool
		unread     bool
	}{
		{"broken from the start on", "rubbish", true, time.Time{}, false, true},
		{"good", held(hello.Name(), end), false, end, true, false},
		{"broken", "rubbish", false, end, true, true},
		{"broken for a process that starts anew", "rubbish", true, end, true, true},
		{"gone", "", true, end, true, true},
		{"good again, with none", noHolds, false, time.Time{}, true, false},
		{"broken again", "rubbish", false, time.Time{}, true, true},
		{"broken for another process", "version: 1\nholds: [{}]", true, time.Time{}, true, true},
	} {
		if k.write(step.text); step.text == "" {
			if err := os.Remove(k.name); err != nil {
				t.Fatal(err)
			}
		}
		if step.restart {
			read = k.starts()
		}
		until, known, unread := read()
		if !until.Equal(step.want) || known != step.known || (unread != nil) != step.unread {
			t.Errorf("%s: held until %s, known %t, unread %v", step.name, until, known, unread)
		}
		if step.text == "" && !errors.Is(unread, fs.ErrNotExist) {
			t.Errorf("%s: %v", step.name, unread)
		}
	}
}

func TestACenturyEndsAWeekAfterItWasFirstSeen(t *testing.T) {
	k := newKeeping(t)
	century := held(hello.Name(), k.clock.Now().Add(876000*time.Hour))
	k.write(century)
	week := k.clock.Now().Add(7 * 24 * time.Hour)
	end, _, err := k.starts()()
	if err != nil || end.Sub(week).Abs() > time.Minute {
		t.Fatalf("held until %s, %v, want %s", end, err, week)
	}
	k.clock.Advance(24 * time.Hour)
	if until, _, err := k.starts()(); err != nil || !until.Equal(end) {
		t.Errorf("a process that starts a day later holds until %s, %v, want %s", until, err, end)
	}
	k.write(noHolds)
	again := k.starts()
	if until, _, err := again(); err != nil || !until.IsZero() {
		t.Errorf("taken out: held until %s, %v", until, err)
	}
	k.write(century)
	if until, _, err := again(); err != nil || !until.Equal(end) {
		t.Errorf("put back: held until %s, %v, want %s", until, err, end)
	}
	k.clock.Advance(6*24*time.Hour + time.Minute)
	if until, _, err := k.starts()(); err != nil || !until.IsZero() {
		t.Errorf("a week later: held until %s, %v", until, err)
	}
}
