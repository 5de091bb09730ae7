package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

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
			printResumed(command.OutOrStdout(), scope, wider)
			return nil
		},
	}
	file.add(command)
	return command
}

// resumed removes the hold of exactly one scope. wider is a hold that still covers
// the scope, or nil.
func resumed(h policy.Holds, scope posture.Scope, now time.Time) (left policy.Holds, wider *policy.Hold, err error) {
	left = h.Without(scope)
	if len(left.At(now)) == len(h.At(now)) {
		return h, nil, fmt.Errorf("there is no hold on exactly %s; iapguard status lists the holds", scope.Name())
	}
	return left, left.On(posture.Target(scope), "", now), nil
}

func printResumed(out io.Writer, scope posture.Scope, wider *policy.Hold) {
	fmt.Fprintf(out, "the hold on %s is lifted\n", scope.Name())
	if wider != nil {
		fmt.Fprintf(out, "it stays held by the hold on %s, until %s\n", wider.Scope.Name(), wider.Until.Format(time.RFC3339))
	}
}
