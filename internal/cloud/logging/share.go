package logging

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/iapguard/iapguard/internal/fault"
)

// Cloud Logging answers 60 calls of entries.list a minute to the project whose
// account calls, whichever project's log is read, and Google does not raise that.
// Source: logging/quotas; 429s name the consumer (java-logging#1125).
const (
	// perMinute is what one instance takes of it: half, since others run too.
	perMinute = 30
	// reserved is how many reads hints leave for those that a decision waits for, such
	// as the history of writes.
	reserved = 20
)

// share counts an instance's reads against its share of the quota.
type share struct {
	limiter *rate.Limiter
	now     func() time.Time
}

func newShare(now func() time.Time) *share {
	return &share{rate.NewLimiter(rate.Every(time.Minute/perMinute), perMinute), now}
}

// take counts a read. A read that a decision waits for is never held back:
// beyond the share the API itself decides.
func (s *share) take() { s.limiter.AllowN(s.now(), 1) }

// forHint refuses a read that no decision waits for while too little is left.
func (s *share) forHint() error {
	if s.limiter.TokensAt(s.now()) > reserved {
		return nil
	}
	return fault.New(fault.Quota, "the reads of logs that are left in this minute are reserved for decisions")
}
