package function

import (
	"log/slog"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/reconcile"
)

// rereadAfter is how old a read policy may be. A changed file counts within 30
// seconds; half of that leaves room.
const rereadAfter = 15 * time.Second

// policySource is the policy file, read again while the function runs. When the file
// becomes unreadable, the last good policy stays in force, and the log says so.
type policySource struct {
	path string
	own  RuntimeIdentity // never protected, whatever the policy says
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	read   time.Time
	policy policy.Policy
}

func newPolicySource(config Config, log *slog.Logger) (*policySource, error) {
	now := config.clock().Now
	s := &policySource{path: config.Policy, own: config.Runtime, now: now, log: log, read: now()}
	var err error
	switch {
	case config.Policy != "":
		s.policy, err = policy.Read(config.Policy, now())
	case config.PolicyText != nil:
		s.policy, err = policy.Parse(config.PolicyText, now())
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// current is the policy in force, for the engine.
func (s *policySource) current() reconcile.Policy {
	return s.inForce().Sparing(s.own.Service, s.own.ProjectNumber)
}

// projects are those that the policy names in full.
func (s *policySource) projects() []string { return s.inForce().Projects() }

func (s *policySource) inForce() policy.Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" || s.now().Sub(s.read) < rereadAfter {
		return s.policy
	}
	s.read = s.now()
	changed, err := policy.Read(s.path, s.now())
	if err != nil {
		s.log.Error("policy cannot be read, the last good one stays in force", "err", err, "digest", s.policy.Digest())
		return s.policy
	}
	if changed.Digest() != s.policy.Digest() {
		s.log.Info("policy changed", "from", s.policy.Digest(), "to", changed.Digest())
	}
	s.policy = changed
	return s.policy
}
