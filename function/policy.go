package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// rereadAfter is how old a read policy may be. A changed file counts within 30
// seconds; half of that leaves room.
const rereadAfter = 15 * time.Second

// policySource is the policy file, read again while the function runs. A version of it
// comes into force unless it cannot be read, was in force before, or loosens too much; see
// policy_change.go. The memory has the version in force, for processes that start later.
type policySource struct {
	path   string
	text   *watchedFile
	own    RuntimeIdentity // never protected, whatever the policy says
	memory *memory.Memory
	clock  clockwork.Clock
	log    *slog.Logger
	// above reads what lies above a project; nil = nobody does.
	above func(ctx context.Context, project string) posture.Ancestors
	// sealed means that nobody else can have written what the memory has: its records have
	// MACs, or it is this process's own.
	sealed bool
	// first is what the file held at the start, where that is valid; nil = it was not.
	first *version

	reading sync.Mutex // held while the file is read

	mu     sync.Mutex
	read   time.Time     // when the file was last read; zero = never
	policy policy.Policy // in force
	sum    string        // of its text; "" = no text is known
	stored bool          // the memory has it as the one in force
	base   policy.Policy // what the memory has of it, where that may be others' text
	bound  bool          // base counts, as far as the file goes
	waits  bool          // a version of the file waits for an approver
	said   time.Time     // when that was last logged
}

// newPolicySource reads the file, and does not call the memory. A broken file does not stop
// the start. A text that is given instead must be valid.
func newPolicySource(config Config, remembered *memory.Memory, log *slog.Logger) (*policySource, error) {
	s := &policySource{path: config.Policy, text: newWatchedFile(config.Policy, config.clock()),
		own: config.Runtime, memory: remembered, clock: config.clock(), log: log}
	s.sealed = config.MemoryKey != "" || config.Memory == ""
	if config.Policy != "" {
		read, err := s.file()
		if err != nil {
			log.Error("the policy cannot be read at the start", "err", err)
			return s, nil
		}
		s.first = &read
		return s, nil
	}
	if config.PolicyText == nil {
		return s, nil
	}
	var err error
	s.policy, err = policy.Parse(config.PolicyText, s.now())
	return s, err
}

func (s *policySource) now() time.Time { return s.clock.Now() }

// current is the policy in force, for the engine.
func (s *policySource) current() reconcile.Policy {
	return s.inForce().Sparing(s.own.Service, s.own.ProjectNumber)
}

// projects are those that the policy names in full.
func (s *policySource) projects() []string { return s.inForce().Projects() }

// inForce returns the policy in force. The first call waits for the file; later ones read it
// again when it is time, and do not wait for each other.
func (s *policySource) inForce() policy.Policy {
	s.mu.Lock()
	known, due := !s.read.IsZero(), s.now().Sub(s.read) >= rereadAfter
	inForce := s.policy
	s.mu.Unlock()
	if s.path == "" || !due {
		return inForce
	}
	if !s.reading.TryLock() {
		if known {
			return inForce
		}
		s.reading.Lock() // nothing is known before the first reading ends
	}
	defer s.reading.Unlock()
	s.mu.Lock()
	inForce, due = s.policy, s.now().Sub(s.read) >= rereadAfter
	s.mu.Unlock()
	if due {
		inForce = s.reread(context.Background())
	}
	return inForce
}

// reread reads the file, and returns the policy that is in force then.
func (s *policySource) reread(ctx context.Context) policy.Policy {
	read, err := s.file()
	s.mu.Lock()
	sum, stored, waits := s.sum, s.stored, s.waits
	s.mu.Unlock()
	switch {
	case err != nil:
		s.unreadable(ctx, err)
	case memory.SumOf(read.text) != sum || !stored:
		s.change(ctx, read)
	case waits:
		s.withdrawn(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && memory.SumOf(read.text) == s.sum {
		s.policy, s.bound = read.Policy, false // an exemption's end is read by the time of now
	}
	s.read = s.now()
	return s.policy
}

// file reads the version that the file holds.
func (s *policySource) file() (version, error) {
	text, err := s.text.read()
	if err != nil {
		return version{}, fmt.Errorf("reading policy: %w", err)
	}
	read, err := policy.Parse(text, s.now())
	if err != nil {
		return version{}, strictyaml.In(s.path, err)
	}
	return version{text, read}, nil
}

// put has a version be in force. stored says whether the memory knows.
func (s *policySource) put(next version, stored bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.policy.Digest(); s.sum != "" && before != next.Digest() {
		s.log.Info("policy changed", "from", before, "to", next.Digest())
	}
	s.policy, s.sum, s.stored, s.waits, s.bound = next.Policy, memory.SumOf(next.text), stored, false, false
}

// putKept has a version of the memory be in force, as far as the file goes; nil = no file can be
// read.
func (s *policySource) putKept(kept version, file *policy.Policy) {
	s.put(kept, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sealed {
		s.policy, s.base, s.bound = kept.Within(file), kept.Policy, true
	}
}

// unreadable keeps the last good policy in force: that of this process, else the one that
// the memory has. With none, nothing is protected for the first time.
func (s *policySource) unreadable(ctx context.Context, why error) {
	s.mu.Lock()
	known := s.sum != ""
	s.mu.Unlock()
	if !known && s.first != nil { // it broke before anybody asked
		s.change(ctx, *s.first)
		known = s.digest() != policy.Policy{}.Digest()
	}
	if !known {
		last, err := s.last(ctx)
		switch {
		case err == nil:
			s.putKept(last, nil)
		case errors.Is(err, memory.ErrMissing):
			s.lose(why)
			return
		default:
			s.lose(fmt.Errorf("%w; and the last good one is not known: %w", why, err))
			return
		}
	}
	s.log.Error("the policy cannot be read: the last good one stays in force", "err", why, "digest", s.digest())
}

// lose is about a policy that cannot be read, where no good one is known.
func (s *policySource) lose(why error) {
	s.log.Error("the policy cannot be read, and no good one is known: only what was guarded before is guarded again",
		"err", why)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = policy.Policy{}.Unreadable(why.Error())
}

func (s *policySource) digest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policy.Digest()
}

// version is a policy with its text.
type version struct {
	text []byte
	policy.Policy
}

// last is the version that the memory has as the one in force.
func (s *policySource) last(ctx context.Context) (version, error) {
	found, err := s.deployment(ctx)
	if err != nil {
		return version{}, err
	}
	return s.textOf(ctx, found.Policy)
}

// textOf reads a version from the memory.
func (s *policySource) textOf(ctx context.Context, known memory.PolicyVersion) (version, error) {
	text, err := s.memory.PolicyText(ctx, known)
	if err != nil {
		return version{}, err
	}
	read, err := policy.Parse(text, s.now())
	if err != nil { // an older version of ours may have known another key
		return version{}, fmt.Errorf("%w: %w", memory.ErrMissing, strictyaml.In("policy "+known.Digest+" of the memory", err))
	}
	return version{text, read}, nil
}

// deployment reads the record of the deployment; an empty one where there is none.
func (s *policySource) deployment(ctx context.Context) (memory.Deployment, error) {
	found, err := s.memory.Deployment(ctx)
	if errors.Is(err, memory.ErrMissing) || errors.Is(err, memory.ErrRollback) && found.Sequence > 0 {
		return found, nil
	}
	return found, err
}
