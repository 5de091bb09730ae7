package memory

import (
	"slices"
	"time"
)

// Watch is about the steps that were the first to close a service. What load balancers
// answer afterwards shows whether they shut out who is entitled.
type Watch struct {
	Run   string    `json:"run"`   // whose steps they are
	Ops   []string  `json:"ops"`   // their kinds
	Began time.Time `json:"began"` // when the first of them was taken
	Ended time.Time `json:"ended"` // when the last of them was taken
	Ways  []Way     `json:"ways"`  // through load balancers, as they led to the service
	// Verdict is "" while nobody has looked; else fine or harm.
	Verdict string `json:"verdict,omitempty"`
	// Served and Refused are how many requests were answered with success before the steps,
	// and refused after them, as the verdict rests on.
	Served  int64 `json:"served,omitempty"`
	Refused int64 `json:"refused,omitempty"`
}

// Way is a way in through a load balancer, as traffic.Way.
type Way struct {
	Rule     string `json:"rule"`
	Backend  string `json:"backend"`
	Internal bool   `json:"internal,omitempty"`
}

// SeeWatch notes what is watched; nil = nothing new. It reports whether the record changed.
func (s *Service) SeeWatch(watch *Watch) bool {
	if watch == nil || s.Watch != nil && s.Watch.same(*watch) {
		return false
	}
	s.Watch = watch
	return true
}

func (w Watch) same(other Watch) bool {
	return w.Run == other.Run && w.Verdict == other.Verdict && w.Began.Equal(other.Began) && w.Ended.Equal(other.Ended) &&
		w.Served == other.Served && w.Refused == other.Refused && slices.Equal(w.Ops, other.Ops) && slices.Equal(w.Ways, other.Ways)
}
