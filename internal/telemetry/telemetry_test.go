package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// exportTo starts telemetry that is exported to a handler.
func exportTo(t *testing.T, handler http.HandlerFunc, log *slog.Logger, clock clockwork.Clock) *Telemetry {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	config, problems := ReadConfig(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	started, err := Start(t.Context(), Options{Config: config, About: About{Version: "1"}, Log: log, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		started.Close(ended) // does not wait for a hanging collector
		server.CloseClientConnections()
		server.Close()
	})
	return started
}

func TestDisabledTelemetryAllocatesNothing(t *testing.T) {
	off, err := Start(t.Context(), Options{})
	if off != nil || err != nil {
		t.Fatalf("%v, %v; want nothing to record with", off, err)
	}
	ctx := t.Context()
	got := testing.AllocsPerRun(100, func() {
		ctx, ended := off.Message(ctx, "/", nil, nil)
		ctx, part := off.Begin(ctx, "observe")
		part(nil)
		off.Outcome(ctx, "protected", "enforce")
		off.Step(ctx, "patch", "done")
		off.Protected(ctx, 0)
		ended(nil)
		off.Flush(ctx)
	})
	if got != 0 {
		t.Errorf("%v allocations a message, want none", got)
	}
	off.Close(ctx)
}

func TestFlushWaitsForAHangingCollectorOnlyOnce(t *testing.T) {
	var logged strings.Builder
	posts := make(chan string, 1000)
	over := make(chan struct{})
	clock := clockwork.NewFakeClockAt(time.Now())
	defer close(over)
	hangs := exportTo(t, func(_ http.ResponseWriter, r *http.Request) {
		posts <- r.URL.Path
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}, slog.New(slog.NewTextHandler(&logged, nil)), clock)
	flush := func() <-chan struct{} {
		_, ended := hangs.Begin(t.Context(), "observe")
		ended(nil)
		flushed := make(chan struct{})
		go func() {
			defer close(flushed)
			hangs.Flush(t.Context())
		}()
		return flushed
	}
	waits := flush()
	<-posts
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-waits:
		t.Error("a flush gave up before its time by the injected clock")
	default:
	}
	clock.Advance(flushPatience)
	<-waits
	// The clock stands still: a flush that waited for the collector would not end.
	for range 1000 {
		<-flush()
	}
	if got := strings.Count(logged.String(), "telemetry is not exported"); got != 1 {
		t.Errorf("logged %d times, want once:\n%s", got, logged.String())
	}
}

func TestFlushExportsEverythingRecordedBefore(t *testing.T) {
	var f flushes
	inside, release := make(chan struct{}), make(chan struct{})
	rounds := 0
	export := func(context.Context) error {
		rounds++
		if rounds == 1 {
			close(inside)
			<-release
			return nil
		}
		return errors.New("the second")
	}
	first, later := make(chan error, 1), make(chan error, 2)
	go func() { first <- f.join(t.Context(), export) }()
	<-inside
	// Both come while the first export is under way, which may have missed theirs.
	for range 2 {
		go func() { later <- f.join(t.Context(), export) }()
	}
	for {
		f.mu.Lock()
		next := !f.begun
		f.mu.Unlock()
		if next {
			break
		}
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the first export: %v, want nil", err)
	}
	for range 2 {
		if err := <-later; err == nil || err.Error() != "the second" {
			t.Errorf("a later one: %v, want that of the second export", err)
		}
	}
	if rounds < 2 || rounds > 3 {
		t.Errorf("%d exports, want those who come together to share one", rounds)
	}
}

// An answer of every message waits for these, so what they cost is measured side
// by side: go test -bench . ./internal/telemetry
func BenchmarkMessage(b *testing.B) {
	message := func(on *Telemetry) {
		ctx, ended := on.Message(context.Background(), "/", nil, []byte(`{"message":{}}`))
		for _, part := range []string{"parse", "resolve", "reconcile", "observe", "plan", "publish"} {
			_, ended := on.Begin(ctx, part)
			ended(nil)
		}
		on.Outcome(ctx, "compliant", "enforce")
		ended(nil)
		on.Flush(ctx)
	}
	b.Run("off", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			message(nil)
		}
	})
	b.Run("on", func(b *testing.B) {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer server.Close()
		b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
		on, err := Start(b.Context(), Options{
			Config: Config{Traces: Export{On: true}, Metrics: Export{On: true}},
			Log:    slog.New(slog.DiscardHandler), Clock: clockwork.NewRealClock(),
		})
		if err != nil {
			b.Fatal(err)
		}
		defer on.Close(context.Background())
		b.ReportAllocs()
		for b.Loop() {
			message(on)
		}
	})
}
