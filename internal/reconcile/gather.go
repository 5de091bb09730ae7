package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// gathered is the facts of one round, with the count of slots that they saw.
type gathered struct {
	decide.Facts
	slots int
}

// gatherAndDecide observes the service and decides. The facts that the decision
// needs beside the posture are read side by side, and it is made again with them.
// There are few facts, so this ends.
func (r *run) gatherAndDecide(ctx context.Context) (gathered, decide.Decision, error) {
	settings := r.settings()
	seen, err := r.observe(ctx, settings)
	if err != nil {
		return gathered{Facts: decide.Facts{Posture: seen}}, decide.Decision{},
			fmt.Errorf("observing %s: %w", r.request.Target, err)
	}
	facts := gathered{Facts: decide.Facts{Posture: seen, Self: r.Self, Writers: r.Writers, Callers: r.callersFound}}
	facts.Memory = r.recall(ctx, seen)
	facts.MemoryUnread, facts.Traffic = r.notPersisted != nil, r.traffic
	ctx, ended := r.begin(ctx, "decide")
	defer func() { ended(err) }()
	for {
		facts.Run = r.sofar
		decision := decide.Decide(facts.Facts, settings, r.request, r.now())
		switch {
		case decision.Needs.Any():
		case decision.OutOfScope:
			return facts, decision, nil
		case len(decision.Waves) > 0 && facts.Counts != nil &&
			!r.instance.slots.take(facts.Posture.Target, facts.slots, r.now()):
			decision.Needs.Counts = true // another run took a slot meanwhile: count again
		default:
			r.sofar = decision.Run
			return facts, decision, nil
		}
		if err = r.gather(ctx, &facts, decision.Needs); err != nil {
			return facts, decision, err
		}
	}
}

// settings reads the policy and the holds as they are now.
func (r *run) settings() decide.Settings {
	s := decide.Settings{Policy: r.Policy()}
	if r.Holds != nil {
		s.Holds, s.HoldsUnread = r.Holds()
	}
	return s
}

// observe reads the service. After a write, this read is the verification. With an
// error come the facts that could be read.
func (r *run) observe(ctx context.Context, settings decide.Settings) (observed posture.Posture, err error) {
	part := "observe"
	if r.sofar.Done != nil {
		part = "verify"
	}
	ctx, ended := r.begin(ctx, part)
	defer func() { ended(err) }()
	asked := r.Writers.Asks(settings.Policy, r.request.Consent)
	err = r.retrying(ctx, func() (err error) {
		if observed, err = r.Cloud.Observe(ctx, r.request.Target); err != nil || asked == (policy.Asked{}) {
			return err
		}
		return r.Cloud.Describe(ctx, &observed, asked)
	})
	return observed, err
}

// recall reads the memory's record of the service, nil where there is none or it
// cannot be read. It joins the run that the record has open: the id and the steps
// of that run continue.
func (r *run) recall(ctx context.Context, seen posture.Posture) *memory.Service {
	if r.request.DryRun {
		return nil
	}
	known, err := r.Memory.Service(ctx, memory.ServiceID{Target: seen.Target, UID: seen.Service.UID})
	switch {
	case errors.Is(err, memory.ErrMissing):
		return nil
	case err != nil:
		r.persisted(ctx, err)
		return nil
	}
	r.join(ctx, known)
	return &known
}

// gather reads what a decision needs, side by side.
func (r *run) gather(ctx context.Context, facts *gathered, needs decide.Needs) error {
	group, ctx := errgroup.WithContext(ctx)
	p := facts.Posture
	if needs.History {
		group.Go(func() error { facts.History = r.history(ctx, p.Target.Project); return nil })
	}
	if needs.Callers {
		group.Go(func() error {
			err := r.retrying(ctx, func() (err error) {
				found := &decide.Callers{}
				found.Found, found.Unread, err = r.Cloud.Callers(ctx, p)
				facts.Callers = found
				return err
			})
			if err != nil {
				return fmt.Errorf("observing who calls %s: %w", p.Target, err)
			}
			r.callersFound = facts.Callers
			return nil
		})
	}
	if needs.Counts {
		group.Go(func() error { facts.Counts, facts.slots = r.counts(ctx, p.Target.Project); return nil })
	}
	if needs.Traffic {
		group.Go(func() error { facts.Traffic = r.served(ctx, p); return nil })
	}
	if needs.Examination {
		group.Go(func() error { return r.examine(ctx, facts) })
	}
	return group.Wait()
}

// history reads what was written in a project in the last 24 hours, oldest
// first. The run's own cause is among it even where the log lags behind.
func (r *run) history(ctx context.Context, project string) *decide.History {
	var writes []event.Write
	err := r.retrying(ctx, func() (err error) {
		writes, err = r.History(ctx, project)
		return err
	})
	if err != nil {
		return &decide.History{Unread: fmt.Errorf("looking for earlier writes in %s: %w", project, err)}
	}
	cause := r.request.Cause
	if cause.At.IsZero() || slices.ContainsFunc(writes, func(w event.Write) bool { return w.Key == cause.Key }) {
		return &decide.History{Writes: writes}
	}
	after := slices.IndexFunc(writes, func(w event.Write) bool { return w.At.After(cause.At) })
	if after < 0 {
		after = len(writes)
	}
	return &decide.History{Writes: slices.Insert(slices.Clone(writes), after, event.Write{Cause: cause})}
}

// examine reads what a diagnosis needs. The request log is searched where the
// cause is not itself a refused request.
func (r *run) examine(ctx context.Context, facts *gathered) (err error) {
	ctx, ended := r.begin(ctx, "examine")
	defer func() { ended(err) }()
	err = r.retrying(ctx, func() error {
		found, err := r.Cloud.Examine(ctx, facts.Posture, decide.SymptomOf(r.request.Cause) == nil)
		facts.Examination = &found
		return err
	})
	if err != nil {
		return fmt.Errorf("examining %s: %w", r.request.Target, err)
	}
	return nil
}

// counts reads what was written, and what did not hold, in the projects that
// the policy names in full and in those that were met. A project whose log
// cannot be read counts as far as this instance knows.
func (e *Engine) counts(ctx context.Context, met ...string) (*decide.Counts, int) {
	now := e.now()
	own, slots := e.instance.slots.snapshot(now)
	counts := &decide.Counts{Tallies: map[string]decide.Tally{}, Failed: []decide.Failures{e.instance.failures(now)},
		Own: own, Unread: map[string]error{}}
	projects := append(e.instance.meet(met...), e.Policy().Projects()...)
	slices.Sort(projects)
	var mu sync.Mutex
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, project := range slices.Compact(projects) {
		group.Go(func() error {
			writes, err := e.History(groupContext, project)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				e.Log.WarnContext(ctx, "limits and circuit breaker count only this instance's own writes", "project",
					project, "err", err)
				counts.Unread[project] = err
				return nil
			}
			counts.Tallies[project] = decide.TallyOf(writes, e.Self, now.Add(-decide.Window))
			counts.Failed = append(counts.Failed, decide.FailuresIn(writes, e.Self, now.Add(-decide.Window)))
			return nil
		})
	}
	_ = group.Wait() // none fails
	return counts, slots
}

// Limited is how much was written within the last hour in the projects that the
// policy names in full, for a person; unread has the projects whose log could
// not be read.
func (e *Engine) Limited(ctx context.Context) (limited decide.Limited, unread map[string]error) {
	counts, _ := e.counts(ctx)
	return decide.LimitedBy(*counts), counts.Unread
}
