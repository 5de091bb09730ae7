package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// gatherAndDecide observes the service and decides. A look of a sweep first does so by what it shares
// with others, which counts where nothing has changed.
func (r *run) gatherAndDecide(ctx context.Context) (decide.Facts, decide.Decision, error) {
	if facts, decision, unchanged := r.asBefore(ctx); unchanged {
		return facts, decision, nil
	}
	return r.observeAndDecide(ctx)
}

// observeAndDecide observes the service and decides. The facts that the decision
// needs beside the posture are read side by side, and it is made again with them.
// There are few facts, so this ends.
func (r *run) observeAndDecide(ctx context.Context) (decide.Facts, decide.Decision, error) {
	settings, complete := r.settings(ctx), false
	ctx, done := r.reads().Ahead(ctx, r.request.Target, r.sofar.Done != nil)
	defer func() { done(complete) }()
	seen, err := r.observe(ctx, settings)
	if err != nil {
		return decide.Facts{Posture: seen}, decide.Decision{},
			fmt.Errorf("observing %s: %w", r.request.Target, err)
	}
	facts := decide.Facts{Posture: seen, Self: r.Self, Writers: r.Writers, Callers: r.callersFound, Used: r.usedFound, Slot: r.slotTaken}
	facts.Memory = r.recall(ctx, seen)
	r.confirm(ctx, seen)
	facts.MemoryProven = r.Memory.Proven()
	facts.MemoryUnread, facts.Traffic, facts.Aftermath = r.notPersisted != nil, r.traffic, r.aftermath
	facts.Side, facts.Relied = r.side, r.instance.reliedOf(seen)
	ctx, ended := r.begin(ctx, "decide")
	defer func() { ended(err) }()
	for {
		facts.Run = r.sofar
		decision := decide.Decide(facts, settings, r.request, r.now())
		switch {
		case decision.Needs.Any():
		case decision.OutOfScope:
			return facts, decision, nil
		default:
			r.sofar, complete = decision.Run, true
			return facts, decision, nil
		}
		if r.shared != nil {
			return facts, decision, errNeeds
		}
		if err = r.gather(ctx, &facts, decision.Needs); err != nil {
			return facts, decision, err
		}
		r.joinRedeploy(ctx, facts)
	}
}

