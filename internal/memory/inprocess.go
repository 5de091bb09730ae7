package memory

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/fault"
)

// inProcess is a Store that lasts as long as the process.
type inProcess struct {
	mu    sync.Mutex
	blobs map[string]Blob
	last  int64    // generation
	plans []string // names of the plans, the oldest first
}

// mostPlans bounds the plans in a process, where no bucket deletes them.
const mostPlans = 1000

// NewInProcess returns an empty store that lasts as long as the process.
func NewInProcess() Store { return &inProcess{blobs: map[string]Blob{}} }

func (s *inProcess) Get(ctx context.Context, name string) (Blob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Blob{}, fault.New(fault.Canceled, "reading %s: %w", name, err)
	}
	blob, found := s.blobs[name]
	if !found {
		return Blob{}, fault.New(fault.NotFound, "reading %s: no such blob", name)
	}
	return Blob{bytes.Clone(blob.Data), blob.Generation}, nil
}

func (s *inProcess) Put(ctx context.Context, name string, data []byte, generation int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, fault.New(fault.Canceled, "writing %s: %w", name, err)
	}
	if now := s.blobs[name].Generation; now != generation {
		return 0, fault.New(fault.Conflict, "writing %s: it is at generation %d, not %d", name, now, generation)
	}
	if generation == 0 && strings.HasPrefix(name, planPrefix) {
		if s.plans = append(s.plans, name); len(s.plans) > mostPlans {
			delete(s.blobs, s.plans[0])
			s.plans = s.plans[1:]
		}
	}
	s.last++
	s.blobs[name] = Blob{bytes.Clone(data), s.last}
	return s.last, nil
}

func (s *inProcess) Delete(ctx context.Context, name string, generation int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Canceled, "deleting %s: %w", name, err)
	}
	blob, found := s.blobs[name]
	switch {
	case !found:
		return fault.New(fault.NotFound, "deleting %s: no such blob", name)
	case blob.Generation != generation:
		return fault.New(fault.Conflict, "deleting %s: it is at generation %d, not %d", name, blob.Generation, generation)
	}
	delete(s.blobs, name)
	return nil
}

func (s *inProcess) List(ctx context.Context, query Query) ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Canceled, "listing %s: %w", query.Prefix, err)
	}
	var found []Entry
	for name, blob := range s.blobs {
		if strings.HasPrefix(name, query.Prefix) && (query.Before == "" || name < query.Before) {
			found = append(found, Entry{Name: name, Generation: blob.Generation})
		}
	}
	slices.SortFunc(found, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	if query.Limit > 0 && len(found) > query.Limit {
		found = found[:query.Limit]
	}
	return found, nil
}
