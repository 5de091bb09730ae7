package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/remedy"
	"github.com/iapguard/iapguard/internal/remedy/command"
	"github.com/iapguard/iapguard/internal/report"
)

func newUndoCommand() *cobra.Command {
	o := options{format: "text"}
	var job undoing
	command := &cobra.Command{
		Use:   "undo RUN|REPORT.json",
		Short: "Take back what one run changed, as far as we wrote it and nothing has moved since",
		Long: "Undo takes back the steps of one run, the last first. It reads them from the deployment's memory, which " +
			"IAPGUARD_MEMORY names, by the run's id; or from a report, or the started record of one. A report is a file that " +
			"anybody can write, so a step is taken back only where the memory and an entry of the audit log say that iapguard " +
			"wrote it. Without a memory, the service has to be at the version that the report names. What is left comes with " +
			"the command that takes it back by hand. The public gets back roles/run.invoker at most. The services are held " +
			"first, so that the function does not protect them again at once.",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("write %s RUN, the id of a run, or %s REPORT.json, a report or the started record "+
					"of one", command.CommandPath(), command.CommandPath())}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			job.of, job.holds.endpoint = args[0], o.endpoint
			return job.undo(command.Context(), &o, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&o.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	command.Flags().BoolVar(&job.yes, "yes", false, "write; without it the command only says what it would do")
	command.Flags().StringSliceVar(&job.accounts, "account", nil,
		"e-mail address of the account whose writes are taken back (default: $IAPGUARD_SELF and those of $IAPGUARD_WRITERS)")
	command.Flags().DurationVar(&job.hold, "hold", 4*time.Hour,
		"how long the services are held, so that the function does not undo the undo")
	job.holds.add(command)
	return command
}

// undoing is what the user typed.
type undoing struct {
	of       string // the id of a run, or a file of reports
	accounts []string
	yes      bool
	hold     time.Duration
	holds    holdsFlag
}

// undo plans for every service of the file before it writes to any.
func (u *undoing) undo(ctx context.Context, o *options, out io.Writer) error {
	if u.hold <= 0 {
		return usageError{errors.New("--hold is not a time: write how long, like --hold 4h")}
	}
	session, reports, err := u.read(ctx, o)
	if err != nil {
		return err
	}
	self := session.engine.Self
	if len(u.accounts) > 0 {
		self.Principals = u.accounts
	}
	if len(self.Principals) == 0 {
		return usageError{errors.New("undo takes back what one account wrote: write --account EMAIL, the account that " +
			"iapguard wrote as, or set IAPGUARD_SELF to it")}
	}
	var all []decide.Undoing
	steps := 0
	for _, target := range reports.targets {
		seen, err := session.cloud.Observe(ctx, target)
		if err != nil {
			return fmt.Errorf("observing %s: %w", target, err)
		}
		planned, err := decide.Undo(seen, reports.of[target], session.witnesses(ctx, seen, reports.of[target], self))
		if err != nil {
			return usageError{fmt.Errorf("undoing %s: nothing was written: %w", u.of, err)}
		}
		printUndoing(out, seen, planned)
		all, steps = append(all, planned), steps+len(planned.Steps)
	}
	switch {
	case steps == 0:
		fmt.Fprintln(out, "nothing is left to undo")
		return nil
	case !u.yes:
		return errors.New("nothing was written: say --yes to undo this")
	}
	if err := u.holdFirst(ctx, reports, out); err != nil {
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

// read reads the reports of a file before it connects, or the run from the memory.
func (u *undoing) read(ctx context.Context, o *options) (*session, undoable, error) {
	file := strings.ContainsAny(u.of, "/.")
	if _, err := os.Stat(u.of); file || err == nil {
		found, err := readReports(u.of)
		if err != nil {
			return nil, found, err
		}
		session, err := o.open(ctx, nil)
		return session, found, err
	}
	if os.Getenv("IAPGUARD_MEMORY") == "" { // before anything is connected to
		return nil, undoable{}, usageError{fmt.Errorf("there is no file %s, and runs are in the deployment's memory: name it "+
			"with IAPGUARD_MEMORY=gs://BUCKET, or give a report", u.of)}
	}
	session, err := o.open(ctx, nil)
	if err != nil {
		return nil, undoable{}, err
	}
	found, err := session.readRun(ctx, u.of)
	return session, found, err
}

// holdFirst holds the services, where a holds file is known. Without a hold, a
// function that enforces protects them again at the event of the undo.
func (u *undoing) holdFirst(ctx context.Context, reports undoable, out io.Writer) error {
	if u.holds.path() == "" {
		for _, target := range reports.targets {
			fmt.Fprintf(os.Stderr, "iapguard: no holds file is named, so a function that enforces will do these steps again "+
				"unless a hold is placed: iapguard hold %s --for %gh --reason %q\n", target, u.hold.Hours(), reports.reason(target))
		}
		return nil
	}
	now := time.Now()
	until := now.Add(u.hold).UTC().Truncate(time.Second)
	return changeHolds(ctx, &u.holds, func(h policy.Holds) (policy.Holds, error) {
		for _, target := range reports.targets {
			if h.On(target, "", until) != nil {
				continue // held for longer than we would
			}
			h = h.With(policy.Hold{Scope: posture.Scope(target), Until: until, Reason: reports.reason(target), By: whoTypes()})
			fmt.Fprintf(out, "%s is held until %s\n", target, until.Format(time.RFC3339))
		}
		return h, nil
	})
}

func printUndoing(out io.Writer, seen posture.Posture, planned decide.Undoing) {
	fmt.Fprintln(out, planned.Target)
	for i, step := range planned.Steps {
		words := step.Words()
		change := changeText(report.Step{Field: words.Field, From: words.To, To: words.From})
		fmt.Fprintf(out, "    %d. undo %-22s %s\n       %s\n", i+1, step.Op(), step.Resource, change)
	}
	for _, step := range planned.Stays {
		fmt.Fprintf(out, "    %s of %s stays: %s\n", step.Op(), step.Resource, staysBecause(planned.Target, step))
	}
	for _, left := range planned.Left {
		fmt.Fprintf(out, "    %s of %s is left: %s\n", left.Step.Op(), left.Step.Resource, left.Why)
		for _, by := range remedy.TakeBack(seen, left.Step) {
			fmt.Fprintf(out, "       by hand: %s\n", by)
		}
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
