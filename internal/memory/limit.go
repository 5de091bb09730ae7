package memory

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Window is how far limits look back.
const Window = time.Hour

// Limit bounds how many services take a slot within an hour, in one project or, with
// project "", in the whole deployment.
type Limit struct {
	Name    string // as a report names it
	Project string
	Key     string // what the slots are counted under: a rule, for instance
	Most    int    // 0 = no bound
}

// Taker is a service that takes a slot.
type Taker struct{ UID, Name string } // the name as PROJECT/SERVICE

// Full is a limit that is used up.
type Full struct {
	Limit
	Until time.Time // when the next service may take a slot
	// Takers are the names of the services that used it up, sorted, as far as they are known.
	Takers []string
}

// TakeSlot takes a slot of each limit for a service. A service that has one takes no
// second one within the window. It returns the first limit that is used up, nil = the
// slots are taken; then no slot of the other limits is kept.
func (m *Memory) TakeSlot(ctx context.Context, taker Taker, limits []Limit) (*Full, error) {
	at := m.clock.Now()
	var taken []Limit
	for _, limit := range limits {
		full, took, err := m.takeIn(ctx, limit, taker, at)
		if err != nil || full != nil {
			return full, errors.Join(err, m.release(ctx, taker.UID, taken, at))
		}
		if took {
			taken = append(taken, limit)
		}
	}
	return nil, nil
}

// takeIn takes a slot of one limit, and reports whether the service had none before.
func (m *Memory) takeIn(ctx context.Context, limit Limit, taker Taker, at time.Time) (full *Full, took bool, err error) {
	uid := taker.UID
	if limit.Most == 0 {
		return nil, false, nil
	}
	since := at.Add(-Window)
	before, err := m.Hour(ctx, limit.Project, since)
	if err != nil && !errors.Is(err, ErrMissing) {
		return nil, false, err
	}
	if before.since(limit.Key, uid, since) {
		return nil, false, nil
	}
	_, err = m.UpdateHour(ctx, limit.Project, at, func(h *Hour) bool {
		full, took = nil, false
		if h.Has(limit.Key, uid) {
			return false
		}
		times := slices.DeleteFunc(append(before.Times(limit.Key), h.Times(limit.Key)...),
			func(t time.Time) bool { return !t.After(since) })
		if len(times) >= limit.Most {
			slices.SortFunc(times, time.Time.Compare)
			takers := append(before.takers(limit.Key, since), h.takers(limit.Key, since)...)
			slices.Sort(takers)
			full = &Full{limit, times[len(times)-limit.Most].Add(Window), slices.Compact(takers)}
			return false
		}
		if took = h.Take(limit.Key, uid, at); took {
			h.name(taker)
		}
		return took
	})
	return full, took, err
}

// release gives slots back that were taken beside one that was refused.
func (m *Memory) release(ctx context.Context, uid string, limits []Limit, at time.Time) error {
	var problems []error
	for _, limit := range limits {
		_, err := m.UpdateHour(ctx, limit.Project, at, func(h *Hour) bool { return h.Release(limit.Key, uid) })
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Slots counts, by key, the services that took a slot within the window, in one project or,
// with project "", in the whole deployment.
func (m *Memory) Slots(ctx context.Context, project string) (map[string]int, error) {
	now := m.clock.Now()
	since, counts := now.Add(-Window), map[string]int{}
	for _, at := range []time.Time{since, now} {
		hour, err := m.Hour(ctx, project, at)
		if err != nil && !errors.Is(err, ErrMissing) {
			return nil, err
		}
		for key := range hour.Slots {
			for _, taken := range hour.Times(key) {
				if taken.After(since) {
					counts[key]++
				}
			}
		}
	}
	return counts, nil
}
