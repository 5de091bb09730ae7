package memory

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/posture"
)

// Guarded is a part of the index of the services that were guarded by IAP once. A service is
// added when that is first seen, and leaves with its deletion. The index is read when the
// policy changes.
type Guarded struct {
	Header
	// Services are by full name.
	Services map[string]GuardedService `json:"services,omitempty"`
	// Dropped counts the services that did not fit.
	Dropped int `json:"dropped,omitempty"`
}

// GuardedService is what a policy's rules may ask about a service, as it was when it was
// first seen guarded.
type GuardedService struct {
	Target posture.Target    `json:"-"`
	Number string            `json:"number,omitempty"` // of the project
	Labels map[string]string `json:"labels,omitempty"`
}

const (
	guardedPrefix = "guarded/"
	// partsOfGuarded keep a part of 10,000 services below the size of a record, and let as
	// many be written each second.
	partsOfGuarded = 256
	// readersOfParts is how many parts of an index are read side by side.
	readersOfParts = 16
	// mostLabels bounds the labels of one service in the index.
	mostLabels = 10
)

func guardedName(target posture.Target) string {
	return fmt.Sprintf("%s%02x", guardedPrefix, partOf(target, partsOfGuarded))
}

// partOf is the part of an index that has a service.
func partOf(target posture.Target, parts uint32) uint32 {
	hash := fnv.New32a()
	hash.Write([]byte(target.Name()))
	return hash.Sum32() % parts
}

// AddGuarded adds a service to the index.
func (m *Memory) AddGuarded(ctx context.Context, service GuardedService) error {
	labels := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(service.Labels)) {
		if len(labels) < mostLabels {
			labels[clip(key)] = clip(service.Labels[key])
		}
	}
	_, err := update(ctx, m, guardedName(service.Target), func(g *Guarded) bool {
		if g.Services == nil {
			g.Services = map[string]GuardedService{}
		}
		g.Services[service.Target.Name()] = GuardedService{Number: service.Number, Labels: labels}
		return true
	})
	return err
}

// RemoveGuarded takes a service that is gone out of the index.
func (m *Memory) RemoveGuarded(ctx context.Context, target posture.Target) error {
	_, err := update(ctx, m, guardedName(target), func(g *Guarded) bool {
		_, there := g.Services[target.Name()]
		delete(g.Services, target.Name())
		return there
	})
	return err
}

// GuardedServices returns the index, sorted by name. Where a part cannot be read, it returns
// an error and no services.
func (m *Memory) GuardedServices(ctx context.Context) ([]GuardedService, error) {
	parts, err := partsOf[Guarded](ctx, m, guardedPrefix)
	if err != nil {
		return nil, fmt.Errorf("reading the guarded services: %w", err)
	}
	byName := map[string]GuardedService{}
	for _, part := range parts {
		maps.Copy(byName, part.Services)
	}
	var all []GuardedService
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		service := byName[name]
		if service.Target, err = posture.ParseTarget(name); err != nil {
			continue // not one that we wrote
		}
		all = append(all, service)
	}
	return all, nil
}

// partsOf reads the parts of an index. Where one cannot be read, it returns an error.
func partsOf[R any, P pointer[R]](ctx context.Context, m *Memory, prefix string) ([]R, error) {
	var entries []Entry
	err := m.retry(ctx, func(ctx context.Context) (err error) {
		entries, err = m.store.List(ctx, Query{Prefix: prefix})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing: %w: %w", ErrUnreadable, err)
	}
	parts := make([]R, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readersOfParts)
	for i, entry := range entries {
		group.Go(func() (err error) {
			if parts[i], err = read[R, P](ctx, m, entry.Name); errors.Is(err, ErrMissing) {
				return nil
			}
			return err
		})
	}
	return parts, group.Wait()
}

// shrink drops all labels, and then services.
func (g *Guarded) shrink(excess int) bool {
	labelled := false
	for name, service := range g.Services {
		labelled = labelled || len(service.Labels) > 0
		service.Labels = nil
		g.Services[name] = service
	}
	if labelled {
		return true
	}
	names := slices.Sorted(maps.Keys(g.Services))
	_, dropped := shrink(excess, list{sizesOf(names), func(n int) {
		for _, name := range names[:n] {
			delete(g.Services, name)
		}
		g.Dropped += n
	}})
	return dropped
}

func (g *Guarded) header() *Header { return &g.Header }
func (*Guarded) limit() int        { return maxRecord }
