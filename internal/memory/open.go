package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// opened is a part of the index of the services that have an open door.
type opened struct {
	Header
	// Since is since when a door is open, by the service's full name.
	Since map[string]time.Time `json:"since,omitempty"`
	// Dropped counts the services that did not fit.
	Dropped int `json:"dropped,omitempty"`
}

// OpenService is a service with an open door.
type OpenService struct {
	Target posture.Target
	Since  time.Time
}

const (
	openPrefix  = "open/"
	partsOfOpen = partsOfGuarded
)

func openName(target posture.Target) string {
	return fmt.Sprintf("%s%02x", openPrefix, partOf(target, partsOfOpen))
}

// SetOpen notes since when a service has an open door, zero = it has none. It writes where
// that changes the index.
func (m *Memory) SetOpen(ctx context.Context, target posture.Target, since time.Time) error {
	_, err := update(ctx, m, openName(target), func(o *opened) bool {
		known, there := o.Since[target.Name()]
		switch {
		case since.IsZero():
			delete(o.Since, target.Name())
			return there
		case o.Since == nil:
			o.Since = map[string]time.Time{}
		}
		o.Since[target.Name()] = since.UTC().Round(0)
		return !known.Equal(since)
	})
	return err
}

// OpenServices returns the services with an open door, those first that are open longest, and
// how many more there are that the index had no room for.
func (m *Memory) OpenServices(ctx context.Context) (open []OpenService, dropped int, err error) {
	parts, err := partsOf[opened](ctx, m, openPrefix)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the open services: %w", err)
	}
	for _, part := range parts {
		dropped += part.Dropped
		for name, since := range part.Since {
			if target, err := posture.ParseTarget(name); err == nil { // else it is not one that we wrote
				open = append(open, OpenService{target, since})
			}
		}
	}
	slices.SortFunc(open, func(a, b OpenService) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Target.Name(), b.Target.Name()))
	})
	return open, dropped, nil
}

// shrink drops services.
func (o *opened) shrink(excess int) bool {
	names := slices.Sorted(maps.Keys(o.Since))
	_, dropped := shrink(excess, list{sizesOf(names), func(n int) {
		for _, name := range names[:n] {
			delete(o.Since, name)
		}
		o.Dropped += n
	}})
	return dropped
}

func (o *opened) header() *Header { return &o.Header }
func (*opened) limit() int        { return maxRecord }
