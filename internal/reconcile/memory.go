package reconcile

import (
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// Memory is what one instance knows of its own writes before the audit log
// does. It is added to what the log tells, and so only ever makes us stricter.
// Beside that it saves asking at doors again.
// The zero value knows nothing; a nil one remembers nothing.
type Memory struct {
	mu     sync.Mutex
	wrote  map[posture.Target]time.Time // the services that runs were let write
	met    map[string]bool              // projects, by id
	failed map[string][]time.Time       // verifications, by what did not hold
	kept   map[posture.Target]time.Time // when all doors were last found kept
}

// keep notes that all doors of a service were found kept. It saves asking again
// for every event of one change.
func (m *Memory) keep(target posture.Target, at time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[posture.Target]time.Time{}
	}
	m.kept[target] = at
}

// keptAt is when all doors were last found kept, zero if they were not.
func (m *Memory) keptAt(target posture.Target) time.Time {
	if m == nil {
		return time.Time{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[target]
}

// projects are those that this instance has met, with the given ones.
func (m *Memory) projects(met ...string) []string {
	if m == nil {
		return met
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.met == nil {
		m.met = map[string]bool{}
	}
	for _, project := range met {
		m.met[project] = true
	}
	var list []string
	for project := range m.met {
		list = append(list, project)
	}
	return list
}

// fail notes that a write did not hold.
func (m *Memory) fail(what string, now time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed == nil {
		m.failed = map[string][]time.Time{}
	}
	m.failed[what] = append(m.failed[what], now)
}

// failures are the failed verifications of the last hour.
func (m *Memory) failures(now time.Time) map[string][]time.Time {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	recent := map[string][]time.Time{}
	for what, times := range m.failed {
		for _, at := range times {
			if now.Sub(at) < window {
				recent[what] = append(recent[what], at)
			}
		}
	}
	m.failed = recent
	copied := map[string][]time.Time{}
	for what, times := range recent {
		copied[what] = append([]time.Time(nil), times...)
	}
	return copied
}
