package function

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/timeout"
)

// Status is what a deployment has in force and what it did: the answer to the command status.
type Status struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of Cloud Run; "" = it does not run there
	// PolicyText is the policy in force, "" = there is none.
	PolicyText   string    `json:"policyText,omitempty"`
	PolicyDigest string    `json:"policyDigest"`
	PolicySince  time.Time `json:"policySince,omitzero"`
	// Waiting is a version of the policy that waits for an approver; nil = none does.
	Waiting *memory.WaitingPolicy `json:"waiting,omitempty"`
	// Holds are those in force, with the ends that count. HoldsUnread is why others may be.
	Holds       []HoldInForce `json:"holds,omitempty"`
	HoldsUnread string        `json:"holdsUnread,omitempty"`
	// Changed counts, by rule, the services that took a slot of the limits within the hour.
	Changed map[string]int `json:"changed,omitempty"`
	// Breaker has the writes that hold others back, and Closed who closed it last; nil = nobody.
	Breaker []memory.Failure `json:"breaker,omitempty"`
	Closed  *memory.Breaker  `json:"closed,omitempty"`
	// Heartbeats holds when the last one arrived, by where it begins, exact to some minutes.
	Heartbeats map[string]time.Time `json:"heartbeats,omitempty"`
	// Sweeps holds the last sweep of each scope; "" = all that the policy names.
	Sweeps map[string]memory.Sweep `json:"sweeps,omitempty"`
	// Overdue counts what should have been looked at by now, and OverdueSince is since when.
	Overdue      int       `json:"overdue,omitempty"`
	OverdueSince time.Time `json:"overdueSince,omitzero"`
	// Open are services with an open door, the longest open first; OpenMore counts those that are
	// not listed. Guarded counts the services that were guarded once.
	Open     []OpenService `json:"open,omitempty"`
	OpenMore int           `json:"openMore,omitempty"`
	Guarded  int           `json:"guarded"`
	// Unread says what could not be read, a line each.
	Unread []string `json:"unread,omitempty"`
}

// HoldInForce is a hold, until when it counts.
type HoldInForce struct {
	Target string    `json:"target"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
}

// OpenService is a service with an open door, and since when.
type OpenService struct {
	Service string    `json:"service"`
	Since   time.Time `json:"since"`
}

// mostOpen is how many open services a status lists, and statusPatience how long the memory may
// take in all.
const (
	mostOpen       = 100
	statusPatience = 15 * time.Second
)

// status reads what is in force. What cannot be read is said, and hides nothing else.
func (f *Function) status(ctx context.Context) *Status {
	ctx, cancel := timeout.With(ctx, f.clock, statusPatience, "the memory")
	defer cancel()
	s := &Status{Version: Version, Revision: os.Getenv("K_REVISION")}
	inForce := f.policies.inForce()
	s.PolicyDigest, s.PolicyText = inForce.Digest(), inForce.Text()
	now := f.clock.Now()
	holds, err := f.holds.current(ctx)
	if err != nil {
		s.HoldsUnread = err.Error()
	}
	if holds, known := holds.(policy.Holds); known {
		for _, hold := range holds.At(now) {
			s.Holds = append(s.Holds, HoldInForce{hold.Name(), hold.Until.UTC(), hold.Reason, hold.By})
		}
	}
	unread := func(what string, err error) {
		if err != nil {
			s.Unread = append(s.Unread, fmt.Sprintf("%s: %v", what, err))
		}
	}
	limited, err := f.engine.Limited(ctx)
	unread("limits, circuit breaker, and since when the policy is in force", err)
	s.Changed, s.Breaker, s.PolicySince, s.Waiting = limited.Changed, limited.Failures, limited.Policy.Since, limited.Waiting
	if !limited.Closed.ClosedAt.IsZero() {
		s.Closed = &limited.Closed
	}
	s.Heartbeats, s.Sweeps = limited.Heartbeats, limited.Sweeps
	due, err := f.memory.Due(ctx, now.Add(-overdueAfter))
	unread("what is overdue", err)
	for _, one := range due {
		s.Overdue++
		if s.OverdueSince.IsZero() || one.At.Before(s.OverdueSince) {
			s.OverdueSince = one.At
		}
	}
	open, more, err := f.memory.OpenServices(ctx)
	unread("what is open", err)
	for i, one := range open {
		if i < mostOpen {
			s.Open = append(s.Open, OpenService{one.Target.Name(), one.Since})
		}
	}
	s.OpenMore = more + max(0, len(open)-mostOpen)
	guarded, err := f.memory.GuardedServices(ctx)
	unread("how many services are guarded", err)
	s.Guarded = len(guarded)
	return s
}

// overdueAfter is how late a look may be: the command due comes every minute.
const overdueAfter = 3 * time.Minute
