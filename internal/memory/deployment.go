package memory

import (
	"maps"
	"slices"
	"time"
)

// Deployment is the record of the whole deployment.
type Deployment struct {
	Header
	Breaker Breaker `json:"breaker,omitzero"`
	// Sweeps holds, by resource name of a scope, when its last sweep was completed.
	Sweeps map[string]time.Time `json:"sweeps,omitempty"`
	// Policy and Holds are the last texts that could be read and parsed.
	Policy Text `json:"policy,omitzero"`
	Holds  Text `json:"holds,omitzero"`
}

// Breaker is the circuit breaker. It counts writes of ours that were acknowledged and
// did not hold.
type Breaker struct {
	Failures []Failure `json:"failures,omitempty"`
	// ClosedAt is when a person closed it. Earlier failures no longer count.
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

// Text is a file's content when it was last read and parsed.
type Text struct {
	Digest string    `json:"digest,omitempty"`
	Text   string    `json:"text,omitempty"`
	Since  time.Time `json:"since,omitzero"` // when this content was first read
}

// shrink drops the oldest failures and sweeps, then the policy, then the holds.
// Without a stored text the stricter case applies.
func (d *Deployment) shrink(excess int) bool {
	scopes := slices.SortedFunc(maps.Keys(d.Sweeps), func(a, b string) int { return d.Sweeps[a].Compare(d.Sweeps[b]) })
	sweeps := list{sizesOf(scopes), func(n int) {
		for _, scope := range scopes[:n] {
			delete(d.Sweeps, scope)
		}
	}}
	left, dropped := shrink(excess, sweeps, listOf(&d.Breaker.Failures))
	for _, text := range []*Text{&d.Policy, &d.Holds} {
		if left > 0 && *text != (Text{}) {
			left -= len(text.Text)
			*text, dropped = Text{}, true
		}
	}
	return dropped
}

func (d *Deployment) header() *Header { return &d.Header }
func (*Deployment) limit() int        { return maxDeployment }
