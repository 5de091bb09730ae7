package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// Undoing works on the cloud, the memory and the audit log as the loop does. It takes no part
// in the loop: a person asks for it, and the services are held first, so that the loop does
// not do again what is taken back.

// UndoCloud is the cloud as undo needs it.
type UndoCloud interface {
	Observe(ctx context.Context, target posture.Target) (posture.Posture, error)
	// Trail returns the writes to a service since it was created, and to what leads to it, as
	// the audit logs of their projects have them.
	Trail(ctx context.Context, p posture.Posture, accounts []string) event.Trail
	// Describe adds to a posture what only rules ask about.
	Describe(ctx context.Context, p *posture.Posture, asked policy.Asked) error
	// Undo takes back one step that Apply took, as an account, "" = our own. It refuses with
	// fault.Conflict when the resource is no longer at the step's version.
	Undo(ctx context.Context, step plan.Step, as string) (version string, err error)
}

// The values of package decide that a person chooses runs by, under the names by which the
// function and the command line know them.
type (
	Wave     = decide.Wave
	Undoable = decide.Undoable
)

// ErrNoRun means that the memory knows no run of that id, or none of a wave.
var ErrNoRun = errors.New("the memory does not know such a run: it keeps the runs of 30 days")

// Undoer takes runs back.
type Undoer struct {
	Cloud  UndoCloud
	Memory *memory.Memory // of the deployment; nil = there is none
	Clock  Clock
	Self   event.Self // whose writes are taken back
	// Writers are who writes; nil = our own account does.
	Writers Writers
	// Hold holds services before anything is written; nil = nobody does.
	Hold func(ctx context.Context, targets []posture.Target, reason string) error
	// Progress is called for each thing that was done, from one goroutine at a time; nil =
	// nobody looks.
	Progress func(what string, done, of int)
	// FinishSteps lets a step that has begun end although the context does: a person who presses
	// Ctrl-C waits for it.
	FinishSteps bool
}

// Undone is what came of taking back the runs of one service.
type Undone struct {
	Undoable
	Seen    posture.Posture
	Planned decide.Undoing
	// Taken are the steps that were taken back, in that order.
	Taken  []plan.Step
	writer string // as which account the steps are taken back; "" = our own
	Gone   bool   // there is no such service any more: nothing is to be taken back
	// Err is why the service could not be planned, or at which step it stopped; nil = neither.
	Err error
}

// Run finds one run in the memory. Its error is ErrNoRun where the memory has none.
func (u *Undoer) Run(ctx context.Context, id string) (Undoable, error) {
	kept, err := u.Memory.Plan(ctx, id)
	switch {
	case errors.Is(err, memory.ErrMissing):
		return Undoable{}, fmt.Errorf("run %.80q: %w", id, ErrNoRun)
	case err != nil:
		return Undoable{}, fmt.Errorf("reading run %.80q: %w", id, err)
	}
	return decide.RunOf(kept)
}

// Wave finds the runs of a wave in the memory, by service. Runs that cannot be read are named
// in the error, which comes beside the others; it is ErrNoRun where there are none.
func (u *Undoer) Wave(ctx context.Context, wave Wave) ([]Undoable, error) {
	kept, err := u.Memory.Plans(ctx, memory.PlanQuery{Since: wave.Since, Keep: wave.Selects,
		Progress: func(done, of int) { u.progress("runs read", done, of) }})
	found := wave.Runs(kept)
	if len(found) == 0 && err == nil {
		err = fmt.Errorf("policy %.80q decided no run since %s: %w", wave.Policy, wave.Since.UTC().Format(time.RFC3339), ErrNoRun)
	}
	return found, err
}

// Undo holds the services, plans, and takes back what it can. A service that fails stops no
// other. Its error means that the services could not be held: then nothing was written.
func (u *Undoer) Undo(ctx context.Context, runs ...Undoable) ([]Undone, error) {
	if err := u.HoldFirst(ctx, runs); err != nil {
		return nil, err
	}
	return u.Take(ctx, u.Plan(ctx, runs)), nil
}

// HoldFirst holds the services of runs. Without a hold, a function that enforces protects them
// again at the event of the undo.
func (u *Undoer) HoldFirst(ctx context.Context, runs []Undoable) error {
	if u.Hold == nil {
		return nil
	}
	var targets []posture.Target
	for _, run := range runs {
		targets = append(targets, run.Target)
	}
	if err := u.Hold(ctx, targets, ReasonOf(runs)); err != nil {
		return fmt.Errorf("holding what is to be undone: nothing was written: %w", err)
	}
	return nil
}

// ReasonOf is why services are held while their runs are taken back. It names one of them.
func ReasonOf(runs []Undoable) string {
	reports := runs[0].Reports
	reason := "undo of " + decide.RunName(reports[len(reports)-1].RunID)
	if len(runs) > 1 || len(reports) > 1 {
		reason += " and others"
	}
	return reason
}

// plannedAtOnce bounds how many services are looked at, or taken back, side by side.
const plannedAtOnce = 8

// Plan plans the undoing of runs, without writing. What could not be planned has an error.
func (u *Undoer) Plan(ctx context.Context, runs []Undoable) []Undone {
	return u.each(ctx, "services looked at", runs, func(i int) Undone { return u.plan(ctx, runs[i]) })
}

// Take takes back what was planned. What moved since is planned again once.
func (u *Undoer) Take(ctx context.Context, planned []Undone) []Undone {
	runs := make([]Undoable, len(planned))
	for i, one := range planned {
		runs[i] = one.Undoable
	}
	return u.each(ctx, "services taken back", runs, func(i int) Undone {
		if planned[i].Err != nil || planned[i].Gone {
			return planned[i]
		}
		done := u.take(ctx, planned[i])
		if fault.Of(done.Err).Kind != fault.Conflict {
			return done
		}
		before := done.Taken
		if done = u.plan(ctx, runs[i]); done.Err == nil {
			done = u.take(ctx, done)
		}
		done.Taken = slices.Concat(before, done.Taken)
		return done
	})
}

