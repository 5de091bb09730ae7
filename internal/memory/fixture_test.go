package memory_test

import (
	"context"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
)

// faulty is a store whose calls can be made to fail or to hang.
type faulty struct {
	memory.Store
	get, put, list func(context.Context) error // nil = the call goes through
	gets, puts     int
}

func (f *faulty) List(ctx context.Context, query memory.Query) ([]memory.Entry, error) {
	if f.list != nil {
		if err := f.list(ctx); err != nil {
			return nil, err
		}
	}
	return f.Store.List(ctx, query)
}

func (f *faulty) Get(ctx context.Context, name string) (memory.Blob, error) {
	f.gets++
	if f.get != nil {
		if err := f.get(ctx); err != nil {
			return memory.Blob{}, err
		}
	}
	return f.Store.Get(ctx, name)
}

func (f *faulty) Put(ctx context.Context, name string, data []byte, generation int64) (int64, error) {
	f.puts++
	if f.put != nil {
		if err := f.put(ctx); err != nil {
			return 0, err
		}
	}
	return f.Store.Put(ctx, name, data, generation)
}

func always(kind fault.Kind) func(context.Context) error {
	return func(context.Context) error { return fault.New(kind, "the store says %s", kind) }
}

// times fails so many times, then no longer.
func times(n int, kind fault.Kind) func(context.Context) error {
	return func(context.Context) error {
		if n--; n >= 0 {
			return fault.New(kind, "the store says %s", kind)
		}
		return nil
	}
}

func hang(ctx context.Context) error {
	<-ctx.Done()
	return fault.New(fault.Canceled, "waiting: %w", ctx.Err())
}

var (
	target = posture.Target{Project: "shop", Location: "europe-west1", Service: "hello"}
	first  = memory.ServiceID{Target: target, UID: "uid-1"}
	second = memory.ServiceID{Target: target, UID: "uid-2"}
)

const serviceRecord = "service/shop/europe-west1/hello"

func open(store memory.Store) *memory.Memory {
	return memory.New(store, memory.Options{Clock: clockwork.NewRealClock()})
}

// update changes a service, and must succeed.
func update(t *testing.T, m *memory.Memory, id memory.ServiceID, change func(*memory.Service) bool) memory.Service {
	t.Helper()
	changed, err := m.UpdateService(t.Context(), id, change)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func guarded(s *memory.Service) bool { return s.SeeGuarded(time.Now()) }
