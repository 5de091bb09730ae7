package function

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// holdsSource is the holds file, read before every step, and what commands placed. When the
// file becomes unreadable, its last good holds stay in force: those that this process read,
// else those that the memory has.
type holdsSource struct {
	path    string // of the file; "" = there is none
	file    *watchedFile
	longest func() time.Duration // of the policy
	memory  *memory.Memory
	placed  *PlacedHolds
	clock   clockwork.Clock
	log     *slog.Logger

	mu    sync.Mutex
	text  string // the last good one; "" = none is known
	good  policy.Holds
	seen  map[string]time.Time // when each hold was first seen, by its key in the memory
	kept  string               // the text that the memory has
	asked time.Time            // when the memory was last asked for a text, or given one
	said  map[string]bool      // holds whose end was announced, with how long before
}

// newHoldsSource reads the file once, for the log, and does not call the memory.
func newHoldsSource(config Config, policies *policySource, remembered *memory.Memory, log *slog.Logger) *holdsSource {
	s := &holdsSource{path: config.Holds, file: newWatchedFile(config.Holds, config.clock()),
		memory: remembered, clock: config.clock(), log: log,
		placed: NewPlacedHolds(remembered, config.clock(), log), seen: map[string]time.Time{}, said: map[string]bool{},
		longest: func() time.Duration { return policies.inForce().LongestHold() }}
	if err := s.read(); err != nil {
		log.Error(holdsUnreadable+" at the start: nothing is written, or the last good holds stay in force", "err", err)
	}
	return s
}

// holdsUnreadable begins the log lines that an alert looks for (deploy/terraform).
const holdsUnreadable = "the holds cannot be read"

// current returns the holds in force. With an error come the last good ones, nil where none
// are known.
func (s *holdsSource) current(ctx context.Context) (reconcile.Holds, error) {
	placed, unplaced := s.placed.Current(ctx)
	err := s.read()
	if err != nil {
		s.recall()
	} else {
		s.remember()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path != "" && s.text == "" {
		s.log.Error(holdsUnreadable+": nothing is written", "err", err)
		return nil, err
	}
	if err = cmp.Or(err, unplaced); err != nil {
		s.log.Error(holdsUnreadable+": the last good ones stay in force, and only what was guarded before is written", "err", err)
	}
	holds := s.bounded(placed)
	s.announceEnds(holds)
	return holds, err
}

// announceEnds logs that a hold ends soon, at each of its notices.
func (s *holdsSource) announceEnds(holds policy.Holds) {
	now, said := s.clock.Now(), map[string]bool{}
	for _, hold := range holds.At(now) {
		for i, at := range hold.Notices() {
			key := fmt.Sprintf("%s %d", holdKey(hold), i)
			if said[key] = s.said[key]; now.Before(at) || said[key] {
				continue
			}
			said[key] = true
			s.log.Warn("a hold ends soon", "target", hold.Name(), "until", hold.Until.UTC().Format(time.RFC3339),
				"reason", hold.Reason, "by", hold.By)
		}
	}
	s.said = said
}

// read reads the file.
func (s *holdsSource) read() error {
	if s.path == "" {
		return nil
	}
	text, err := s.file.read()
	if err != nil {
		return fmt.Errorf("reading holds: %w", err)
	}
	holds, err := policy.ParseHolds(text)
	if err != nil {
		return strictyaml.In(s.path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(string(text), holds)
	return nil
}

// take has holds be the last good ones.
func (s *holdsSource) take(text string, holds policy.Holds) {
	if s.text == text {
		return
	}
	s.text, s.good, s.asked = text, holds, time.Time{}
	now := s.clock.Now()
	for _, hold := range holds.At(now) {
		if s.seen[holdKey(hold)].IsZero() {
			s.seen[holdKey(hold)] = now
		}
	}
	for _, line := range s.bounded(policy.Holds{}).Problems(now) {
		s.log.Warn("a hold is not as it should be", "file", s.path, "problem", line)
	}
}

// bounded are the last good holds of the file and placed ones, with the ends that count.
func (s *holdsSource) bounded(placed policy.Holds) policy.Holds {
	now := s.clock.Now()
	return s.good.And(placed).Bounded(s.longest(), func(hold policy.Hold) time.Time {
		if at := s.seen[holdKey(hold)]; !at.IsZero() && at.Before(now) {
			return at
		}
		return now
	})
}

// holdKey names a hold in the memory. Another end makes another hold.
func holdKey(hold policy.Hold) string {
	return hold.Name() + " " + hold.Until.UTC().Format(time.RFC3339)
}

// askAgain is how long a memory that failed is left alone.
const askAgain = time.Minute

// ask reports whether the memory is to be asked now.
func (s *holdsSource) ask() bool {
	now := s.clock.Now()
	if !s.asked.IsZero() && now.Sub(s.asked) < askAgain {
		return false
	}
	s.asked = now
	return true
}

// remember stores the last good holds, and takes over when each was first seen.
func (s *holdsSource) remember() {
	s.mu.Lock()
	text, seen := s.text, map[string]time.Time{}
	for _, hold := range s.good.At(s.clock.Now()) {
		seen[holdKey(hold)] = s.seen[holdKey(hold)]
	}
	due := s.path != "" && s.kept != text && s.ask()
	s.mu.Unlock()
	if !due {
		return
	}
	sum := sha256.Sum256([]byte(text))
	stored := memory.Text{Digest: hex.EncodeToString(sum[:])[:12], Text: text, Since: s.clock.Now()}
	found, err := s.memory.UpdateDeployment(context.Background(), func(d *memory.Deployment) bool {
		changed := d.SeeHolds(seen, s.clock.Now())
		if d.Holds.Text != text {
			d.Holds, changed = stored, true
		}
		return changed
	})
	if err != nil {
		s.log.Warn("the memory does not know the holds", "err", err)
		return
	}
	s.placed.saw(found)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = text
	s.know(found.Held)
}

// know takes over when holds were first seen.
func (s *holdsSource) know(seen map[string]time.Time) {
	for key, at := range seen {
		if own := s.seen[key]; own.IsZero() || at.Before(own) {
			s.seen[key] = at
		}
	}
}

// recall takes the last good holds from the memory, where this process has none.
func (s *holdsSource) recall() {
	s.mu.Lock()
	due := s.text == "" && s.ask()
	s.mu.Unlock()
	if !due {
		return
	}
	found, err := s.memory.Deployment(context.Background())
	if err != nil {
		if !errors.Is(err, memory.ErrMissing) {
			s.log.Warn("the last good holds are not known", "err", err)
		}
		return
	}
	holds, err := policy.ParseHolds([]byte(found.Holds.Text))
	if err != nil {
		return // none were kept
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text != "" {
		return // the file was read meanwhile
	}
	s.know(found.Held)
	s.take(found.Holds.Text, holds)
	s.kept = found.Holds.Text
}
