package posture

import (
	"time"

	"github.com/iapguard/iapguard/internal/refusal"
)

// Rollout is which revision of a service answers requests, and which ones were
// made of late. A redeploy is judged by it.
type Rollout struct {
	Serving Revision // the latest that is ready; without a name, none is
	Newest  Revision // the latest that was made
	// OnLatest says that every request goes to the latest ready revision. Where
	// traffic is pinned to a named one, a new revision gets none.
	OnLatest bool
	// Recent are the latest revisions, newest first, as the list shows them:
	// lists may lag behind.
	Recent []Revision
}

// Revision is one revision of a Cloud Run service.
type Revision struct {
	Name      string // last segment of its resource name
	Creator   string // e-mail
	CreatedAt time.Time
}

// Examination is what is read of a service to find out why it refuses visitors,
// beside its posture.
type Examination struct {
	Rollout Rollout
	// IAPDisabled says that IAP's API is known to be switched off.
	IAPDisabled bool
	// Refused are the latest refused requests, at most one of each kind of refusal, as far
	// as the request logs were looked into.
	Refused []refusal.Request
	// Answered is the latest 403 of the application itself, looked for only where
	// Cloud Run refused nobody.
	Answered *refusal.Request
	// Unread is what could not be read.
	Unread map[Part]Unread
}

// Part names what an examination reads.
type Part string

// The parts.
const (
	PartRollout         Part = "revisions"
	PartIAPAPI          Part = "IAP's API"
	PartRequestLog      Part = "request log"
	PartLoadBalancerLog Part = "load balancer's request log"
)
