package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// undoable is what is to be taken back, by service.
type undoable struct {
	targets []posture.Target
	of      map[posture.Target][]report.Report
}

// add adds a report, in place of an earlier one of the same run.
func (u *undoable) add(target posture.Target, r report.Report) {
	reports := u.of[target]
	if reports == nil {
		u.targets = append(u.targets, target)
	}
	if last := len(reports) - 1; last >= 0 && reports[last].RunID == r.RunID {
		reports[last] = r
		return
	}
	u.of[target] = append(reports, r)
}

// notInRun is what a run's id does not have: a report is a file that anybody can write, and a
// shell may read the reason.
var notInRun = regexp.MustCompile("[^A-Za-z0-9-]+")

// reason is why a service is held while its runs are taken back. It names the last of them.
func (u *undoable) reason(target posture.Target) string {
	reports := u.of[target]
	return fmt.Sprintf("undo of %.40s", notInRun.ReplaceAllString(reports[len(reports)-1].RunID, ""))
}

// readRun reads the steps of a run from the deployment's memory.
func (s *session) readRun(ctx context.Context, run string) (undoable, error) {
	kept, err := s.engine.Memory.Plan(ctx, run)
	switch {
	case errors.Is(err, memory.ErrMissing):
		return undoable{}, usageError{fmt.Errorf("the memory does not know a run %.80q: it keeps the runs of 30 days", run)}
	case err != nil:
		return undoable{}, fmt.Errorf("undoing run %.80q: nothing was written: %w", run, err)
	}
	target, err := posture.ParseTarget(kept.Service)
	if err != nil {
		return undoable{}, fmt.Errorf("undoing run %.80q: nothing was written: its record names no service: %w", run, err)
	}
	if kept.Truncated {
		fmt.Fprintf(os.Stderr, "iapguard: run %s had more steps than the memory keeps: the oldest are not taken back\n", run)
	}
	one := report.Report{RunID: run, Outcome: report.Started, Target: report.TargetOf(
		posture.Posture{Target: target, Service: posture.Service{UID: kept.UID}})}
	for i, raw := range kept.Steps {
		var step report.Step
		if err := json.Unmarshal(raw, &step); err != nil {
			return undoable{}, fmt.Errorf("undoing run %.80q: nothing was written: reading step %d: %w", run, i+1, err)
		}
		one.Steps = append(one.Steps, step)
	}
	found := undoable{of: map[posture.Target][]report.Report{}}
	found.add(target, one)
	return found, nil
}

// witnesses reads what says beside reports who took their steps.
func (s *session) witnesses(
	ctx context.Context, seen posture.Posture, reports []report.Report, self event.Self,
) decide.Witnesses {
	found := decide.Witnesses{Self: self}
	found.Trail.Writes, found.Trail.From, found.Trail.Unread = s.cloud.Trail(ctx, seen, self.Principals)
	if !s.remembers {
		return found
	}
	known, unread := s.engine.Memory.Service(ctx, memory.ServiceID{Target: seen.Target, UID: seen.Service.UID})
	if errors.Is(unread, memory.ErrMissing) {
		unread = nil
	}
	found.Memory = &decide.Remembered{Wrote: known.Wrote, Unread: unread}
	for _, r := range reports {
		kept, err := s.engine.Memory.Plan(ctx, r.RunID)
		switch {
		case err == nil:
			found.Memory.Runs = append(found.Memory.Runs, kept)
		case !errors.Is(err, memory.ErrMissing):
			found.Memory.Unread = err
		}
	}
	return found
}

// readReports reads reports, one JSON object after the other, as -o writes them and
// as messages of the reports topic carry them. It returns them by service, in the
// order of the file. Only the last report of a run counts: an earlier one says what
// the run was about to do.
func readReports(name string) (undoable, error) {
	file, err := os.Open(name)
	if err != nil {
		return undoable{}, usageError{fmt.Errorf("reading report: %w", err)}
	}
	defer file.Close()
	found := undoable{of: map[posture.Target][]report.Report{}}
	decoder := json.NewDecoder(bufio.NewReader(file))
	for entry := 1; ; entry++ {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return undoable{}, usageError{fmt.Errorf("reading report %s: entry %d is not JSON: %w", name, entry, err)}
		}
		r, err := report.Read(raw)
		if err != nil {
			return undoable{}, usageError{fmt.Errorf("reading report %s: entry %d: %w", name, entry, err)}
		}
		target, err := posture.ParseTarget(r.Subject())
		if err != nil {
			return undoable{}, usageError{fmt.Errorf("reading report %s: entry %d: %w", name, entry, err)}
		}
		found.add(target, r)
	}
	if len(found.targets) == 0 {
		return undoable{}, usageError{fmt.Errorf("reading report %s: it is empty", name)}
	}
	return found, nil
}
