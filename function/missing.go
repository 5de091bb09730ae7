package function

import (
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/iapguard/iapguard/internal/event"
)

// missingFor is how long a service must have been missing until it counts as deleted: a 404
// can be a passing one, and a message that is acknowledged is never looked at again.
const missingFor = 10 * time.Second

// missing keeps since when looks did not find services.
type missing struct{ since *lru.Cache[string, time.Time] }

func newMissing() (*missing, error) {
	since, err := lru.New[string, time.Time](mostOffered)
	if err != nil {
		return nil, fmt.Errorf("making the list of missing services: %w", err) // only for a size below 1
	}
	return &missing{since}, nil
}

// again is when to look once more at a service that was not found, zero = it is gone. That a
// service was deleted needs no second look.
func (m *missing) again(work event.Work, now time.Time) time.Time {
	target := work.Target.Name()
	since, known := m.since.Get(target)
	known = known && !since.After(now) // else the clock went back
	if work.Cause.Kind == event.RunServiceDeleted || known && now.Sub(since) >= missingFor {
		m.since.Remove(target) // it may be made again, and be missed once
		return time.Time{}
	}
	if !known {
		m.since.Add(target, now)
		since = now
	}
	return since.Add(missingFor)
}

// found notes that a service is there.
func (m *missing) found(target string) { m.since.Remove(target) }
