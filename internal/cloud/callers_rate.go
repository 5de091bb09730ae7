package cloud

import (
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
)

// visitsPerMinute bounds how often an instance looks for visitors in one
// project: of the 60 reads of its logs that a project has a minute, the history
// of protections, without which nothing is written twice, must find some left.
// Source: logging/quotas.
const visitsPerMinute = 10

// visits counts looks for visitors.
type visits struct {
	mu    sync.Mutex
	since map[string]time.Time // when the minute of a project began
	count map[string]int
}

// allow refuses the look that would be one too many.
func (v *visits) allow(project string, now time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.since == nil {
		v.since, v.count = map[string]time.Time{}, map[string]int{}
	}
	if now.Sub(v.since[project]) >= time.Minute {
		v.since[project], v.count[project] = now, 0
	}
	if v.count[project]++; v.count[project] > visitsPerMinute {
		return fault.New(fault.Quota, "the request log was read for %d other services of the project in this minute: visitors of this one are not known", visitsPerMinute)
	}
	return nil
}