// settings reads the policy and the holds as they are now.
func (r *run) settings(ctx context.Context) decide.Settings {
	s := decide.Settings{Policy: r.Policy()}
	if r.Holds != nil {
		s.Holds, s.HoldsUnread = r.Holds(ctx)
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
	// Else a service account may be one that gets in newly; and who reads a plan or an audit wants
	// to know who gets in.
	asked.Roles = asked.Roles || r.request.Whole || r.request.DryRun
	err = r.retrying(ctx, func() (err error) {
		if observed, err = r.reads().Observe(ctx, r.request.Target); err != nil || asked == (policy.Asked{}) {
			return err
		}
		return r.reads().Describe(ctx, &observed, asked)
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
	if r.shared == nil {
		r.join(ctx, seen, known)
	}
	for _, approval := range known.Approvals {
		if approval.Run == r.id {
			r.approvedBy = approval.By
		}
	}
	return &known
}

// gather reads what a decision needs, side by side.
func (r *run) gather(ctx context.Context, facts *decide.Facts, needs decide.Needs) error {
	group, ctx := errgroup.WithContext(ctx)
	p := facts.Posture
	if needs.History {
		group.Go(func() error { facts.History = r.history(ctx, p); return nil })
	}
	if needs.Recent {
		group.Go(func() error { facts.Recent = r.recent(ctx, p); return nil })
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
	if needs.Used != nil {
		group.Go(func() error { facts.Used = r.used(ctx, p, *needs.Used); return nil })
	}
	if needs.Breaker {
		group.Go(func() error { facts.Breaker = r.breaker(ctx); return nil })
	}
	if needs.Slot != nil {
		group.Go(func() error {
			facts.Slot = r.slot(ctx, target{p.Target.Project, p.Service.UID}, *needs.Slot)
			return nil
		})
	}
	if needs.SignIn {
		group.Go(func() error { facts.SignIn = r.signIn(ctx, p.Target.Project); return nil })
	}
	if needs.Traffic {
		group.Go(func() error { facts.Traffic = r.served(ctx, p); return nil })
	}
	if needs.Aftermath != nil {
		group.Go(func() error { facts.Aftermath = r.after(ctx, *needs.Aftermath); return nil })
	}
	if !needs.Side.IsZero() {
		group.Go(func() error { facts.Side = r.sides(ctx, p, needs.Side); return nil })
	}
	if needs.Forbidden != nil {
		group.Go(func() error { facts.Forbidden = r.forbidden(ctx, *needs.Forbidden); return nil })
	}
	if needs.Examination {
		group.Go(func() error { return r.examine(ctx, facts) })
	}
	return group.Wait()
}

// history reads who wrote last to the service and to what leads to it. The run's own cause
// is among it even where the log lags behind. One failure is enough: no write waits for it.
func (r *run) history(ctx context.Context, p posture.Posture) *decide.History {
	writes, err := r.History(ctx, p, r.Self.Principals)
	if err != nil {
		return &decide.History{Unread: fmt.Errorf("looking for the last writes to %s: %w", p.Target, err)}
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

// recent reads who wrote last, as the audit log has it now.
func (r *run) recent(ctx context.Context, p posture.Posture) *decide.History {
	if r.Recent == nil {
		return &decide.History{Unread: errors.New("nothing reads the audit log")}
	}
	writes, err := r.Recent(ctx, p, r.Self.Principals)
	if err != nil {
		return &decide.History{Unread: fmt.Errorf("looking for who opened %s: %w", p.Target, err)}
	}
	return &decide.History{Writes: writes}
}

// examine reads what a diagnosis needs. The request log is searched where the
// cause is not itself a refused request.
func (r *run) examine(ctx context.Context, facts *decide.Facts) (err error) {
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

// signIn reads at which hosts IAP of a project signs external identities in.
func (r *run) signIn(ctx context.Context, project string) *decide.SignIn {
	found, err := r.Memory.Deployment(ctx)
	if err != nil && !errors.Is(err, memory.ErrMissing) {
		r.persisted(ctx, err)
		return &decide.SignIn{Unread: err}
	}
	return &decide.SignIn{Hosts: found.SignInAt(project, r.now())}
}

// breaker reads the circuit breaker. What this instance met and could not store counts
// as well.
func (r *run) breaker(ctx context.Context) *memory.Breaker {
	found, err := r.Memory.Deployment(ctx)
	if err != nil && !errors.Is(err, memory.ErrMissing) {
		r.persisted(ctx, err)
	}
	for _, own := range r.instance.failures(r.now()) {
		found.Breaker.Fail(own)
	}
	return &found.Breaker
}

// Limited is what governs writes as the memory has it, for a person.
type Limited struct {
	Changed  map[string]int   // services of the whole deployment that took a slot within the hour, by rule
	Failures []memory.Failure // writes that did not hold and hold others back
	Closed   memory.Breaker   // who closed the circuit breaker last, and why
	Policy   memory.PolicyVersion
	Waiting  *memory.WaitingPolicy // nil = no policy waits for an approver
	// Sweeps and Heartbeats are the last ones: see memory.Deployment.
	Sweeps     map[string]memory.Sweep
	Heartbeats map[string]time.Time
}

// Limited reads what limits and circuit breaker count now, and which policy is in force.
func (e *Engine) Limited(ctx context.Context) (Limited, error) {
	changed, err := e.Memory.Slots(ctx, "")
	if err != nil {
		return Limited{}, fmt.Errorf("reading what the limits count: %w", err)
	}
	deployment, err := e.Memory.Deployment(ctx)
	if err != nil && !errors.Is(err, memory.ErrMissing) {
		return Limited{}, fmt.Errorf("reading the circuit breaker: %w", err)
	}
	closed := deployment.Breaker
	closed.Failures = nil
	failures := decide.RecentFailures(deployment.Breaker, e.now())
	return Limited{changed, failures, closed, deployment.Policy, deployment.Waiting, deployment.Sweeps,
		deployment.Heartbeats}, nil
}

// CloseBreaker has the circuit breaker hold back nothing of what has failed until now. by is
// who says so.
func (e *Engine) CloseBreaker(ctx context.Context, by, reason string) error {
	at := e.now()
	_, err := e.Memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool { return d.Breaker.Close(at, by, reason) })
	if !memory.Persisted(err) {
		return fmt.Errorf("closing the circuit breaker in the memory: %w", err)
	}
	return nil
}

// EndBreakGlass has what was opened on purpose at a service be closed again at the next look.
// It reports whether anything was.
func EndBreakGlass(ctx context.Context, m *memory.Memory, target posture.Target, now time.Time) (ended bool, err error) {
	_, err = m.UpdateService(ctx, memory.ServiceID{Target: target}, func(s *memory.Service) bool {
		ended = s.EndBreakGlass(now)
		return ended
	})
	if !memory.Persisted(err) {
		return false, fmt.Errorf("ending what was opened on purpose at %s: %w", target, err)
	}
	return ended, nil
}
