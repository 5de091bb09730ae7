package function

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/memory"
)

// openMemory opens the memory in its bucket, or in this process where there is
// none. It calls nobody: a bucket that cannot be reached does not stop the start.
func openMemory(ctx context.Context, config Config, log *slog.Logger) (*memory.Memory, error) {
	options := memory.Options{Clock: clock{config.Clock}}
	if config.MemoryKey != "" {
		options.Key = func() ([]byte, error) { return readKey(config.MemoryKey) }
	}
	if config.Memory == "" {
		log.WarnContext(ctx, "no bucket is set for the memory: clocks, limits and approvals last as long as this process")
		return memory.New(memory.NewInProcess(), options), nil
	}
	bucket, err := storage.Open(ctx, config.Connect, config.Memory)
	if err != nil {
		return nil, err
	}
	return memory.New(bucket, options), nil
}

// shortestKey is as long as what HMAC-SHA256 gives. Source: RFC 2104, section 3.
const shortestKey = 32

// readKey reads the key of the records' MACs, as a file holds it without the
// line's end.
func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the memory's key: %w", err)
	}
	key := bytes.TrimRight(text, "\r\n")
	if len(key) < shortestKey {
		return nil, fmt.Errorf("reading the memory's key: %s has %d bytes, fewer than %d", path, len(key), shortestKey)
	}
	return key, nil
}

// clock is the function's clock. Its pauses run on the machine's timers.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time { return c.now() }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
