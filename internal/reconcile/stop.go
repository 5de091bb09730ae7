package reconcile

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// stopped looks before each round of writes whether what happened before speaks
// against it, and gives the report that says so. What happened is read from the
// audit log, which all instances share.
func (r *run) stopped(ctx context.Context, v view, due []plan.Step) (final report.Report, stopped bool) {
	// Making the agent exist is nobody's to undo.
	due = slices.DeleteFunc(slices.Clone(due), func(s plan.Step) bool { return s.Op == plan.ProvisionAgent })
	if r.History == nil || r.request.DryRun || v.hold != nil || len(due) == 0 {
		return final, false
	}
	writes, err := r.writes(ctx, v.posture.Target.Project)
	if r.swept() && r.done == nil {
		r.missed = r.lastChange(v, due, writes)
	}
	if err != nil {
		if step, again := r.again(v, due); again {
			return r.unread(v, step, err), true
		}
	} else if contest := r.contested(v, due, writes); contest != nil {
		final = r.report(v, report.Contested)
		final.Contest = contest
		final.Advice = append(final.Advice, contestAdvice(v, contest))
		return final, true
	}
	if !r.mayWrite(v) {
		return final, false
	}
	return r.braked(ctx, v)
}

// braked reports as held what the circuit breaker or a brake stops. Both hold
// for a person's word too.
func (r *run) braked(ctx context.Context, v view) (final report.Report, stopped bool) {
	if r.History == nil {
		return final, false
	}
	tallies, failed, unread := r.counted(ctx, v.posture.Target.Project)
	for project, err := range unread {
		r.Log.WarnContext(ctx, "limits and circuit breaker count only this instance's own writes", "project", project, "err", err)
	}
	name, on := "the circuit breaker is open", breakerOf(failed)
	if on == nil {
		name, on = "the hourly limit is used up", r.Memory.admit(v.posture, v.settings.Limits, v.settings.Rule, tallies, r.Now())
	}
	if on == nil {
		return final, false
	}
	final = r.report(v, report.Held)
	final.WaitingFor = &report.WaitingFor{What: fmt.Sprintf("%s until %s: %s", name, on.until.Format(time.RFC3339), on.what), Until: &on.until}
	final.Advice = append(final.Advice, "it goes on at the next event or sweep after that")
	return final, true
}

// counted reads what was written, and what did not hold, in the projects that
// the policy names in full and in those that were met. A project whose log
// cannot be read counts as far as this instance knows.
func (e *Engine) counted(ctx context.Context, met ...string) (tallies map[string]tally, failed []map[string][]time.Time, unread map[string]error) {
	now := e.Now()
	tallies, failed, unread = map[string]tally{}, []map[string][]time.Time{e.Memory.failures(now)}, map[string]error{}
	projects := append(e.Memory.projects(met...), e.Policy().Projects()...)
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
				unread[project] = err
				return nil
			}
			tallies[project] = tallyOf(writes, e.ours, now.Add(-window))
			failed = append(failed, unheldIn(writes, e.ours, now.Add(-window)))
			return nil
		})
	}
	_ = group.Wait() // none fails
	return tallies, failed, unread
}

// Braking is how much was written within the last hour, for telling.
type Braking struct {
	Written map[string]int // services by project
	Overall int
	Open    string    // what the circuit breaker holds everything for, "" = closed
	Until   time.Time // until when
	// Unread says of which projects nothing is known, and why.
	Unread map[string]error
}

// Braking counts in the projects that the policy names in full. Of the circuit
// breaker it knows what the audit log tells, which is less than the instances do
// that met it.
func (e *Engine) Braking(ctx context.Context) Braking {
	tallies, failed, unread := e.counted(ctx)
	told := Braking{Written: map[string]int{}, Unread: unread}
	for project, each := range tallies {
		told.Written[project] = len(each.times())
		told.Overall += told.Written[project]
	}
	if on := breakerOf(failed); on != nil {
		told.Open, told.Until = on.what, on.until
	}
	return told
}

// ours says whether a write was ours. Who does not know their own account takes
// every write of iapguard's for one: that is only stricter.
func (e *Engine) ours(w event.Write) bool {
	self := e.Self
	if self.Account() == "" {
		self.Principals = []string{w.Principal}
	}
	return self.Wrote(w.Cause)
}
