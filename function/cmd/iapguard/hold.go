package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
			add := func(h policy.Holds) (policy.Holds, error) { return h.With(hold), nil }
			if err := changeHolds(command.Context(), &file, add); err != nil {
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

func changeHolds(ctx context.Context, named *holdsFlag, change func(policy.Holds) (policy.Holds, error)) error {
	holds, err := named.open(ctx)
	if err != nil {
		return err
	}
	return holds.change(ctx, change)
}

func oneTarget(command *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{
			fmt.Errorf("%d targets: write one, like %s projects/PROJECT[/locations/LOCATION[/services/SERVICE]]",
				len(args), command.CommandPath())}
	}
	return nil
}

func whoTypes() string {
	if current, err := user.Current(); err == nil && current.Username != "" {
		return current.Username
	}
	return "unknown"
}
