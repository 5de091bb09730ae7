//go:build unix

package function

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// hanging makes a file whose reads wait until end is called, as those of a mount that lost its
// server do.
func hanging(t *testing.T) (name string, end func(text string)) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "file")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileThatHangsHoldsNobodyUp(t *testing.T) {
	clock := clockwork.NewFakeClock()
	name, end := hanging(t)
	file := newWatchedFile(name, clock)
	for range 2 {
		read := make(chan error)
		go func() {
			_, err := file.read()
			read <- err
		}()
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		began := clock.Now()
		clock.Advance(filePatience)
		if err := <-read; err == nil || !strings.Contains(err.Error(), "did not answer within 5s: look at how "+name) {
			t.Errorf("%v, want who did not answer", err)
		}
		if since := file.stuckSince(); since.IsZero() || since.After(began) {
			t.Errorf("it hangs since %s, want the first read", since)
		}
	}
	end("text")
	for !file.stuckSince().IsZero() { // the read ends, and so the file hangs no more
		runtime.Gosched()
	}
}

// Holds that hang are holds that cannot be read.
func TestHoldsThatHangStopTheWritesAlone(t *testing.T) {
	clock := clockwork.NewFakeClock()
	name, end := hanging(t)
	defer end("")
	config := Config{Holds: name, Clock: clock}
	remembered := memory.New(memory.NewInProcess(), memory.Options{Clock: clock})
	go func() {
		for clock.BlockUntilContext(t.Context(), 1) == nil {
			clock.Advance(filePatience)
		}
	}()
	source := newHoldsSource(config, &policySource{clock: clock}, remembered, slog.New(slog.DiscardHandler))
	if holds, err := source.current(t.Context()); holds != nil || err == nil {
		t.Errorf("holds %v, error %v; want none known, and why", holds, err)
	}
}

func TestHealthNamesAFileThatHangs(t *testing.T) {
	name, end := hanging(t)
	setup := benchConfig(t, cloudtest.Policy())
	setup.config.Holds = name
	clock := setup.cloud.Clock()
	go func() { // the read at the start waits for nothing else
		if clock.BlockUntilContext(t.Context(), 1) == nil {
			setup.cloud.Later(filePatience)
		}
	}()
	b := startBench(t, setup)
	ready := func() string { return strings.Join(b.NotReady(t.Context()), "\n") }
	if got := ready(); !strings.Contains(got, "a read of "+name+" has hung since") {
		t.Errorf("%q, want the file", got)
	}
	end(noHolds)
	for !b.holds.file.stuckSince().IsZero() {
		runtime.Gosched()
	}
	if got := ready(); got != "" {
		t.Errorf("%q after the read ended, want nothing", got)
	}
}
