package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

func newHoldCommand() *cobra.Command {
	var file holdsFlag
	var length time.Duration
	var reason, by string
	command := &cobra.Command{
		Use:   "hold TARGET --for 4h --reason REASON",
		Short: "Stop every write to a service, location or project at once, for a time",
		Args:  oneTarget,
		RunE: func(command *cobra.Command, args []string) error {
			scope, err := posture.ParseScope(args[0])
			if err != nil {
				return usageError{err}
			}
			if length <= 0 || reason == "" {
				return usageError{errors.New("a hold has an end and a reason: write --for 4h --reason \"why\"")}
			}
			until := time.Now().Add(length).UTC().Truncate(time.Second)
			hold := policy.Hold{Scope: scope, Until: until, Reason: reason, By: cmp.Or(by, whoTypes())}
			if err := changeHolds(command.Context(), &file, func(h policy.Holds) (policy.Holds, error) { return h.With(hold), nil }); err != nil {
				return err
			}
			fmt.Fprintf(command.OutOrStdout(), "%s is held until %s\n", scope.Name(), until.Format(time.RFC3339))
			return nil
		},
	}
	file.add(command)
	command.Flags().DurationVar(&length, "for", 0, "how long, like 4h")
	command.Flags().StringVar(&reason, "reason", "", "why; it goes into the reports")
	command.Flags().StringVar(&by, "by", "", "who; it goes into the reports (default: the user who types)")
	return command
}

func newResumeCommand() *cobra.Command {
	var file holdsFlag
	command := &cobra.Command{
		Use:   "resume TARGET",
		Short: "Allow writes again that a hold stopped",
		Args:  oneTarget,
		RunE: func(command *cobra.Command, args []string) error {
			scope, err := posture.ParseScope(args[0])
			if err != nil {
				return usageError{err}
			}
			var wider *policy.Hold
			if err := changeHolds(command.Context(), &file, func(h policy.Holds) (left policy.Holds, err error) {
				left, wider, err = resumed(h, scope, time.Now())
				return left, err
			}); err != nil {
				return err
			}
			tellResumed(command.OutOrStdout(), scope, wider)
			return nil
		},
	}
	file.add(command)
	return command
}

// resumed takes the hold of exactly one scope away; wider is one that still
// covers it.
func resumed(h policy.Holds, scope posture.Scope, now time.Time) (left policy.Holds, wider *policy.Hold, err error) {
	left = h.Without(scope)
	if len(left.At(now)) == len(h.At(now)) {
		return h, nil, fmt.Errorf("there is no hold on exactly %s; iapguard status lists the holds", scope.Name())
	}
	return left, left.On(posture.Target(scope), "", now), nil
}

func tellResumed(out io.Writer, scope posture.Scope, wider *policy.Hold) {
	fmt.Fprintf(out, "the hold on %s is lifted\n", scope.Name())
	if wider != nil {
		fmt.Fprintf(out, "it stays held by the hold on %s, until %s\n", wider.Scope.Name(), wider.Until.Format(time.RFC3339))
	}
}

func changeHolds(ctx context.Context, named *holdsFlag, change func(policy.Holds) (policy.Holds, error)) error {
	holds, err := named.open(ctx)
	if err != nil {
		return err
	}
	return holds.change(ctx, change)
}

func oneTarget(command *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%d targets: write one, like %s projects/PROJECT[/locations/LOCATION[/services/SERVICE]]", len(args), command.CommandPath())}
	}
	return nil
}

func whoTypes() string {
	if current, err := user.Current(); err == nil && current.Username != "" {
		return current.Username
	}
	return "unknown"
}
