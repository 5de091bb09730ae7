package memory

import (
	"maps"
	"slices"
	"time"
)

// Deployment is what the whole deployment remembers.
type Deployment struct {
	Header
	Breaker Breaker `json:"breaker,omitzero"`
	// Sweeps are when each scope was last swept to its end, by resource name.
	Sweeps map[string]time.Time `json:"sweeps,omitempty"`
	// Policy and Holds are the last texts that could be read and parsed.
	Policy Text `json:"policy,omitzero"`
	Holds  Text `json:"holds,omitzero"`
}

// Breaker is the circuit breaker: writes of ours that were acknowledged and did
// not hold.
type Breaker struct {
	Failures []Failure `json:"failures,omitempty"`
	// ClosedAt is when a person closed it: earlier failures no longer count.
	ClosedAt time.Time `json:"closedAt,omitzero"`
	ClosedBy string    `json:"closedBy,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

// Failure is one write that did not hold.
type Failure struct {
	Project  string    `json:"project"`
	Resource string    `json:"resource"`
	Field    string    `json:"field"`
	Op       string    `json:"op"`
	At       time.Time `json:"at"`
}

// Text is a file's content at its last good reading.
type Text struct {
	Digest string    `json:"digest,omitempty"`
	Text   string    `json:"text,omitempty"`
	Since  time.Time `json:"since,omitzero"` // when this content was first read
}

// drop makes the record smaller: the oldest failures and sweeps first, then the
// policy, then the holds. Without a remembered text the stricter case applies.
func (d *Deployment) drop() bool {
	switch {
	case len(d.Sweeps) > 0 && len(d.Sweeps) >= len(d.Breaker.Failures):
		scopes := slices.SortedFunc(maps.Keys(d.Sweeps), func(a, b string) int { return d.Sweeps[a].Compare(d.Sweeps[b]) })
		delete(d.Sweeps, scopes[0])
	case len(d.Breaker.Failures) > 0:
		d.Breaker.Failures = d.Breaker.Failures[1:]
	case d.Policy != Text{}:
		d.Policy = Text{}
	case d.Holds != Text{}:
		d.Holds = Text{}
	default:
		return false
	}
	return true
}

func (d *Deployment) header() *Header { return &d.Header }
func (*Deployment) limit() int        { return maxDeployment }
