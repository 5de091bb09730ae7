package function

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
)

// withBucket is a configuration whose memory is a bucket of a local cloud.
func withBucket(t *testing.T) Config {
	t.Helper()
	s, err := playground.Start(t.Context(), playground.Options{Discovery: discovery.Judge(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	if err := s.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	return Config{
		Memory: playground.MemoryBucket, Clock: clockwork.NewRealClock(),
		Connect: connect.Config{Endpoint: s.URL(), Self: playground.FunctionAccount, UserAgent: UserAgent},
	}
}

func opened(t *testing.T, config Config) *memory.Memory {
	t.Helper()
	m, err := OpenMemory(t.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var remembered = memory.ServiceID{Target: posture.Target{Project: playground.Project, Location: "us-central1",
	Service: "hello"}, UID: "u"}

func guard(t *testing.T, m *memory.Memory) {
	t.Helper()
	if _, err := m.UpdateService(t.Context(), remembered,
		func(s *memory.Service) bool { return s.SeeGuarded(time.Now()) }); err != nil {
		t.Fatal(err)
	}
}

func TestInstancesShareTheMemoryInTheBucket(t *testing.T) {
	config := withBucket(t)
	guard(t, opened(t, config))
	if s, err := opened(t, config).Service(t.Context(), remembered); err != nil || s.GuardedSince.IsZero() {
		t.Errorf("another instance reads %+v, %v", s, err)
	}
}

func TestMemoryWithoutBucketLastsAsLongAsTheProcess(t *testing.T) {
	var log bytes.Buffer
	m, err := OpenMemory(t.Context(), Config{Clock: clockwork.NewRealClock()}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("nobody is warned: %s", &log)
	}
	guard(t, m)
	if _, err := opened(t, Config{Clock: clockwork.NewRealClock()}).Service(t.Context(), remembered); !errors.Is(err,
		memory.ErrMissing) {
		t.Errorf("another process reads it: %v", err)
	}
}

func TestMemoryKeyIsReadFromItsFile(t *testing.T) {
	config := withBucket(t)
	file := filepath.Join(t.TempDir(), "key")
	write := func(key string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config.MemoryKey = file
	m := opened(t, config)
	if _, err := m.UpdateService(t.Context(), remembered,
		func(s *memory.Service) bool { return s.SeeGuarded(time.Now()) }); !errors.Is(err, memory.ErrNotPersisted) {
		t.Errorf("without the file: %v, want that nothing is stored", err)
	}
	write(strings.Repeat("k", 32) + "\n")
	guard(t, m)
	for name, tc := range map[string]struct {
		key  string
		want error
	}{
		"the same key":   {strings.Repeat("k", 32), nil},
		"another key":    {strings.Repeat("x", 32), memory.ErrUnreadable},
		"a short key":    {"k", memory.ErrUnreadable},
		"an empty file":  {"", memory.ErrUnreadable},
		"a longer key":   {strings.Repeat("k", 33), memory.ErrUnreadable},
		"the first line": {strings.Repeat("k", 32) + "\r\n", nil},
	} {
		write(tc.key)
		if _, err := opened(t, config).Service(t.Context(), remembered); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestMissingBucketDoesNotStopTheStart(t *testing.T) {
	config := withBucket(t)
	config.Memory = "gs://another-bucket"
	if _, err := opened(t, config).Service(t.Context(), remembered); !errors.Is(err, memory.ErrUnreadable) {
		t.Errorf("%v, want unreadable, and not missing", err)
	}
}

func TestMemoryAddressIsChecked(t *testing.T) {
	for value, wrong := range map[string]bool{"gs://memory-of-guard": false, "": false, "memory-of-guard": true,
		"gs://a/b": true} {
		_, err := ReadConfig([]string{"IAPGUARD_MEMORY=" + value})
		if got := err != nil && strings.Contains(err.Error(), "IAPGUARD_MEMORY"); got != wrong {
			t.Errorf("%q: %v", value, err)
		}
	}
}
