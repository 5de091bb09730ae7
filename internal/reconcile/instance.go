package reconcile

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/posture"
)

// instance is what one instance knows of its own writes before the audit log has
// them. It is added to what the log has, so it only makes us stricter. It also
// saves probing doors twice.
type instance struct {
	slots slots

	mu     sync.Mutex
	met    map[string]bool              // projects, by id
	failed decide.Failures              // verifications, by what did not hold
	kept   map[posture.Target]time.Time // when all doors were last found kept
}

func newInstance() *instance {
	return &instance{
		slots: slots{taken: map[posture.Target]time.Time{}},
		met:   map[string]bool{}, failed: decide.Failures{}, kept: map[posture.Target]time.Time{},
	}
}

// slots are the services that runs of this instance were let write within the
// window of the limits.
type slots struct {
	mu    sync.Mutex
	taken map[posture.Target]time.Time
	count int // how often a slot was taken by a service that had none
}

// snapshot gives the slots, and the count by which take recognises that they are
// still the same.
func (s *slots) snapshot(now time.Time) (map[posture.Target]time.Time, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.taken, func(_ posture.Target, at time.Time) bool { return now.Sub(at) >= decide.Window })
	return maps.Clone(s.taken), s.count
}

// take takes a slot, unless another service took one since the snapshot: two runs
// that count at the same time must not both take the last slot.
func (s *slots) take(target posture.Target, seen int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, has := s.taken[target]
	if !has && seen != s.count {
		return false
	}
	if !has {
		s.count++
	}
	s.taken[target] = now
	return true
}

// keep notes that all doors of a service were found kept.
func (i *instance) keep(target posture.Target, at time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept[target] = at
}

// keptAt is when all doors were last found kept, zero if they were not.
func (i *instance) keptAt(target posture.Target) time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.kept[target]
}

// meet gives the projects that this instance has met, with the given ones.
func (i *instance) meet(projects ...string) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, project := range projects {
		i.met[project] = true
	}
	return slices.Collect(maps.Keys(i.met))
}

// fail notes that a write did not hold.
func (i *instance) fail(what string, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed[what] = append(i.failed[what], now)
}

// failures are the failed verifications within the window.
func (i *instance) failures(now time.Time) decide.Failures {
	i.mu.Lock()
	defer i.mu.Unlock()
	recent := decide.Failures{}
	for what, times := range i.failed {
		if left := slices.DeleteFunc(slices.Clone(times),
			func(at time.Time) bool { return now.Sub(at) >= decide.Window }); len(left) > 0 {
			recent[what] = left
		}
	}
	i.failed = recent
	return maps.Clone(recent)
}
