package function

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/singleflight"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// placedFor is how long an answer of the memory about placed holds is used. With the time
	// that a reading may take it stays well below the 30 seconds within which a hold stops
	// every write.
	placedFor      = 10 * time.Second
	placedPatience = 2 * time.Second
	// holdKnownAfter is how long after it was placed each instance knows of a hold.
	holdKnownAfter = placedFor + placedPatience
)

// PlacedHolds are the holds that commands placed, as the memory has them. While the memory
// cannot be read, those that were last read stay in force.
type PlacedHolds struct {
	memory *memory.Memory
	clock  clockwork.Clock
	log    *slog.Logger

	reading singleflight.Group // of the memory: one at a time
	mu      sync.Mutex         // of what follows; no call is made under it
	holds   policy.Holds
	known   bool      // the memory was read once
	asked   time.Time // when the last reading began that has ended
	err     error     // of that reading
	begun   int       // counts the readings that began
	ended   int       // is the number of the last one that ended
	needed  int       // is the number of the first one that is recent enough
	changes int       // counts what was taken over from elsewhere
}

// NewPlacedHolds makes no call.
func NewPlacedHolds(m *memory.Memory, clock clockwork.Clock, log *slog.Logger) *PlacedHolds {
	return &PlacedHolds{memory: m, clock: clock, log: log}
}

// Current returns the placed holds. It calls the memory once in ten seconds at most, for two
// seconds. One reading is made at a time; who waits for it heeds the own context, and goes on with
// what was read before. With an error no placed holds are known: the memory could not be read yet.
func (p *PlacedHolds) Current(ctx context.Context) (policy.Holds, error) {
	for begun := p.readings(); p.outdated(begun) && ctx.Err() == nil; {
		reading := p.reading.DoChan("", func() (any, error) {
			p.read(context.WithoutCancel(ctx)) // it serves others too
			return nil, nil
		})
		select {
		case <-reading:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known {
		return policy.Holds{}, fmt.Errorf("the holds that commands placed are not known: %w", cmp.Or(p.err, context.Cause(ctx)))
	}
	return p.holds, nil
}

// readings is how many readings have begun.
func (p *PlacedHolds) readings() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

// outdated reports whether the memory is to be read for a caller. begun is how many readings had
// begun when the caller came: a later one is recent enough.
func (p *PlacedHolds) outdated(begun int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	recent := p.ended >= p.needed && !p.asked.IsZero() && p.clock.Since(p.asked) < placedFor
	return !recent && p.ended <= begun
}

// read reads the memory once. What a change of the holds found meanwhile is newer.
func (p *PlacedHolds) read(ctx context.Context) {
	p.mu.Lock()
	p.begun++
	number, changes, began := p.begun, p.changes, p.clock.Now()
	p.mu.Unlock()
	ctx, cancel := timeout.With(ctx, p.clock, placedPatience, "the memory")
	found, err := p.memory.Deployment(ctx)
	cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.ended = began, number
	if p.changes == changes {
		p.take(found, err)
	}
}

// asOf has an answer that is older than a time not be used any more: who lifted a hold, and had
// its services looked at, must not be answered by the hold.
func (p *PlacedHolds) asOf(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked.Before(at) {
		p.needed = p.begun + 1
	}
}

// take keeps what was read. In a record that was rolled back, the holds that are known stay.
func (p *PlacedHolds) take(found memory.Deployment, err error) {
	switch p.err = err; {
	case err == nil, errors.Is(err, memory.ErrMissing):
		p.holds, p.known = placedIn(found), true
	case errors.Is(err, memory.ErrRollback):
		p.holds, p.known = p.holds.And(placedIn(found)), true
		p.log.Error("the memory was rolled back: the placed holds that were known stay in force", "err", err)
	case p.known:
		p.log.Warn("the memory cannot be read: the placed holds that were last read stay in force", "err", err)
	}
}

// saw takes over what another reading, or a change, found.
func (p *PlacedHolds) saw(found memory.Deployment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = p.clock.Now()
	p.changes++
	p.take(found, nil)
}

// placedIn are the placed holds of a record. A scope that is not one holds nothing.
func placedIn(d memory.Deployment) policy.Holds {
	var list []policy.Hold
	for _, placed := range d.Placed {
		hold, err := policy.HoldOn(placed.Scope)
		if err != nil {
			continue
		}
		hold.Since, hold.Until, hold.Reason, hold.By = placed.Since, placed.Until, placed.Reason, placed.By
		list = append(list, hold)
	}
	return policy.Holds{}.Plus(list...)
}

// PlaceHold stores holds in the memory that begin now and last for a time, as a verified
// person asked for, and returns them with their ends: all, or none. They are bounded as those
// of the file are. Where one may not last so long, the error is a fault.Invalid of one line;
// else the memory failed.
func (s *holdsSource) PlaceHold(ctx context.Context, length time.Duration, holds ...policy.Hold) ([]policy.Hold, error) {
	now, longest := s.clock.Now().UTC().Truncate(time.Second), s.longest()
	placing := slices.Clone(holds)
	for i, hold := range placing {
		if length <= 0 || hold.Reason == "" || hold.By == "" {
			return nil, fault.New(fault.Invalid, "a hold has a length, a reason, and somebody who placed it")
		}
		if err := hold.CheckLength("--for", length, longest); err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Err: err}
		}
		placing[i].Since, placing[i].Until = now, now.Add(length)
	}
	s.mu.Lock()
	file := s.bounded(policy.Holds{})
	s.mu.Unlock()
	var refused error
	found, err := s.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		var placed []memory.PlacedHold
		for _, hold := range placing {
			if _, refused = file.And(placedIn(*d)).Adding(hold, longest, now); refused != nil {
				return false
			}
			placed = append(placed, memory.PlacedHold{Scope: hold.Name(), Until: hold.Until, Reason: hold.Reason, By: hold.By})
		}
		refused = d.PlaceHold(now, placed...)
		return refused == nil
	})
	switch {
	case refused != nil:
		return nil, &fault.Error{Kind: fault.Invalid, Err: refused}
	case !memory.Persisted(err):
		return nil, fmt.Errorf("placing holds: %w", err)
	}
	s.placed.saw(found)
	return placing, nil
}

