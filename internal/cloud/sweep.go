package cloud

import (
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// keptSweeps bounds for how many projects looks of sweeps share what they read: about 5 KB for each
// service with its load balancer. Those of one project come together.
const keptSweeps = 16

// sweeps are what looks of sweeps share: for each sweep and project what lies around its services. It
// is safe for concurrent use.
type sweeps struct {
	mu    sync.Mutex
	kept  map[swept]*Cloud
	order []swept // the oldest first
}

// swept is a project as one sweep looks at it.
type swept struct{ sweep, project string }

// Swept returns a cloud for the looks of one sweep at the services of a project. They share what they
// read of what lies around these: load balancers, and what they inherit. It was read after the
// sweep began, a minute ago at most, and after the last event about a service of the project that this
// instance looked at; ObservedAt of their postures is when the first of it was read. Each look reads
// its service itself, and who may invoke it.
//
// Nothing is written by it: see shared.
func (c *Cloud) Swept(sweep string, target posture.Target) (*Cloud, error) {
	s, of, now := c.sweeps, swept{sweep, target.Project}, c.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	if many := s.kept[of]; many != nil {
		return many, nil
	}
	many, err := c.Shared()
	if err != nil {
		return nil, err
	}
	many.shared.services, many.shared.invokers, many.shared.since = nil, nil, now
	if len(s.order) == keptSweeps {
		s.drop(0)
	}
	s.kept[of], s.order = many, append(s.order, of)
	return many, nil
}

// expire drops what is as old as looks may share it.
func (s *sweeps) expire(now time.Time) {
	for len(s.order) > 0 {
		if age := now.Sub(s.kept[s.order[0]].shared.since); age >= 0 && age < sharedFor {
			return
		}
		s.drop(0)
	}
}

// forget drops what looks share of a project: something changed there.
func (s *sweeps) forget(project string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.order) - 1; i >= 0; i-- {
		if s.order[i].project == project {
			s.drop(i)
		}
	}
}

func (s *sweeps) drop(i int) {
	delete(s.kept, s.order[i])
	s.order = append(s.order[:i], s.order[i+1:]...)
}
