package function

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/workqueue"
)

// OpenMemory opens the memory in its bucket, or in this process where there is
// none. It makes no call, so an unavailable bucket does not stop the start.
func OpenMemory(ctx context.Context, config Config, log *slog.Logger) (*memory.Memory, error) {
	options := memory.Options{Clock: config.Clock}
	if config.MemoryKey != "" {
		file := newWatchedFile(config.MemoryKey, config.clock())
		options.Key = func() ([]byte, error) { return readKey(file) }
	}
	if config.Store != nil {
		return memory.New(config.Store, options), nil
	}
	if config.Memory == "" {
		log.WarnContext(ctx, "IAPGUARD_MEMORY is not set: clocks, limits and approvals last as long as this process")
		options.Alone = true
		return memory.New(memory.NewInProcess(), options), nil
	}
	bucket, err := storage.Open(ctx, config.Connect, config.Memory)
	if err != nil {
		return nil, err
	}
	return memory.New(bucket, options), nil
}

// shortestKey is the length of a SHA-256 hash, in bytes. Source: RFC 2104, section 3.
const shortestKey = 32

// readKey reads the key of the records' MACs from a file, without the end of the line.
func readKey(file *watchedFile) ([]byte, error) {
	text, err := file.read()
	if err != nil {
		return nil, fmt.Errorf("reading the memory's key: %w", err)
	}
	key := bytes.TrimRight(text, "\r\n")
	if len(key) < shortestKey {
		return nil, fmt.Errorf("reading the memory's key: %s has %d bytes, fewer than %d", file.path, len(key), shortestKey)
	}
	return key, nil
}

// sleepingClock is the injected clock as the loop and the API clients use it.
type sleepingClock struct{ clockwork.Clock }

// Sleep returns after d, or with the context's error when that ends first.
func (c sleepingClock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-c.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dueRecords are the memory's due records as the work queue sees them.
type dueRecords struct{ memory *memory.Memory }

// Schedule stores a payload until a time.
func (d dueRecords) Schedule(ctx context.Context, at time.Time, key string, payload []byte) error {
	return d.memory.Schedule(ctx, at, key, payload)
}

// Due gives the records that are due.
func (d dueRecords) Due(ctx context.Context, until time.Time) ([]workqueue.Record, error) {
	due, err := d.memory.Due(ctx, until)
	records := make([]workqueue.Record, len(due))
	for i, each := range due {
		done := func(ctx context.Context) error { return d.memory.Done(ctx, each) }
		records[i] = workqueue.Record{At: each.At, Key: each.Key, Payload: each.Payload, Done: done}
	}
	return records, err
}
