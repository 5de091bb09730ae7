package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

func newUndoCommand() *cobra.Command {
	o := options{format: "text"}
	var yes bool
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
			return undo(command.Context(), &o, args[0], yes, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&o.endpoint, "endpoint", "", "base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	command.Flags().BoolVar(&yes, "yes", false, "write; without it the command only says what it would do")
	return command
}

// undo plans for every service of the file before it writes for any.
func undo(ctx context.Context, o *options, name string, yes bool, out io.Writer) error {
	targets, reports, err := readReports(name)
	if err != nil {
		return err
	}
	bench, err := o.open(ctx, nil)
	if err != nil {
		return err
	}
	var all []reconcile.Undoing
	steps := 0
	for _, target := range targets {
		seen, err := bench.cloud.Observe(ctx, target)
		if err != nil {
			return fmt.Errorf("observing %s: %w", target, err)
		}
		undoing, err := reconcile.PlanUndo(seen, reports[target])
		if err != nil {
			return usageError{fmt.Errorf("undoing %s: nothing was written: %w", name, err)}
		}
		printUndoing(out, undoing)
		all, steps = append(all, undoing), steps+len(undoing.Steps)
	}
	switch {
	case steps == 0:
		fmt.Fprintln(out, "nothing is left to undo")
		return nil
	case !yes:
		return errors.New("nothing was written: say --yes to undo this")
	}
	for _, undoing := range all {
		taken, err := reconcile.Undo(ctx, bench.cloud, undoing)
		fmt.Fprintf(out, "%s: %d of %d steps undone\n", undoing.Target, len(taken), len(undoing.Steps))
		if err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr, "iapguard: a function that enforces will protect these services again; put a rule with recipe: off for them first in its policy")
	return nil
}

func printUndoing(out io.Writer, undoing reconcile.Undoing) {
	fmt.Fprintln(out, undoing.Target)
	for i, step := range undoing.Steps {
		change := changeText(report.Step{Field: step.Field, From: step.To, To: step.From})
		fmt.Fprintf(out, "    %d. undo %-22s %s\n       %s\n", i+1, step.Op, step.Resource, change)
	}
	for _, door := range undoing.Opens {
		fmt.Fprintf(out, "  ! opens    %s  (%s)\n", door.Address, door.Kind)
	}
}

// readReports reads reports, one JSON object after the other, as -o writes
// them and as messages of the reports topic carry them. They are given by
// service, in the order of the file. Of one run only its last report counts:
// the one before it says what it was about to do.
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
			return nil, nil, usageError{fmt.Errorf("reading report %s: entry %d is no JSON: %w", name, entry, err)}
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