// each does something for the services of runs, side by side.
func (u *Undoer) each(ctx context.Context, what string, runs []Undoable, do func(i int) Undone) []Undone {
	results := make([]Undone, len(runs))
	var group errgroup.Group
	group.SetLimit(plannedAtOnce)
	var mu sync.Mutex
	done := 0
	for i := range runs {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				results[i] = Undone{Undoable: runs[i], Err: fmt.Errorf("it was not looked at: %w", context.Cause(ctx))}
				return nil
			}
			results[i] = do(i)
			mu.Lock()
			defer mu.Unlock()
			done++
			u.progress(what, done, len(runs))
			return nil
		})
	}
	_ = group.Wait() // the errors are in the results
	return results
}

func (u *Undoer) progress(what string, done, of int) {
	if u.Progress != nil {
		u.Progress(what, done, of)
	}
}

func (u *Undoer) plan(ctx context.Context, run Undoable) Undone {
	result := Undone{Undoable: run}
	result.Err = u.patiently(ctx, func() (err error) {
		result.Seen, err = u.Cloud.Observe(ctx, run.Target)
		return err
	})
	if result.Gone = fault.ActionOf(result.Err) == fault.Gone; result.Gone {
		result.Err = nil
		return result
	}
	if result.Err != nil {
		result.Err = fmt.Errorf("observing %s: %w", run.Target, result.Err)
		return result
	}
	if result.writer, result.Err = u.writer(ctx, &result.Seen); result.Err != nil {
		return result
	}
	result.Planned, result.Err = decide.Undo(result.Seen, run.Reports, u.witnesses(ctx, result.Seen, run))
	return result
}

// writer is the account that writes to a service's project, "" = our own.
func (u *Undoer) writer(ctx context.Context, seen *posture.Posture) (string, error) {
	if u.Writers == nil {
		return "", nil
	}
	if err := u.Cloud.Describe(ctx, seen, policy.Asked{Folders: true}); err != nil {
		return "", fmt.Errorf("looking for who writes to %s: %w", seen.Target, err)
	}
	account := u.Writers.Of(seen.Ancestors.Folders)
	switch {
	case account == "":
		return "", fault.New(fault.Denied, "no account writes to %s: no folder above its project has one, as far as they are known",
			seen.Target)
	case strings.EqualFold(account, u.Self.Account()):
		return "", nil
	}
	return account, nil
}

func (u *Undoer) take(ctx context.Context, planned Undone) Undone {
	lasting := ctx
	if u.FinishSteps {
		lasting = context.WithoutCancel(ctx)
	}
	versions := map[string]string{}
	for _, step := range planned.Planned.Steps {
		if ctx.Err() != nil {
			planned.Err = fmt.Errorf("before undoing step %s on %s: %w", step.Op(), step.Resource, context.Cause(ctx))
			return planned
		}
		if version := versions[step.Written()]; version != "" {
			step.Version = version
		}
		version, err := u.Cloud.Undo(lasting, step, planned.writer)
		if err != nil {
			planned.Err = fmt.Errorf("undoing step %s on %s: %w", step.Op(), step.Resource, err)
			return planned
		}
		planned.Taken = append(planned.Taken, step)
		versions[step.Written()] = version
	}
	return planned
}

// witnesses reads what says beside reports who took their steps.
func (u *Undoer) witnesses(ctx context.Context, seen posture.Posture, run Undoable) decide.Witnesses {
	found := decide.Witnesses{Self: u.Self}
	// Its error stands in the trail.
	_ = u.patiently(ctx, func() error {
		found.Trail = u.Cloud.Trail(ctx, seen, u.Self.Principals)
		return found.Trail.Unread[seen.Target.Project]
	})
	if u.Memory == nil {
		return found
	}
	known, unread := u.Memory.Service(ctx, memory.ServiceID{Target: seen.Target, UID: seen.Service.UID})
	if errors.Is(unread, memory.ErrMissing) {
		unread = nil
	}
	found.Memory = &decide.Remembered{Wrote: known.Wrote, Unread: unread}
	for _, r := range run.Reports {
		kept, err := u.Memory.Plan(ctx, r.RunID)
		switch {
		case err == nil:
			found.Memory.Runs = append(found.Memory.Runs, kept)
		case !errors.Is(err, memory.ErrMissing):
			found.Memory.Unread = err
		}
	}
	return found
}

const (
	// askedAgain is the pause after a read that a quota refused: Cloud Logging answers 60
	// reads a minute and project. Source: logging/quotas.
	askedAgain = 20 * time.Second
	// mostReads bounds the attempts.
	mostReads = 30
)

// patiently repeats a read that a quota refused, or that failed for a passing reason.
func (u *Undoer) patiently(ctx context.Context, read func() error) error {
	for attempt := 1; ; attempt++ {
		err := read()
		kind := fault.Of(err).Kind
		if err == nil || kind != fault.Quota && kind != fault.Unavailable || attempt == mostReads ||
			kind == fault.Unavailable && attempt == attempts {
			return err
		}
		if u.Clock.Sleep(ctx, askedAgain) != nil {
			return err
		}
	}
}

// FailuresOf are the services that could not be taken back, each with the reason, in one
// line each; none = all were.
func FailuresOf(undone []Undone) []string {
	var lines []string
	for _, one := range undone {
		if one.Err != nil {
			lines = append(lines, fmt.Sprintf("%s: %s", one.Target, strings.ReplaceAll(one.Err.Error(), "\n", "; ")))
		}
	}
	return lines
}