// heldAt reports whether a hold that is in force stops writes to a scope at a time.
func (s *holdsSource) heldAt(ctx context.Context, scope posture.Scope, at time.Time) bool {
	placed, err := s.placed.Current(ctx)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bounded(placed).On(posture.Target(scope), "", at) != nil
}

// ResumeHold lifts the placed hold on exactly this resource, and ends what was opened on
// purpose there. stays is a hold that still covers
// it, nil = none is known; those of folders and organizations are not looked at. Where there
// is none to lift, the error is a fault.Invalid of one line.
func (s *holdsSource) ResumeHold(ctx context.Context, name string) (stays *policy.Hold, err error) {
	named, err := policy.HoldOn(name)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	now, lifted := s.clock.Now(), false
	found, err := s.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool {
		lifted = d.ResumeHold(named.Name(), now)
		return lifted
	})
	if !memory.Persisted(err) {
		return nil, fmt.Errorf("lifting the hold on %s: %w", named.Name(), err)
	}
	s.placed.saw(found)
	if named.Scope.Service != "" {
		ended, err := reconcile.EndBreakGlass(ctx, s.memory, posture.Target(named.Scope), now)
		switch {
		case err != nil && lifted: // the hold is lifted all the same
			s.log.WarnContext(ctx, "what was opened on purpose stays open until its end", "target", named.Name(), "err", err)
		case err != nil:
			return nil, err
		}
		lifted = lifted || ended
	}
	s.mu.Lock()
	file := s.bounded(policy.Holds{})
	s.mu.Unlock()
	switch inFile := file.Has(named.Name(), now); {
	case !lifted && inFile:
		return nil, fault.New(fault.Invalid, "the hold on %s is in the holds file: lift it there, by iapguard resume %s with "+
			"--holds", named.Name(), named.Name())
	case !lifted:
		return nil, fault.New(fault.Invalid, "no command placed a hold on exactly %s; iapguard status lists the holds",
			named.Name())
	case named.Above != "":
		return nil, nil
	}
	return file.And(placedIn(found)).On(posture.Target(named.Scope), "", now), nil
}
