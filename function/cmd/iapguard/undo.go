package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/remedy/command"
	"github.com/iapguard/iapguard/internal/report"
)

func newUndoCommand() *cobra.Command {
	o := options{format: "text"}
	var job undoing
	command := &cobra.Command{
		Use:   "undo REPORT.json",
		Short: "Restore what a report says was changed, if nothing has moved since",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("write %s REPORT.json: a report, or the started record of one", command.CommandPath())}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			job.file, job.holds.endpoint = args[0], o.endpoint
			return job.undo(command.Context(), &o, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&o.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	command.Flags().BoolVar(&job.yes, "yes", false, "write; without it the command only says what it would do")
	command.Flags().DurationVar(&job.hold, "hold", 24*time.Hour,
		"how long the services are held, so that the function does not undo the undo")
	job.holds.add(command)
	return command
}

// undoing is what the user typed.
type undoing struct {
	file  string
	yes   bool
	hold  time.Duration
	holds holdsFlag
}

// undo plans for every service of the file before it writes to any.
func (u *undoing) undo(ctx context.Context, o *options, out io.Writer) error {
	if u.hold <= 0 {
		return usageError{errors.New("--hold is not a time: write how long, like --hold 4h")}
	}
	targets, reports, err := readReports(u.file)
	if err != nil {
		return err
	}
	session, err := o.open(ctx, nil)
	if err != nil {
		return err
	}
	var all []decide.Undoing
	steps := 0
	for _, target := range targets {
		seen, err := session.cloud.Observe(ctx, target)
		if err != nil {
			return fmt.Errorf("observing %s: %w", target, err)
		}
		planned, err := decide.Undo(seen, reports[target])
		if err != nil {
			return usageError{fmt.Errorf("undoing %s: nothing was written: %w", u.file, err)}
		}
		printUndoing(out, planned)
		all, steps = append(all, planned), steps+len(planned.Steps)
	}
	switch {
	case steps == 0:
		fmt.Fprintln(out, "nothing is left to undo")
		return nil
	case !u.yes:
		return errors.New("nothing was written: say --yes to undo this")
	}
	if err := u.holdFirst(ctx, targets, out); err != nil {
		return fmt.Errorf("holding what is to be undone: nothing was written: %w", err)
	}
	for _, planned := range all {
		taken, err := reconcile.Undo(ctx, session.cloud, planned)
		fmt.Fprintf(out, "%s: %d of %d steps undone\n", planned.Target, len(taken), len(planned.Steps))
		if err != nil {
			return err
		}
	}
	return nil
}

// holdFirst holds the services, where a holds file is known. Without a hold, a
// function that enforces protects them again at the event of the undo.
func (u *undoing) holdFirst(ctx context.Context, targets []posture.Target, out io.Writer) error {
	if u.holds.path() == "" {
		fmt.Fprintf(os.Stderr,
			"iapguard: no holds file is named, so a function that enforces will protect again what is not held: "+
				"iapguard hold %s --for %gh --reason REASON\n", targets[0], u.hold.Hours())
		return nil
	}
	now := time.Now()
	until := now.Add(u.hold).UTC().Truncate(time.Second)
	return changeHolds(ctx, &u.holds, func(h policy.Holds) (policy.Holds, error) {
		for _, target := range targets {
			if h.On(target, "", until) != nil {
				continue // held for longer than we would
			}
			reason := "undone from " + filepath.Base(u.file)
			h = h.With(policy.Hold{Scope: posture.Scope(target), Until: until, Reason: reason, By: whoTypes()})
			fmt.Fprintf(out, "%s is held until %s\n", target, until.Format(time.RFC3339))
		}
		return h, nil
	})
}

func printUndoing(out io.Writer, planned decide.Undoing) {
	fmt.Fprintln(out, planned.Target)
	for i, step := range planned.Steps {
		words := step.Words()
		change := changeText(report.Step{Field: words.Field, From: words.To, To: words.From})
		fmt.Fprintf(out, "    %d. undo %-22s %s\n       %s\n", i+1, step.Op(), step.Resource, change)
	}
	for _, step := range planned.Stays {
		fmt.Fprintf(out, "    %s of %s stays: %s\n", step.Op(), step.Resource, staysBecause(planned.Target, step))
	}
	for _, door := range planned.Opens {
		fmt.Fprintf(out, "  ! opens    %s  (%s)\n", door.Address, door.Kind)
	}
}

// staysBecause is why undo leaves what a step did.
func staysBecause(target posture.Target, step plan.Step) string {
	switch change := step.Change.(type) {
	case plan.EnableAPI:
		return "others may rely on the API by now; where nobody does: " +
			command.DisableAPI(change.Service, target.Project).String()
	case plan.RevokeAccess, plan.WithdrawInvoker, plan.WithdrawAccess:
		return "nobody is let in without a name"
	}
	return "the new revision was made of what was there, so nothing is to take back"
}

// readReports reads reports, one JSON object after the other, as -o writes them and
// as messages of the reports topic carry them. It returns them by service, in the
// order of the file. Only the last report of a run counts: an earlier one says what
// the run was about to do.
func readReports(name string) ([]posture.Target, map[posture.Target][]report.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("reading report: %w", err)}
	}
	defer file.Close()
	var targets []posture.Target
	found := map[posture.Target][]report.Report{}
	decoder := json.NewDecoder(bufio.NewReader(file))
	for entry := 1; ; entry++ {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, usageError{fmt.Errorf("reading report %s: entry %d is not JSON: %w", name, entry, err)}
		}
		r, err := report.Read(raw)
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("reading report %s: entry %d: %w", name, entry, err)}
		}
		target, err := posture.ParseTarget(r.Subject())
		if err != nil {
			return nil, nil, usageError{fmt.Errorf("reading report %s: entry %d: %w", name, entry, err)}
		}
		if found[target] == nil {
			targets = append(targets, target)
		}
		found[target] = keep(found[target], r)
	}
	if len(targets) == 0 {
		return nil, nil, usageError{fmt.Errorf("reading report %s: it is empty", name)}
	}
	return targets, found, nil
}

// keep adds a report, in place of an earlier one of the same run.
func keep(reports []report.Report, r report.Report) []report.Report {
	if last := len(reports) - 1; last >= 0 && reports[last].RunID == r.RunID {
		reports[last] = r
		return reports
	}
	return append(reports, r)
}
